"""From an event to the webhooks that are told of it: attempts, envelopes, and who is given up."""

import gzip
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.delivery import Answer, CallFailure, Delivery, DeliveryCall, DeliveryState
from postroom.domain.event import Event, EventType
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, EventId, FolderId
from postroom.domain.message import MessageContent
from postroom.domain.outgoing import SendState, SentMessage
from postroom.domain.webhook import Webhook, WebhookStatus, webhook_secret
from postroom.usecases.deliver_event import DeliveryTools, deliver_event
from postroom.usecases.manage_webhooks import (
    WebhookChange,
    WebhookTools,
    list_deliveries,
    update_webhook,
)
from postroom.usecases.publish_events import PublishTools, publish_events
from postroom.usecases.tell_of_event import TellingTools
from postroom.web.event_envelopes import EnvelopeWriter
from tests.builders import (
    ACCOUNT_ID,
    NOW,
    make_account,
    make_identity,
    make_message,
    make_outbox_entry,
)
from tests.fakes import (
    FixedClock,
    InMemoryAccountStore,
    InMemoryContentStore,
    InMemoryDeliveryStore,
    InMemoryDeploymentSecrets,
    InMemoryEventStore,
    InMemoryFolderStore,
    InMemoryMessageStore,
    InMemoryOutboxStore,
    InMemoryWebhookStore,
    RecordingDeliveryQueue,
)

OK, BUSY = Answer(status=200), Answer(status=503)


@dataclass
class Receiver:
    """A webhook's server: answers in turn, the last answer for ever, and keeps what it hears."""

    clock: FixedClock
    answers: list[Answer] = field(default_factory=lambda: [OK])
    heard: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Take 184 milliseconds to answer."""
        self.heard.append((url, body, headers))
        self.clock.advance(timedelta(milliseconds=184))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def envelopes(self) -> list[dict[str, Any]]:
        """Return what was heard."""
        return [json.loads(body) for _, body, _ in self.heard]


class Webhooks:
    """A deployment in which events happen, and one webhook hears of them."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.receiver = Receiver(self.clock)
        self.secrets = InMemoryDeploymentSecrets()
        self.events = InMemoryEventStore()
        self.webhooks = InMemoryWebhookStore()
        self.deliveries = InMemoryDeliveryStore(self.clock)
        self.queue = RecordingDeliveryQueue()
        self.accounts = InMemoryAccountStore()
        self.messages = InMemoryMessageStore(self.clock)
        self.contents = InMemoryContentStore()
        self.folders = InMemoryFolderStore()
        self.outbox = InMemoryOutboxStore(self.clock)
        self.accounts.create(make_account())
        self.hook = self.add_hook()

    def add_hook(self, **changes: Any) -> Webhook:
        """Add a webhook for all events."""
        hook = Webhook(
            id=changes.pop("id", "hook-1"),
            url="https://hooks.example.com/postroom?a=b",
            event_types=tuple(EventType),
            description="",
            notified_addresses=(),
            status=WebhookStatus.ACTIVE,
            secret_number=1,
            created_at=NOW,
            updated_at=NOW,
            status_updated_at=NOW,
        )
        hook = replace(hook, **changes)
        self.webhooks.add(hook)
        return hook

    @property
    def tools(self) -> DeliveryTools:
        """What delivering works with."""
        return DeliveryTools(
            events=self.events,
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            telling=TellingTools(
                accounts=self.accounts,
                messages=self.messages,
                contents=self.contents,
                folders=self.folders,
                outbox=self.outbox,
            ),
            write=EnvelopeWriter("application-1"),
            call=self.receiver,
            queue=self.queue,
            secrets=self.secrets,
            clock=self.clock,
            first_wait=timedelta(minutes=2),
        )

    def owner(self) -> WebhookTools:
        """What the webhooks' owner works with."""
        return WebhookTools(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            host_addresses=lambda _: ["93.184.215.14"],
            secrets=self.secrets,
            clock=self.clock,
        )

    def happens(self, event_type: EventType = EventType.GRANT_EXPIRED, **changes: Any) -> Event:
        """Let something happen, and be published as the stream shows it."""
        event = Event(
            id=EventId(f"event-{self.clock.now().timestamp()}-{event_type}"),
            type=event_type,
            account_id=ACCOUNT_ID,
            at=self.clock.now(),
        )
        event = replace(event, **changes)
        self.events.add(event)
        tools = PublishTools(webhooks=self.webhooks, queue=self.queue)
        publish_events(events=[event], tools=tools)
        return event

    def work_off(self) -> list[timedelta]:
        """Take all calls from the queue, each after its wait; answers the waits."""
        waits = []
        while self.queue.waiting:
            call, wait = self.queue.waiting.pop(0)
            self.clock.advance(wait)
            self.take(call)
            waits.append(wait)
        return waits

    def take(self, call: DeliveryCall) -> None:
        """Handle one call as the function does."""
        deliver_event(
            event_id=call.event_id,
            webhook_id=call.webhook_id,
            attempt=call.attempt,
            tools=self.tools,
        )

    def states(self) -> list[DeliveryState]:
        """Return what the attempts of the first webhook came to, newest first."""
        return [each.state for each in self.deliveries.newest("hook-1", limit=100)]

    def status(self) -> WebhookStatus:
        """Return the first webhook's status."""
        return self.webhooks.get("hook-1").status


