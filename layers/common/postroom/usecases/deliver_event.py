"""Delivering: one event to one webhook, once; see `domain.delivery` for its attempts."""

import gzip
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from postroom.domain.delivery import (
    Delivery,
    DeliveryCall,
    DeliveryState,
    Told,
    wait_after,
)
from postroom.domain.errors import Conflict, NotFound
from postroom.domain.event import Event
from postroom.domain.ids import EventId
from postroom.domain.webhook import (
    JUDGED_OVER,
    TOLD,
    Webhook,
    WebhookStatus,
    judged,
    signature,
    webhook_secret,
)
from postroom.observability import count, logger
from postroom.ports import (
    Clock,
    DeliveryQueue,
    DeliveryStore,
    DeploymentSecrets,
    EventStore,
    EventWriter,
    WebhookCaller,
    WebhookStore,
)
from postroom.usecases.tell_of_event import TellingTools, told_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTools:
    """What delivering works with."""

    events: EventStore
    webhooks: WebhookStore
    deliveries: DeliveryStore
    telling: TellingTools
    write: EventWriter
    call: WebhookCaller
    queue: DeliveryQueue
    secrets: DeploymentSecrets
    clock: Clock
    first_wait: timedelta
    """How long the second attempt waits."""


def deliver_event(
    *, event_id: EventId, webhook_id: str, attempt: int, tools: DeliveryTools
) -> None:
    """Make an attempt, unless nobody wants it any more or it has been made already."""
    call = DeliveryCall(event_id=event_id, webhook_id=webhook_id, attempt=attempt)
    try:
        event = tools.events.get(call.event_id)
        webhook = tools.webhooks.get(call.webhook_id)
    except NotFound:
        return
    if webhook.status not in TOLD or event.type not in webhook.event_types:
        return
    if _is_done(call, event, tools):
        return
    told = told_of(event, tools=tools.telling)
    if told is None:
        logger.info("nothing_left_to_tell", extra={"event_id": event.id, "event_type": event.type})
        return
    delivery = _attempt(call.attempt, told, webhook, tools)
    if delivery.state is DeliveryState.RETRYING:
        # Before it is noted: who dies in between makes this attempt again, and loses none.
        wait = wait_after(call.attempt, first_wait=tools.first_wait)
        tools.queue.deliver([replace(call, attempt=call.attempt + 1)], delay=wait)
    tools.deliveries.record(delivery)
    _note(delivery)
    _judge(webhook, delivery, tools)


def _is_done(call: DeliveryCall, event: Event, tools: DeliveryTools) -> bool:
    """Whether this attempt or a later one was made, or none is needed: queues hand out twice."""
    made = tools.deliveries.of_event(call.webhook_id, event)
    return any(
        each.attempt >= call.attempt or each.state is not DeliveryState.RETRYING for each in made
    )


def _attempt(attempt: int, told: Told, webhook: Webhook, tools: DeliveryTools) -> Delivery:
    event = told.event
    body = tools.write(told, attempt=attempt)
    headers = {"content-type": "application/json", "user-agent": "Postroom"}
    if webhook.is_compressed:
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
    secret = webhook_secret(webhook, signing_key=tools.secrets.signing_key())
    headers["x-nylas-signature"] = signature(body, secret=secret)
    began_at = tools.clock.now()
    answer = tools.call(webhook.url, body, headers)
    return Delivery(
        webhook_id=webhook.id,
        event_id=event.id,
        event_type=event.type,
        account_id=event.account_id,
        event_at=event.at,
        attempt=attempt,
        at=began_at,
        answer=answer,
        duration_ms=round((tools.clock.now() - began_at) / timedelta(milliseconds=1)),
    )


def _note(delivery: Delivery) -> None:
    if delivery.state is DeliveryState.DELIVERED:
        count("EventsDelivered")
        return
    logger.warning(
        "event_not_delivered",
        extra={
            "webhook_id": delivery.webhook_id,
            "event_id": delivery.event_id,
            "attempt": delivery.attempt,
            "status": delivery.answer.status,
            "failure": delivery.answer.failure,
        },
    )
    if delivery.state is DeliveryState.FAILED:
        count("EventsNotDelivered")


def _judge(webhook: Webhook, delivery: Delivery, tools: DeliveryTools) -> None:
    """Note whether a webhook has begun, or ceased, to fail."""
    if webhook.status is WebhookStatus.ACTIVE and delivery.answer.is_success:
        return
    now = tools.clock.now()
    lately = tools.deliveries.outcomes(webhook.id, since=now - JUDGED_OVER)
    status = judged(webhook, lately, now=now)
    if status is webhook.status:
        return
    # Its owner may have changed it meanwhile: the next attempt judges anew.
    with suppress(Conflict, NotFound):
        changed = replace(webhook, status=status, status_updated_at=now)
        tools.webhooks.replace(changed, expected=webhook)
        logger.warning(
            "webhook_status_changed", extra={"webhook_id": webhook.id, "status": status.value}
        )
        if status is not WebhookStatus.ACTIVE:
            count("WebhooksFailing")
