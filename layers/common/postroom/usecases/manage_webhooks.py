"""Webhooks: which address is told of what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from postroom.domain.delivery import Delivery
from postroom.domain.errors import Conflict
from postroom.domain.event import EventType
from postroom.domain.ids import new_token
from postroom.domain.webhook import (
    Webhook,
    WebhookStatus,
    checked_addresses,
    webhook_secret,
)
from postroom.ports import Clock, DeliveryStore, DeploymentSecrets, HostAddresses, WebhookStore

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTools:
    """What managing webhooks works with."""

    webhooks: WebhookStore
    deliveries: DeliveryStore
    host_addresses: HostAddresses
    secrets: DeploymentSecrets
    clock: Clock
    local_host: str = ""
    """The local stack's own machine; see `checked_addresses`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChange:
    """What a webhook's owner enters; None leaves a part as it is."""

    url: str | None = None
    event_types: tuple[str, ...] | None = None
    description: str | None = None
    notified_addresses: tuple[str, ...] | None = None
    is_compressed: bool | None = None
    status: str | None = None


def create_webhook(
    *, url: str, event_types: Sequence[str], change: WebhookChange, tools: WebhookTools
) -> tuple[Webhook, str]:
    """Make a webhook; answers its secret beside it. Raises InvalidRequest."""
    _check(url, tools)
    now = tools.clock.now()
    webhook = Webhook(
        id=new_token()[:22],
        url=url,
        event_types=_event_types(event_types),
        description=change.description or "",
        notified_addresses=change.notified_addresses or (),
        is_compressed=bool(change.is_compressed),
        status=WebhookStatus.ACTIVE,
        secret_number=1,
        created_at=now,
        updated_at=now,
        status_updated_at=now,
    )
    tools.webhooks.add(webhook)
    return webhook, _secret(webhook, tools)


def read_webhook(*, webhook_id: str, tools: WebhookTools) -> Webhook:
    """Return a webhook. Raises NotFound."""
    return tools.webhooks.get(webhook_id)


def list_webhooks(*, tools: WebhookTools) -> Sequence[Webhook]:
    """Return all webhooks, oldest first."""
    return tools.webhooks.all()


def update_webhook(*, webhook_id: str, change: WebhookChange, tools: WebhookTools) -> Webhook:
    """Change the named parts of a webhook. Raises NotFound, InvalidRequest, Conflict."""
    if change.url is not None and change.url != tools.webhooks.get(webhook_id).url:
        _check(change.url, tools)
    return _changed(webhook_id, lambda old: _with(change, old, tools.clock.now()), tools)


def rotate_secret(*, webhook_id: str, tools: WebhookTools) -> tuple[Webhook, str]:
    """Give a webhook another secret; the old one signs nothing more. Raises NotFound, Conflict."""

    def rotated(old: Webhook) -> Webhook:
        return replace(old, secret_number=old.secret_number + 1, updated_at=tools.clock.now())

    changed = _changed(webhook_id, rotated, tools)
    return changed, _secret(changed, tools)


def delete_webhook(*, webhook_id: str, tools: WebhookTools) -> None:
    """Remove a webhook. Raises NotFound."""
    tools.webhooks.delete(webhook_id)


def list_deliveries(
    *, webhook_id: str, limit: int, after: str, tools: WebhookTools
) -> tuple[Sequence[Delivery], str]:
    """Return a webhook's attempts behind a place, newest events first, and where more begin.

    Raises NotFound.
    """
    tools.webhooks.get(webhook_id)
    found = tools.deliveries.newest(webhook_id, limit=limit + 1, after=after)
    shown = found[:limit]
    return shown, shown[-1].place if len(found) > limit else ""


def _changed(webhook_id: str, change: Callable[[Webhook], Webhook], tools: WebhookTools) -> Webhook:
    """Make a change, of what is there now: whoever delivers may note a status meanwhile."""
    for attempt in range(_ATTEMPTS):
        old = tools.webhooks.get(webhook_id)
        changed = change(old)
        try:
            tools.webhooks.replace(changed, expected=old)
        except Conflict:
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            break
    return changed


def _with(change: WebhookChange, old: Webhook, now: datetime) -> Webhook:
    status = old.status if change.status is None else WebhookStatus(change.status)
    return replace(
        old,
        url=old.url if change.url is None else change.url,
        event_types=old.event_types
        if change.event_types is None
        else _event_types(change.event_types),
        description=old.description if change.description is None else change.description,
        notified_addresses=old.notified_addresses
        if change.notified_addresses is None
        else change.notified_addresses,
        is_compressed=old.is_compressed if change.is_compressed is None else change.is_compressed,
        status=status,
        status_updated_at=old.status_updated_at if status is old.status else now,
        updated_at=now,
    )


def _check(url: str, tools: WebhookTools) -> None:
    checked_addresses(url, addresses=tools.host_addresses, local_host=tools.local_host)


def _event_types(names: Sequence[str]) -> tuple[EventType, ...]:
    return tuple(dict.fromkeys(EventType(name) for name in names))


def _secret(webhook: Webhook, tools: WebhookTools) -> str:
    return webhook_secret(webhook, signing_key=tools.secrets.signing_key())