@pytest.fixture
def world() -> Webhooks:
    return Webhooks()


# ── Who is told ──────────────────────────────────────────────────────────────────────────────


def test_each_webhook_that_wants_an_event_is_called_for_it(world: Webhooks) -> None:
    """Also one that fails lately; none that is paused, has failed, or wants other events."""
    world.add_hook(id="failing", status=WebhookStatus.FAILING)
    world.add_hook(id="paused", status=WebhookStatus.PAUSED)
    world.add_hook(id="failed", status=WebhookStatus.FAILED)
    world.add_hook(id="other", event_types=(EventType.MESSAGE_CREATED,))

    event = world.happens()

    assert {(call.webhook_id, call.event_id, call.attempt) for call, _ in world.queue.waiting} == {
        ("hook-1", event.id, 1),
        ("failing", event.id, 1),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"status": WebhookStatus.PAUSED},
        {"status": WebhookStatus.FAILED},
        {"event_types": (EventType.MESSAGE_CREATED,)},
    ],
)
def test_what_its_owner_does_meanwhile_counts(world: Webhooks, change: dict[str, Any]) -> None:
    """The webhook is read again for every attempt, and so for the second one."""
    world.receiver.answers = [BUSY]
    world.happens()
    world.take(world.queue.waiting.pop(0)[0])
    world.webhooks.replace(replace(world.hook, **change), expected=world.hook)

    world.work_off()

    assert len(world.receiver.heard) == 1


def test_a_webhook_that_was_removed_is_told_nothing(world: Webhooks) -> None:
    """Nor is anybody told of an event that has expired in a queue."""
    world.happens()
    world.webhooks.delete("hook-1")
    world.queue.deliver([DeliveryCall(event_id=EventId("gone"), webhook_id="hook-1", attempt=1)])

    world.work_off()

    assert world.receiver.heard == []


# ── Attempts ─────────────────────────────────────────────────────────────────────────────────


