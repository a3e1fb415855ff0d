"""Microsoft as a mail provider: OAuth and Graph behind the port `MailProvider`."""

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from postroom.domain.account import ProviderName
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import ConnectionRefused
from postroom.domain.ids import AccountId
from postroom.domain.provider_config import DEFAULT_TENANTS, ProviderConfig
from postroom.ports import (
    AccessTokenSource,
    AuthorizationRequest,
    Budget,
    Clock,
    ProviderTraits,
)
from postroom.providers.http_calls import TIMEOUT
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.endpoints import endpoints
from postroom.providers.microsoft.folders import WELL_KNOWN_NAMES
from postroom.providers.microsoft.mailbox import GraphMailbox
from postroom.providers.microsoft.oauth import MAIL_SCOPES, MicrosoftOAuth, missing_scopes

if TYPE_CHECKING:
    from postroom.providers.microsoft.identity import Identities


class Microsoft:
    """What all OAuth clients at Microsoft share: connections, keys and addresses."""

    def __init__(
        self, *, clock: Clock, transport: httpx.BaseTransport | None, simulator_url: str
    ) -> None:
        self.clock = clock
        self.endpoints = endpoints(simulator_url)
        self.http = httpx.Client(
            transport=transport, timeout=TIMEOUT, headers={"User-Agent": "postroom"}
        )

    @cached_property
    def identities(self) -> "Identities":
        """Microsoft's keys, loaded with the cryptography they need by whoever connects."""
        from postroom.providers.microsoft.identity import Identities

        return Identities(http=self.http, endpoints=self.endpoints, clock=self.clock)

    def provider(
        self, config: ProviderConfig, read_client_secret: Callable[[], str]
    ) -> "MicrosoftProvider":
        """Return the provider for an administrator's OAuth client."""
        return MicrosoftProvider(self, config, read_client_secret)


class MicrosoftProvider:
    """See ports.MailProvider for what each method means and raises."""

    traits = ProviderTraits(
        required_scopes=frozenset(MAIL_SCOPES),
        one_folder_per_message=True,
        has_categories=True,
        has_folder_colors=False,
        exact_versions=False,  # a time in whole seconds
        folder_names=WELL_KNOWN_NAMES,
    )

    def __init__(
        self, microsoft: Microsoft, config: ProviderConfig, read_client_secret: Callable[[], str]
    ) -> None:
        self._microsoft = microsoft
        self._oauth = MicrosoftOAuth(
            client_id=config.client_id,
            read_client_secret=read_client_secret,
            tenant=config.tenant or DEFAULT_TENANTS[ProviderName.MICROSOFT],
            scopes=config.scopes,
            http=microsoft.http,
            endpoints=microsoft.endpoints,
            identities=lambda: microsoft.identities,
            clock=microsoft.clock,
        )

    def asked_scopes(self) -> frozenset[str]:
        """Return the scopes of the consent page."""
        return self._oauth.asked_scopes()

    def missing_scopes(self, wanted: Collection[str], *, among: Collection[str]) -> frozenset[str]:
        """Return those wanted that some scopes neither are, in another form, nor contain."""
        return missing_scopes(wanted, among=among)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of Microsoft's consent page."""
        return self._oauth.authorization_url(request)

    def admin_consent_url(self, *, redirect_uri: str, state: str) -> str:
        """Return the address of Microsoft's page for administrators."""
        return self._oauth.admin_consent_url(redirect_uri, state=state)

    def consent_refusal(
        self, *, error: str, description: str, redirect_uri: str
    ) -> ConnectionRefused:
        """Return what an error on the way back from the consent page means."""
        return self._oauth.consent_refusal(
            error=error, description=description, redirect_uri=redirect_uri
        )

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade the code for tokens; scopes are in their short form."""
        return self._oauth.exchange_code(
            code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce
        )

    def authorization_of(self, refresh_token: str) -> Authorization:
        """Tell what a refresh token of our client stands for."""
        return self._oauth.authorization_of(refresh_token)

    def refresh(self, tokens: Tokens) -> Tokens:
        """Renew the access token; the refresh token changes with it."""
        return self._oauth.refresh(tokens)

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw nothing: Microsoft has no way to end one application's consent or tokens.

        What there is (`revokeSignInSessions`) would sign the owner out of everything. The tokens
        end by themselves once nobody uses them, after 90 days at the latest, and their owner can
        remove the application at https://myapps.microsoft.com or https://account.live.com/consent.
        """

    def mailbox(
        self, account_id: AccountId, tokens: AccessTokenSource, budget: Budget | None = None
    ) -> GraphMailbox:
        """Open an Outlook mailbox."""
        client = GraphClient(
            http=self._microsoft.http,
            endpoints=self._microsoft.endpoints,
            tokens=tokens,
            clock=self._microsoft.clock,
            budget=budget,
        )
        return GraphMailbox(client, account_id)
