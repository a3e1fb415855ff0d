"""Google as a mail provider: OAuth and Gmail behind the port `MailProvider`."""

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import ConnectionRefused
from postroom.domain.ids import AccountId
from postroom.domain.provider_config import ProviderConfig
from postroom.ports import (
    AccessTokenSource,
    AuthorizationRequest,
    Budget,
    Clock,
    ProviderTraits,
)
from postroom.providers.google.client import USER_AGENT, GmailClient
from postroom.providers.google.endpoints import endpoints
from postroom.providers.google.errors import consent_refusal
from postroom.providers.google.mailbox import GmailMailbox
from postroom.providers.google.oauth import GMAIL_MODIFY, GoogleOAuth, missing_scopes
from postroom.providers.http_calls import TIMEOUT

if TYPE_CHECKING:
    from postroom.providers.google.identity import Identities


class Google:
    """What all OAuth clients at Google share: connections, keys and addresses."""

    def __init__(
        self, *, clock: Clock, transport: httpx.BaseTransport | None, simulator_url: str
    ) -> None:
        self.clock = clock
        self.endpoints = endpoints(simulator_url)
        self.http = httpx.Client(
            transport=transport, timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}
        )

    @cached_property
    def identities(self) -> "Identities":
        """Google's keys, loaded with the cryptography they need by whoever connects a mailbox."""
        from postroom.providers.google.identity import Identities

        return Identities(http=self.http, endpoints=self.endpoints, clock=self.clock)

    def provider(
        self, config: ProviderConfig, read_client_secret: Callable[[], str]
    ) -> "GoogleProvider":
        """Return the provider for an administrator's OAuth client."""
        return GoogleProvider(self, config, read_client_secret)


class GoogleProvider:
    """See ports.MailProvider for what each method means and raises."""

    traits = ProviderTraits(
        required_scopes=frozenset({GMAIL_MODIFY}),
        one_folder_per_message=False,
        has_categories=False,
        has_folder_colors=True,
        exact_versions=True,
    )

    def __init__(
        self, google: Google, config: ProviderConfig, read_client_secret: Callable[[], str]
    ) -> None:
        self._google = google
        self._topic_name = config.topic_name
        self._oauth = GoogleOAuth(
            client_id=config.client_id,
            read_client_secret=read_client_secret,
            scopes=config.scopes,
            http=google.http,
            endpoints=google.endpoints,
            identities=lambda: google.identities,
            clock=google.clock,
        )

    def asked_scopes(self) -> frozenset[str]:
        """Return the scopes of the consent page."""
        return self._oauth.asked_scopes()

    def missing_scopes(self, wanted: Collection[str], *, among: Collection[str]) -> frozenset[str]:
        """Return those wanted that some scopes neither are, in another form, nor contain."""
        return missing_scopes(wanted, among=among)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of Google's consent page."""
        return self._oauth.authorization_url(request)

    def admin_consent_url(
        self,
        *,
        redirect_uri: str,
        state: str,
    ) -> None:
        """Return nothing: organisations allow applications in their own console at Google."""

    def consent_refusal(
        self,
        *,
        error: str,
        description: str,  # noqa: ARG002 - Google sends none
        redirect_uri: str,  # noqa: ARG002 - nor a place to go on to
    ) -> ConnectionRefused:
        """Return what an error on the way back from the consent page means."""
        return consent_refusal(error)

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade the code for tokens; scopes contain what the granted ones imply."""
        return self._oauth.exchange_code(
            code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce
        )

    def authorization_of(self, refresh_token: str) -> Authorization:
        """Tell what a refresh token of our client stands for."""
        return self._oauth.authorization_of(refresh_token)

    def refresh(self, tokens: Tokens) -> Tokens:
        """Renew the access token."""
        return self._oauth.refresh(tokens)

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw the consent, for all accounts that rest on it."""
        self._oauth.revoke(tokens)

    def mailbox(
        self, account_id: AccountId, tokens: AccessTokenSource, budget: Budget | None = None
    ) -> GmailMailbox:
        """Open a Gmail mailbox."""
        client = GmailClient(
            http=self._google.http,
            endpoints=self._google.endpoints,
            tokens=tokens,
            clock=self._google.clock,
            budget=budget,
        )
        return GmailMailbox(client, account_id, self._google.clock, topic_name=self._topic_name)