def test_an_event_arrives_once_signed(world: Webhooks) -> None:
    """At the webhook's address, with the secret that its owner was shown, and a record of it."""
    event = world.happens()

    world.work_off()

    ((url, body, headers),) = world.receiver.heard
    secret = webhook_secret(world.hook, signing_key=world.secrets.signing_key())
    assert url == world.hook.url
    assert headers == {
        "content-type": "application/json",
        "user-agent": "Postroom",
        "x-nylas-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    (record,) = world.deliveries.newest("hook-1", limit=10)
    assert (record.event_id, record.attempt, record.state) == (event.id, 1, DeliveryState.DELIVERED)
    assert (record.answer, record.duration_ms, record.at) == (OK, 184, event.at)


def test_what_is_compressed_is_signed_as_it_is_sent(world: Webhooks) -> None:
    """The contract signs the gzip bytes."""
    hook = replace(world.hook, is_compressed=True)
    world.webhooks.replace(hook, expected=world.hook)
    world.happens()

    world.work_off()

    ((_, body, headers),) = world.receiver.heard
    secret = webhook_secret(hook, signing_key=world.secrets.signing_key())
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert (headers["content-encoding"], headers["x-nylas-signature"]) == ("gzip", signed)
    assert json.loads(gzip.decompress(body))["type"] == "grant.expired"


def test_a_changed_secret_signs_from_the_next_attempt_on(world: Webhooks) -> None:
    """The old one stops at once."""
    world.receiver.answers = [BUSY, OK]
    world.happens()
    world.take(world.queue.waiting.pop(0)[0])
    world.webhooks.replace(replace(world.hook, secret_number=2), expected=world.hook)

    world.work_off()

    first, second = (headers["x-nylas-signature"] for _, _, headers in world.receiver.heard)
    assert first != second


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status=status) for status in (408, 429, 500, 502, 503, 504, 507)),
        *(
            Answer(failure=failure)
            for failure in CallFailure
            if failure is not CallFailure.PRIVATE_ADDRESS
        ),
    ],
)
def test_what_may_change_is_tried_three_times_within_twenty_minutes(
    world: Webhooks, answer: Answer
) -> None:
    """The last attempt comes 10 to 20 minutes after the first; then the event is lost."""
    world.receiver.answers = [answer]
    world.happens()

    waits = world.work_off()

    assert [each["webhook_delivery_attempt"] for each in world.receiver.envelopes()] == [1, 2, 3]
    assert len({each["id"] for each in world.receiver.envelopes()}) == 1
    assert timedelta(minutes=10) <= sum(waits, timedelta()) <= timedelta(minutes=20)
    retrying, failed = DeliveryState.RETRYING, DeliveryState.FAILED
    assert world.states() == [failed, retrying, retrying]


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status=status) for status in (301, 302, 307, 308, 400, 401, 404, 410, 413)),
        Answer(failure=CallFailure.PRIVATE_ADDRESS),
    ],
)
def test_what_will_not_change_is_final(world: Webhooks, answer: Answer) -> None:
    """A redirect is not followed, and an address that leads inwards is not asked again."""
    world.receiver.answers = [answer]
    world.happens()

    world.work_off()

    assert (len(world.receiver.heard), world.states()) == (1, [DeliveryState.FAILED])


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_a_delivery(world: Webhooks, status: int) -> None:
    """Frameworks answer what they like."""
    world.receiver.answers = [BUSY, Answer(status=status)]
    world.happens()

    world.work_off()

    assert world.states() == [DeliveryState.DELIVERED, DeliveryState.RETRYING]


def test_calls_that_come_twice_tell_once(world: Webhooks) -> None:
    """Stream and queue hand out at least once; so may they an older attempt, late."""
    world.receiver.answers = [BUSY, OK]
    event = world.happens()
    first = world.queue.waiting[0][0]
    tools = PublishTools(webhooks=world.webhooks, queue=world.queue)
    publish_events(events=[event], tools=tools)
    world.work_off()
    world.take(first)
    world.take(replace(first, attempt=2))
    world.take(replace(first, attempt=3))

    assert len(world.receiver.heard) == 2


def test_who_dies_before_the_record_loses_no_attempt(world: Webhooks) -> None:
    """The next attempt is called for first: the same one twice is better than none."""

    class Dead(Exception):
        pass

    class Mortal(InMemoryDeliveryStore):
        def record(self, delivery: Delivery) -> None:
            raise Dead(delivery.place)

    world.receiver.answers = [BUSY, OK]
    world.happens()
    call, _ = world.queue.waiting.pop(0)
    living, world.deliveries = world.deliveries, Mortal(world.clock)
    with pytest.raises(Dead):
        world.take(call)
    world.deliveries = living

    world.work_off()
    world.take(call)

    assert [each["webhook_delivery_attempt"] for each in world.receiver.envelopes()] == [1, 2]


