"""Whose mailbox it is, proven by Microsoft's signature, with the address that Graph knows.

https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference

An account is known by tenant and object id together: both stay for ever, while the address and the
user name may be given to somebody else one day.
"""

import re
from dataclasses import dataclass, field

import httpx

from postroom.domain.account import Identity, ProviderName
from postroom.domain.errors import (
    ConnectionRefused,
    MailboxUnavailable,
    NotFound,
    ReauthRequired,
    Rejected,
)
from postroom.ports import Clock
from postroom.providers.answers import text
from postroom.providers.id_tokens import IdTokens
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.endpoints import Endpoints
from postroom.providers.refusals import ServerFailed

_PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The `tid` of all personal accounts (id-token-claims-reference, `tid`)."""

_DIRECTORY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Identities:
    """Reads who signed in; keeps the keys of each tenant that an application is set up for."""

    def __init__(self, *, http: httpx.Client, endpoints: Endpoints, clock: Clock) -> None:
        self._http = http
        self._endpoints = endpoints
        self._clock = clock
        self._by_tenant: dict[str, IdTokens] = {}

    def verified(
        self, id_token: str, *, access_token: str, tenant: str, audience: str, nonce: str | None
    ) -> Identity:
        """Return who signed in. Raises ConnectionRefused, Retryable."""
        tokens = self._tokens(tenant)
        claims = tokens.claims(
            id_token, audience=audience, nonce=nonce, required=("tid", "oid", "sub")
        )
        directory, person = text(claims["tid"]), text(claims["oid"])
        # The real host whatever was called: who signs is not a matter of addresses.
        issuer = f"https://login.microsoftonline.com/{directory}/v2.0"
        if claims["iss"] != issuer or not person or not _belongs(directory, tenant):
            raise tokens.unproven()
        email, name = self._address_and_name(access_token)
        return Identity(
            provider=ProviderName.MICROSOFT,
            subject=f"{directory}.{person}",
            email=email,
            name=name or text(claims.get("name")),
        )

    def _tokens(self, tenant: str) -> IdTokens:
        if tenant not in self._by_tenant:
            self._by_tenant[tenant] = IdTokens(
                provider_label="Microsoft",
                keys_address=self._endpoints.keys(tenant),
                http=self._http,
                clock=self._clock,
            )
        return self._by_tenant[tenant]

    def _address_and_name(self, access_token: str) -> tuple[str, str]:
        """Ask Graph: the claims hold a user name at best, and that need not be an address."""
        client = GraphClient(
            http=self._http,
            endpoints=self._endpoints,
            tokens=_NewToken(access_token),
            clock=self._clock,
        )
        try:
            me = client.get("me", {"$select": "id,displayName,mail,userPrincipalName"})
        except (MailboxUnavailable, NotFound, ReauthRequired, Rejected) as problem:
            raise ConnectionRefused("mailbox_unavailable", str(problem)) from problem
        if not isinstance(me, dict):
            raise ServerFailed("Microsoft does not say whose mailbox this is")
        email = text(me.get("mail")) or text(me.get("userPrincipalName"))
        if not email:
            raise ConnectionRefused("mailbox_unavailable", "This account has no e-mail address.")
        return email, text(me.get("displayName"))


@dataclass(frozen=True, slots=True)
class _NewToken:
    token: str = field(repr=False)

    def current(self) -> str:
        return self.token

    def replace(self, refused: str) -> str:  # noqa: ARG002 - there is no other token yet
        raise ReauthRequired("Microsoft does not accept the access it has just given.")


def _belongs(directory: str, tenant: str) -> bool:
    """Whether a directory is one that the tenant lets in.

    A domain is not compared: Entra signs people of it in, at its own address, and no one else.
    """
    if tenant == "consumers":
        return directory == _PERSONAL_TENANT
    if tenant == "organizations":
        return directory != _PERSONAL_TENANT
    if _DIRECTORY_ID.fullmatch(tenant):
        return directory.lower() == tenant.lower()
    return True
