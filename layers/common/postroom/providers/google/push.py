"""Gmail's pushes, which come through Pub/Sub with a token of Google's.

    Authorization: Bearer <JWT>
      │ signed with RS256 by a published key ── no ──► Unauthenticated
      │ exp, iat, give or take a minute ───────── no ──► Unauthenticated
      │ iss and aud: Google, for this address ─── no ──► Forbidden
      │ email: the service account ────────────── no ──► Forbidden
      ▼
    {"message": {"data": base64({"emailAddress": …, "historyId": …})}, "subscription": …}

The service account is the authentication: anybody with a Google Cloud project can have tokens
signed for any audience. https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions

Nothing here may load httpx or the client of Gmail: a cold start would take twice as long.
"""

import base64
import hmac
import json
import re
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from postroom.domain.account import ProviderName
from postroom.domain.errors import Forbidden, InvalidRequest, Retryable, Unauthenticated
from postroom.domain.push import AddressPush, PushRequest
from postroom.ports import Clock
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.pushed_json import json_object

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_CLOCK_SKEW_SECONDS = 60
_LONGEST_ADDRESS = 320

_DOWNLOAD_SECONDS = 3.0
_LARGEST_KEYS_BYTES = 100_000
_KEYS_LIFETIME = timedelta(hours=1)
"""When the answer does not say `max-age`; else that, within these bounds."""
_SHORTEST_KEYS_LIFETIME = timedelta(minutes=1)
_LONGEST_KEYS_LIFETIME = timedelta(days=1)
_KEYS_RETRY = timedelta(minutes=1)
"""How often an unknown key id may make us ask for the keys again, whatever comes of it."""


@dataclass(frozen=True, slots=True)
class Download:
    """An answer of the address of the keys."""

    content: bytes
    cache_control: str


def download(address: str) -> Download:
    """Read an address of our own configuration. Raises OSError and HTTPException."""
    with urllib.request.urlopen(address, timeout=_DOWNLOAD_SECONDS) as answer:  # noqa: S310
        content: bytes = answer.read(_LARGEST_KEYS_BYTES)
        return Download(content, answer.headers.get("Cache-Control", ""))


class PublishedKeys:
    """Google's signing keys: read when they are needed, old, or lack one."""

    def __init__(
        self, *, endpoints: Endpoints, clock: Clock, download: Callable[[str], Download] = download
    ) -> None:
        self._address = endpoints.keys
        self._clock = clock
        self._download = download
        self._keys: KeySet | None = None
        self._asked_at = self._old_at = clock.now()

    def current(self) -> KeySet:
        """Return the keys as they are published. Raises Retryable."""
        now = self._clock.now()
        if self._keys is None or now >= self._old_at:
            self._keys = self._published(now)
        return self._keys

    def renewed(self) -> KeySet:
        """Return the keys for a token that the current ones do not know. Raises Retryable."""
        now = self._clock.now()
        if self._keys is None or now - self._asked_at >= _KEYS_RETRY:
            self._keys = self._published(now)
        return self._keys

    def _published(self, now: datetime) -> KeySet:
        self._asked_at = now  # also when it fails: nobody is to wait for the same failure
        try:
            answer = self._download(self._address)
            keys = KeySet.import_key_set(json.loads(answer.content))
        except (OSError, HTTPException, JoseError, ValueError, LookupError, TypeError) as error:
            raise Retryable("Google's signing keys cannot be read") from error
        self._old_at = now + _lifetime(answer.cache_control)
        return keys


class GooglePushReader:
    """The port `PushReader` for Gmail. Without a service account nobody may push."""

    def __init__(
        self,
        *,
        keys: PublishedKeys,
        audience: Callable[[], str],
        service_account: str,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._service_account = service_account.strip()
        self._clock = clock

    def read(self, request: PushRequest) -> Sequence[AddressPush]:
        """Return the one mailbox that a push is about."""
        if not self._service_account:
            raise Forbidden("No service account is allowed to push.")
        scheme, _, token = request.authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the token of the push subscription.")
        self._require_sender(self._claims(token.strip()))
        return [AddressPush(provider=ProviderName.GOOGLE, address=_address(request.body))]

    def _claims(self, token: str) -> dict[str, Any]:
        in_time = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=_CLOCK_SKEW_SECONDS,
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            try:
                claims = _decoded(token, self._keys.current)
            except InvalidKeyIdError:
                claims = _decoded(token, self._keys.renewed)
            in_time.validate(claims)
        except (JoseError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise Unauthenticated("The token is not signed by Google, or not in time.") from error
        return claims

    def _require_sender(self, claims: dict[str, Any]) -> None:
        if claims.get("iss") not in _ISSUERS or claims.get("aud") != self._audience():
            raise Forbidden("The token is meant for somebody else.")
        email = claims.get("email")
        known = isinstance(email, str) and hmac.compare_digest(
            email.encode(errors="replace"), self._service_account.encode()
        )
        if not known or claims.get("email_verified") is not True:
            raise Forbidden("The token is not of the service account that may push.")


def _decoded(token: str, keys: Callable[[], KeySet]) -> dict[str, Any]:
    """Return the claims of a signed token; the keys are asked for when it looks like one."""
    return jwt.decode(token, lambda _: keys(), algorithms=["RS256"]).claims


def _lifetime(cache_control: str) -> timedelta:
    found = re.search(r"\bmax-age=(\d{1,9})\b", cache_control)
    wished = timedelta(seconds=int(found[1])) if found else _KEYS_LIFETIME
    return min(max(wished, _SHORTEST_KEYS_LIFETIME), _LONGEST_KEYS_LIFETIME)


def _address(body: bytes) -> str:
    message = json_object(body, field="body").get("message")
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, str):
        raise InvalidRequest("This is no message of Pub/Sub.", field="message.data")
    try:
        # The official library writes it one way, the documentation shows the other.
        content = base64.b64decode(data.translate(_TO_STANDARD) + "==", validate=False)
    except ValueError:
        raise InvalidRequest("This is no base64.", field="message.data") from None
    address = json_object(content, field="message.data").get("emailAddress")
    if not (isinstance(address, str) and _is_address(address)):
        raise InvalidRequest("This is no address.", field="message.data.emailAddress")
    return address


_TO_STANDARD = str.maketrans("-_", "+/")


def _is_address(text: str) -> bool:
    return len(text) <= _LONGEST_ADDRESS and "@" in text and text.isprintable()