# ── What is told ─────────────────────────────────────────────────────────────────────────────


def told(world: Webhooks, event_type: EventType, **changes: Any) -> dict[str, Any]:
    """Let something happen; answers the one envelope that arrived."""
    world.happens(event_type, **changes)
    world.work_off()
    (envelope,) = world.receiver.envelopes()
    return envelope


def test_the_envelope_is_the_contracts(world: Webhooks) -> None:
    """Integers for times; `id` is the notification's, the same at every webhook and attempt."""
    envelope = told(world, EventType.GRANT_EXPIRED)

    assert envelope == {
        "specversion": "1.0",
        "type": "grant.expired",
        "source": "/nylas/system",
        "id": f"event-{NOW.timestamp()}-grant.expired",
        "time": int(NOW.timestamp()),
        "webhook_delivery_attempt": 1,
        "data": {
            "application_id": "application-1",
            "object": {
                "code": 25009,
                "grant_id": ACCOUNT_ID,
                "integration_id": "google",
                "provider": "google",
                "email": "ada@example.com",
                "grant_updated_at": int(NOW.timestamp()),
            },
        },
    }


def test_grants_tell_what_the_contract_names(world: Webhooks) -> None:
    """Each kind has its code."""
    created = told(world, EventType.GRANT_CREATED)["data"]["object"]
    world.receiver.heard.clear()
    updated = told(world, EventType.GRANT_UPDATED)["data"]["object"]
    world.accounts.delete(ACCOUNT_ID)
    world.receiver.heard.clear()
    deleted = told(world, EventType.GRANT_DELETED)["data"]["object"]

    assert (created["code"], created["name"]) == (25012, "Ada Lovelace")
    assert created["scope"] == list(make_account().scopes)
    assert (updated["code"], updated["reauthentication_flag"]) == (25014, False)
    # Its erasure may be done before its end is told.
    assert deleted == {"code": 25013, "grant_id": ACCOUNT_ID}


def _microsoft() -> Account:
    return make_account(
        id=AccountId("outlook-account"),
        identity=make_identity(provider=ProviderName.MICROSOFT, subject="7"),
    )


@pytest.mark.parametrize("event_type", [EventType.MESSAGE_CREATED, EventType.MESSAGE_UPDATED])
def test_a_message_is_told_as_it_is_now(world: Webhooks, event_type: EventType) -> None:
    """An event names its object alone: what the API would show is read when it is told."""
    account = _microsoft()
    world.accounts.create(account)
    message = make_message(account_id=account.id, subject="Now")
    world.messages.put([message])
    world.contents.put_many(account.id, {message.id: MessageContent(html="<p>Hi</p>", text="Hi")})

    envelope = told(world, event_type, account_id=account.id, object_id=message.id)

    assert (envelope["type"], envelope["source"]) == (event_type, "/microsoft/emails/realtime")
    shown = envelope["data"]["object"]
    assert (shown["id"], shown["grant_id"], shown["object"]) == (message.id, account.id, "message")
    assert (shown["subject"], shown["body"]) == ("Now", "<p>Hi</p>")


def test_a_message_of_more_than_a_megabyte_is_told_without_its_body(world: Webhooks) -> None:
    """Its type says so, and needs no subscription of its own."""
    message = make_message()
    world.messages.put([message])
    content = MessageContent(html="é" * 600_000, text="")
    world.contents.put_many(ACCOUNT_ID, {message.id: content})

    envelope = told(world, EventType.MESSAGE_CREATED, object_id=message.id)

    assert envelope["type"] == "message.created.truncated"
    assert not {"body", "body_text"} & set(envelope["data"]["object"])
    assert envelope["data"]["object"]["id"] == message.id
    assert len(world.receiver.heard[0][1]) < 1_000_000


