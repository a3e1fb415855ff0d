"""Watches of an Outlook mailbox: one subscription to all its messages.

https://learn.microsoft.com/en-us/graph/api/resources/subscription

Before Graph answers the call that makes a subscription it asks both addresses for a token back.
An application has one subscription for the same messages and changes at most: another one is a
conflict until the first has been deleted.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from postroom.domain.errors import Misconfigured, NotFound, Rejected
from postroom.domain.sync import Watch
from postroom.providers.answers import text
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.errors import Conflicting
from postroom.providers.refusals import ServerFailed

_SUBSCRIPTIONS = "subscriptions"

_RESOURCE = "me/messages"
"""The whole mailbox, drafts, sent and deleted items included."""

_LIFETIME = timedelta(minutes=10_080)
"""The longest that a subscription to messages may live:
https://learn.microsoft.com/en-us/graph/api/resources/subscription#subscription-lifetime"""

_SLACK = timedelta(minutes=5)
"""Taken off, since Graph refuses an end that is too late by its own clock."""

_LIST_PAGES = 20
"""Subscriptions are listed a hundred a page; a mailbox has a thousand at most."""

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Subscriptions:
    """The subscription of one mailbox."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def start(self, address: str, secret: str) -> Watch:
        """Subscribe, in place of what was subscribed for the same address. Raises Misconfigured."""
        _check(address)
        try:
            answer = self._create(address, secret)
        except Conflicting:
            # A subscription that was made and not noted: its secret is lost, and it with it.
            for stale in self._made_for(address):
                self._delete(stale)
            try:
                answer = self._create(address, secret)
            except Conflicting as error:
                raise Misconfigured(
                    "this OAuth client watches the mailbox for another deployment already",
                    provider_code=error.provider_code,
                    provider_message=error.provider_message,
                ) from error
        return Watch(
            id=_id(answer),
            expires_at=_end(answer),
            secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        )

    def renew(self, watch: Watch) -> Watch:
        """Let the subscription live longer, which also authorizes it anew. Raises NotFound.

        The authorization ends with the token that asks for it, so that is a fresh one: renewed with
        a token that is about to end, Graph asks for a renewal again at once.
        https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
        """
        self._client.renew_token()
        answer = self._client.patch(_path(watch.id), {"expirationDateTime": self._latest_end()})
        return Watch(id=watch.id, expires_at=_end(answer or {}), secret_hash=watch.secret_hash)

    def stop(self, watch: Watch) -> None:
        """Subscribe no more; a subscription that is gone is fine."""
        self._delete(watch.id)

    def _create(self, address: str, secret: str) -> Any:
        body = {
            "changeType": "created,updated,deleted",
            "resource": _RESOURCE,
            "notificationUrl": address,
            "lifecycleNotificationUrl": f"{address}/lifecycle",
            "expirationDateTime": self._latest_end(),
            "clientState": secret,
            "latestSupportedTlsVersion": "v1_2",
        }
        try:
            return self._client.post(_SUBSCRIPTIONS, body)
        except Conflicting:
            raise
        except Rejected as error:
            raise Misconfigured(
                "Outlook cannot reach this deployment at its public address",
                provider_code=error.provider_code,
                provider_message=error.provider_message,
            ) from error

    def _made_for(self, address: str) -> Iterator[str]:
        """Return this application's subscriptions of the mailbox that ring at an address."""
        answer = self._client.get(_SUBSCRIPTIONS)
        for _ in range(_LIST_PAGES):
            listed = answer.get("value")
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, dict) and each.get("notificationUrl") == address:
                    yield _id(each)
            link = text(answer.get("@odata.nextLink"))
            if not link:
                return
            answer = self._client.follow(link)

    def _delete(self, subscription_id: str) -> None:
        with suppress(NotFound):
            self._client.delete(_path(subscription_id))

    def _latest_end(self) -> str:
        end = self._client.now() + _LIFETIME - _SLACK
        return end.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _check(address: str) -> None:
    """Microsoft rings at https addresses only; on one machine http will do."""
    parts = urlsplit(address)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    if not (parts.scheme == "https" or local):
        raise Misconfigured("Outlook rings at https addresses only; set the public address")


def _path(subscription_id: str) -> str:
    return f"{_SUBSCRIPTIONS}/{quote(subscription_id, safe='')}"


def _id(answer: Any) -> str:
    found = text(answer.get("id")) if isinstance(answer, dict) else ""
    if not found:
        raise ServerFailed("Outlook gave the subscription no id")
    return found


def _end(answer: Any) -> datetime:
    """Read when a subscription ends; Graph writes up to seven digits of a second."""
    written = text(answer.get("expirationDateTime")) if isinstance(answer, dict) else ""
    try:
        end = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written))
    except ValueError as error:
        raise ServerFailed("Outlook did not say how long it rings") from error
    return (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC)
