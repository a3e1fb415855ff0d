"""A webhook: a customer's HTTPS address that is told of events.

    made ──► ACTIVE ──19 of 20 attempts of 15 minutes fail──► FAILING ──so for 72 hours──► FAILED
               ▲ └──────────────◄──more than 1 of 20 arrives────┘                             │
               └──────────────────────by its owner alone──────────────────────────────────────┘

Its owner may pause and resume it at any time. Nothing is told while it is paused or has failed,
and nothing of that is told later.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from postroom.domain.errors import InvalidRequest
from postroom.domain.event import EventType

_TRANSLATED = tuple(
    map(ipaddress.ip_network, ("::ffff:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16"))
)
"""IPv6 that stands for an IPv4 address, which may be a private one (RFC 4291, 6052, 4380, 3056)."""


class WebhookStatus(StrEnum):
    """Whether events are delivered; the values are the contract's, and so are the limits below."""

    ACTIVE = "active"
    FAILING = "failing"
    FAILED = "failed"
    PAUSED = "pause"


TOLD = frozenset({WebhookStatus.ACTIVE, WebhookStatus.FAILING})
"""Who is told of events."""

JUDGED_OVER = timedelta(minutes=15)
FAILING_PERCENT = 95
FAILED_AFTER = timedelta(hours=72)

FEWEST_ATTEMPTS = 3
"""Fewer judge nobody: a webhook that was restarted once is not failing, one that has lost an event
is (all its attempts fall into the 15 minutes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address with the events that it wants. Its secret is derived, and stands nowhere."""

    id: str
    url: str
    event_types: tuple[EventType, ...]
    description: str
    notified_addresses: tuple[str, ...]
    """Who is written to when deliveries fail."""
    status: WebhookStatus
    is_compressed: bool = False
    """Whether deliveries are to be compressed (gzip)."""
    secret_number: int
    """Grows when the secret is changed."""
    created_at: datetime
    updated_at: datetime
    status_updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How many attempts of some time arrived, and how many did not."""

    delivered: int = 0
    failed: int = 0

    @property
    def mostly_failed(self) -> bool:
        """Whether hardly any arrived."""
        return self.failed * 100 >= FAILING_PERCENT * (self.delivered + self.failed) > 0


def judged(webhook: Webhook, lately: Outcomes, *, now: datetime) -> WebhookStatus:
    """Return a webhook's status after its attempts of the last 15 minutes, of which one is new."""
    match webhook.status:
        case WebhookStatus.ACTIVE:
            enough = lately.delivered + lately.failed >= FEWEST_ATTEMPTS
            return WebhookStatus.FAILING if enough and lately.mostly_failed else webhook.status
        case WebhookStatus.FAILING if not lately.mostly_failed:
            return WebhookStatus.ACTIVE
        case WebhookStatus.FAILING if now - webhook.status_updated_at >= FAILED_AFTER:
            return WebhookStatus.FAILED
    return webhook.status


def webhook_secret(webhook: Webhook, *, signing_key: bytes) -> str:
    """Return what a webhook's deliveries are signed with: 256 bits in hexadecimal."""
    said = f"webhook\0{webhook.id}\0{webhook.secret_number}"
    return hmac.new(signing_key, said.encode(), hashlib.sha256).hexdigest()


def signature(body: bytes, *, secret: str) -> str:
    """Sign what is sent, as it is sent: hexadecimal HMAC-SHA256, as the contract has it."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def checked_addresses(
    url: str, *, addresses: Callable[[str], Sequence[str]], local_host: str = ""
) -> Sequence[str]:
    """Return where a webhook may be called now. Raises InvalidRequest for what is never called.

    `local_host` is the local stack's own machine: it may be called without TLS, and only so.
    """
    found = addresses(host_of(url, local_host=local_host))
    if urlsplit(url).scheme == "https":
        refuse_private(found)
    return found


def host_of(url: str, *, local_host: str = "") -> str:
    """Return whom a delivery would call. Raises InvalidRequest for what is never called."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidRequest("This is not an address.", field="webhook_url") from None
    is_local = bool(local_host) and host == local_host and parts.scheme == "http"
    if not host or (parts.scheme != "https" and not is_local):
        raise InvalidRequest("Give an https address.", field="webhook_url")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequest("Leave out user, password and '#…'.", field="webhook_url")
    if port == 0:
        raise InvalidRequest("This port cannot be called.", field="webhook_url")
    return host


def refuse_private(addresses: Sequence[str]) -> None:
    """Raise InvalidRequest unless all addresses, and one at least, are of the public internet.

    Behind others lie the functions' own surroundings: metadata services, private networks.
    """
    if not addresses:
        raise InvalidRequest("The DNS knows no address of this host.", field="webhook_url")
    for each in addresses:
        address = ipaddress.ip_address(each)
        translated = any(address in network for network in _TRANSLATED)
        if not address.is_global or address.is_multicast or translated:
            raise InvalidRequest("This host is not on the public internet.", field="webhook_url")