def test_half_characters_do_not_stop_a_delivery(world: Webhooks) -> None:
    """Mail holds them; JSON in UTF-8 cannot."""
    message = make_message(subject="half \ud83d of one")
    world.messages.put([message])

    shown = told(world, EventType.MESSAGE_CREATED, object_id=message.id)["data"]["object"]

    assert shown["subject"] == "half \ufffd of one"


def test_a_folder_is_told(world: Webhooks) -> None:
    """And of one that is gone, its id."""
    folder = Folder(id=FolderId("work"), provider_id="Label_1", name="Work")
    world.folders.replace_all(ACCOUNT_ID, [folder])

    created = told(world, EventType.FOLDER_CREATED, object_id="work")
    world.folders.replace_all(ACCOUNT_ID, [])
    world.receiver.heard.clear()
    deleted = told(world, EventType.FOLDER_DELETED, object_id="work")

    assert created["source"] == "/google/folders/realtime"
    shown = created["data"]["object"]
    assert (shown["id"], shown["name"], shown["system_folder"]) == ("work", "Work", False)
    assert deleted["data"]["object"] == {"id": "work", "grant_id": ACCOUNT_ID, "object": "folder"}


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_send_that_left_names_its_message_and_its_schedule(
    world: Webhooks, *, is_stored: bool
) -> None:
    """Its copy may not be here yet; the schedule is known to whoever asked for it."""
    message = make_message(subject="Later")
    if is_stored:
        world.messages.put([message])
    sent = SentMessage(
        provider_id=message.provider_id, provider_thread_id=message.provider_thread_id
    )
    entry = make_outbox_entry(state=SendState.SENT, sent=sent, send_at=NOW)
    world.outbox.claim(entry)

    envelope = told(world, EventType.MESSAGE_SENT, object_id=entry.id)

    data = envelope["data"]
    assert (envelope["source"], data["grant_id"]) == ("/nylas/send", ACCOUNT_ID)
    assert (data["object"]["schedule_id"], data["object"]["send_at"]) == (
        entry.id,
        int(NOW.timestamp()),
    )
    assert (data["object"]["object"], data["object"]["grant_id"]) == ("message", ACCOUNT_ID)
    assert data["object"].get("subject") == ("Later" if is_stored else None)
    assert (data["object"]["id"], data["object"]["thread_id"]) == (message.id, message.thread_id)
    assert "body" not in data["object"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (SendState.REJECTED, "message_not_sent"),
        (SendState.UNKNOWN, "send_outcome_unknown"),
    ],
)
def test_a_send_that_failed_says_why(world: Webhooks, state: SendState, kind: str) -> None:
    """As its schedule does."""
    entry = make_outbox_entry(state=state, error="The mailbox is full.")
    world.outbox.claim(entry)

    data = told(world, EventType.MESSAGE_NOT_SENT, object_id=entry.id, reason=entry.error)["data"]

    assert data["reason"] == "The mailbox is full."
    assert data["error"] == {"type": kind, "message": "The mailbox is full."}
    assert data["object"]["schedule_id"] == entry.id


@pytest.mark.parametrize(
    "event_type",
    [
        EventType.MESSAGE_CREATED,
        EventType.FOLDER_UPDATED,
        EventType.MESSAGE_SENT,
        EventType.MESSAGE_OPENED,
    ],
)
def test_what_is_gone_is_not_told(world: Webhooks, event_type: EventType) -> None:
    """A message that was deleted meanwhile has an event of its own."""
    world.happens(event_type, object_id="gone")

    world.work_off()

    assert (world.receiver.heard, world.states()) == ([], [])


def test_of_an_account_that_is_being_deleted_its_end_alone_is_told(world: Webhooks) -> None:
    """Its owner wants nothing of it to go anywhere any more."""
    world.accounts.replace(make_account(status=AccountStatus.DELETING))
    message = make_message()
    world.messages.put([message])
    world.happens(EventType.MESSAGE_CREATED, object_id=message.id)
    world.happens(EventType.MESSAGE_DELETED, object_id=message.id)
    world.happens(EventType.GRANT_DELETED)

    world.work_off()

    assert [each["type"] for each in world.receiver.envelopes()] == ["grant.deleted"]


# ── Who is given up ──────────────────────────────────────────────────────────────────────────


def test_a_webhook_that_loses_an_event_is_failing_until_something_arrives(world: Webhooks) -> None:
    """Three attempts of one event are enough; it is told of everything meanwhile."""
    world.receiver.answers = [BUSY]
    world.happens()
    world.work_off()
    assert world.status() is WebhookStatus.FAILING
    assert world.webhooks.get("hook-1").status_updated_at == world.clock.now()

    world.receiver.answers = [OK]
    world.happens()
    world.work_off()

    assert world.status() is WebhookStatus.ACTIVE


def test_a_hiccup_is_no_verdict(world: Webhooks) -> None:
    """One attempt that fails, and one in twelve, leave a webhook as it is."""
    world.receiver.answers = [BUSY, OK]
    world.happens()
    world.work_off()

    assert world.status() is WebhookStatus.ACTIVE


def test_what_was_long_ago_is_not_counted(world: Webhooks) -> None:
    """A webhook is judged by the last fifteen minutes."""
    world.receiver.answers = [Answer(status=404)]
    for _ in range(2):
        world.happens()
        world.work_off()
        world.clock.advance(timedelta(minutes=30))
    world.happens()
    world.work_off()

    assert world.status() is WebhookStatus.ACTIVE


def _failing_for(world: Webhooks, time: timedelta) -> None:
    world.receiver.answers = [Answer(status=404)]
    ends_at = world.clock.now() + time
    while world.clock.now() < ends_at:
        world.happens()
        world.work_off()
        world.clock.advance(timedelta(minutes=4))


def test_a_webhook_is_given_up_after_three_days_and_not_before(world: Webhooks) -> None:
    """It is told nothing then, whatever happens, until its owner says so."""
    _failing_for(world, timedelta(hours=72))
    assert world.status() is WebhookStatus.FAILING
    _failing_for(world, timedelta(minutes=30))
    assert world.status() is WebhookStatus.FAILED

    world.receiver.heard.clear()
    world.happens()
    assert world.queue.waiting == []

    world.clock.advance(timedelta(hours=1))
    update_webhook(webhook_id="hook-1", change=WebhookChange(status="active"), tools=world.owner())
    world.receiver.answers = [OK]
    world.happens()
    world.work_off()
    assert (world.status(), len(world.receiver.heard)) == (WebhookStatus.ACTIVE, 1)


def test_a_verdict_does_not_undo_what_the_owner_does_meanwhile(world: Webhooks) -> None:
    """The owner pauses it while an attempt is on its way."""
    _failing_for(world, timedelta(minutes=6))
    assert world.status() is WebhookStatus.ACTIVE

    def pause(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        change = WebhookChange(status="pause")
        update_webhook(webhook_id="hook-1", change=change, tools=world.owner())
        return Answer(status=404)

    world.happens()
    call, _ = world.queue.waiting.pop(0)
    deliver_event(
        event_id=call.event_id,
        webhook_id=call.webhook_id,
        attempt=1,
        tools=replace(world.tools, call=pause),
    )

    assert world.status() is WebhookStatus.PAUSED


def test_its_owner_reads_the_attempts_a_page_at_a_time(world: Webhooks) -> None:
    """Newest events first, and a last page that says it is the last."""
    for _ in range(3):
        world.happens()
        world.work_off()
    owner = world.owner()

    first, place = list_deliveries(webhook_id="hook-1", limit=2, after="", tools=owner)
    rest, end = list_deliveries(webhook_id="hook-1", limit=2, after=place, tools=owner)

    assert [each.at for each in (*first, *rest)] == sorted(
        (each.at for each in (*first, *rest)), reverse=True
    )
    assert (len(first), len(rest), end) == (2, 1, "")
