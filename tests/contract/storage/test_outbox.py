"""OutboxStore, in memory and in the table."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from postroom.domain.errors import NotFound, Rejected
from postroom.domain.event import Event, EventType
from postroom.domain.ids import AccountId, EventId, OutboxId, ProviderMessageId, ProviderThreadId
from postroom.domain.outgoing import (
    CALL_LOST_AFTER,
    CRASH_LOOKUP_DELAY,
    OUTBOX_LIFETIME,
    SendState,
    SentMessage,
)
from postroom.domain.quota import Reservation
from postroom.domain.sending_limit import CountedSend
from postroom.domain.upload import TransferMark
from postroom.ports import OutboxStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_outbox_entry
from tests.fakes import FixedClock, InMemoryOutboxStore

SENT = SentMessage(
    provider_id=ProviderMessageId("18c1"), provider_thread_id=ProviderThreadId("18c0")
)
COUNTED_AS = (
    CountedSend("messages/60", Reservation(NOW, 1)),
    CountedSend("recipients/86400", Reservation(NOW + timedelta(microseconds=17), 3)),
)
SECOND = timedelta(seconds=1)
SOON, FAR = NOW + timedelta(minutes=5), NOW + timedelta(days=400)


def overdue(
    outbox: OutboxStore, now: datetime, *, limit: int = 100
) -> list[tuple[AccountId, OutboxId]]:
    """Tell for which sends nobody has come."""
    return list(outbox.overdue(now=now, limit=limit))


@pytest.fixture(params=["memory", "dynamodb"])
def outbox(request: pytest.FixtureRequest, clock: FixedClock) -> OutboxStore:
    if request.param == "memory":
        return InMemoryOutboxStore(clock)
    return DynamoOutboxStore(request.getfixturevalue("table"), clock)


class TestOutboxStore:
    """The durable record of sends."""

    def test_first_claim_gets_the_send(self, outbox: OutboxStore) -> None:
        """Whoever comes first is told that nobody was there; the entry is kept whole."""
        entry = make_outbox_entry()

        assert outbox.claim(entry) is None

        assert outbox.get(ACCOUNT_ID, entry.id) == entry

    def test_how_far_a_message_has_got_is_kept_until_it_ends(self, outbox: OutboxStore) -> None:
        """Whoever goes on with it finds the mark; it is of no use afterwards."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        marked = replace(entry, transfer=TransferMark("half"))

        assert outbox.settle(marked)

        assert outbox.get(ACCOUNT_ID, entry.id).transfer == "half"
        outbox.settle(marked.ended(SendState.SENT, entry.created_at, sent=SENT))
        assert outbox.get(ACCOUNT_ID, entry.id).transfer == ""

    def test_second_claim_gets_the_entry_that_is_there(self, outbox: OutboxStore) -> None:
        """The same key again is the same send, also when it asks for something else."""
        entry = make_outbox_entry()
        outbox.claim(entry)

        assert outbox.claim(entry) == entry
        assert outbox.claim(replace(entry, request_hash="f" * 64)) == entry
        assert outbox.get(ACCOUNT_ID, entry.id) == entry

    def test_accounts_have_their_own_keys(self, outbox: OutboxStore) -> None:
        """The same key on another account is another send."""
        outbox.claim(make_outbox_entry())

        assert outbox.claim(make_outbox_entry(account_id=OTHER_ACCOUNT_ID)) is None

    @pytest.mark.parametrize("state", [SendState.SENT, SendState.REJECTED, SendState.CANCELLED])
    def test_settled_entry_stays_as_it_is(self, outbox: OutboxStore, state: SendState) -> None:
        """A late look-up does not overwrite an outcome that is known."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        settled = replace(
            entry, state=state, sent=SENT, error="as the provider said", consequence="Rejected"
        )
        assert outbox.settle(settled)

        assert not outbox.settle(replace(entry, state=SendState.UNKNOWN))

        assert outbox.get(ACCOUNT_ID, entry.id) == settled

    def test_unknown_outcome_can_become_known(self, outbox: OutboxStore) -> None:
        """A message that is found at the provider after all was sent."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.settle(replace(entry, state=SendState.UNKNOWN, error="timeout"))

        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))

        assert outbox.get(ACCOUNT_ID, entry.id) == replace(entry, state=SendState.SENT, sent=SENT)

    def test_withdrawn_key_can_be_used_again(self, outbox: OutboxStore) -> None:
        """A message that did not leave may be sent anew; withdrawing twice is fine."""
        entry = make_outbox_entry()
        outbox.claim(entry)

        outbox.withdraw(ACCOUNT_ID, entry.id)
        outbox.withdraw(ACCOUNT_ID, entry.id)

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)
        assert outbox.claim(entry) is None

    def test_withdrawn_entry_comes_back_only_as_sent(self, outbox: OutboxStore) -> None:
        """A late look-up does not block a key that is free again, unless the message did leave."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.withdraw(ACCOUNT_ID, entry.id)

        outbox.settle(replace(entry, state=SendState.UNKNOWN))
        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)

        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))
        assert outbox.get(ACCOUNT_ID, entry.id).state is SendState.SENT

    def test_message_that_left_cannot_be_withdrawn(self, outbox: OutboxStore) -> None:
        """A withdrawal that comes after the outcome does not open the way to a second send."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        sent = replace(entry, state=SendState.SENT, sent=SENT)
        outbox.settle(sent)

        outbox.withdraw(ACCOUNT_ID, entry.id)

        assert outbox.claim(entry) == sent

    def test_entry_is_kept_whole(self, outbox: OutboxStore) -> None:
        """Everything that is known of a send that waits for its time comes back."""
        entry = make_outbox_entry(
            state=SendState.QUEUED,
            send_at=NOW + timedelta(days=20),
            due_at=NOW + timedelta(days=20),
            is_followed=True,
            metadata=(("key1", "17"), ("other", "")),
            claims=0,
            claimed_at=None,
            counted_as=COUNTED_AS,
        )
        outbox.claim(entry)

        assert outbox.get(ACCOUNT_ID, entry.id) == entry
        ended = entry.claimed(NOW).ended(SendState.SENT, NOW, sent=SENT)
        outbox.settle(ended)
        assert outbox.get(ACCOUNT_ID, entry.id) == ended

    def test_of_two_that_replace_an_entry_one_succeeds(self, outbox: OutboxStore) -> None:
        """A send that is cancelled while its time comes is either cancelled or sent."""
        waiting = make_outbox_entry(state=SendState.QUEUED, claims=0, claimed_at=None)
        outbox.claim(waiting)

        assert outbox.replace(waiting.claimed(NOW), expected=waiting)
        cancelled = waiting.ended(SendState.CANCELLED, NOW)
        assert not outbox.replace(cancelled, expected=waiting)

        assert outbox.get(ACCOUNT_ID, waiting.id) == waiting.claimed(NOW)

    def test_nothing_replaces_what_is_not_there(self, outbox: OutboxStore) -> None:
        """A send that was withdrawn does not come back."""
        entry = make_outbox_entry()

        assert not outbox.replace(entry.claimed(NOW), expected=entry)

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)

    def test_an_earlier_claim_does_not_speak_for_a_later_one(self, outbox: OutboxStore) -> None:
        """A worker that was away for long ends nothing but a send that it knows to have left."""
        first = make_outbox_entry()
        outbox.claim(first)
        second = first.claimed(NOW + timedelta(minutes=9))
        outbox.replace(second, expected=first)

        assert not outbox.settle(first.ended(SendState.REJECTED, NOW, problem=Rejected("late")))
        assert outbox.get(ACCOUNT_ID, first.id) == second

        assert outbox.settle(first.ended(SendState.SENT, NOW, sent=SENT))
        assert outbox.get(ACCOUNT_ID, first.id).state is SendState.SENT

    def test_followed_sends_are_listed(self, outbox: OutboxStore) -> None:
        """Those that somebody was told to follow, of one account, also from later on."""
        at_once = make_outbox_entry(idempotency_key="at once")
        later = make_outbox_entry(idempotency_key="later", is_followed=True)
        lost = make_outbox_entry(idempotency_key="lost")
        elsewhere = make_outbox_entry(account_id=OTHER_ACCOUNT_ID, is_followed=True)
        for entry in (at_once, later, lost, elsewhere):
            outbox.claim(entry)
        unknown = replace(lost, state=SendState.UNKNOWN, is_followed=True)
        outbox.settle(unknown)

        found = {entry.id: entry for entry in outbox.followed(ACCOUNT_ID)}

        assert found == {later.id: later, lost.id: unknown}
        outbox.erase(ACCOUNT_ID)
        assert list(outbox.followed(ACCOUNT_ID)) == []
        assert list(outbox.followed(OTHER_ACCOUNT_ID)) == [elsewhere]

    def test_a_send_is_overdue_until_it_has_ended(self, outbox: OutboxStore) -> None:
        """Nobody came for it in time: it is found by then, and not before, nor after its end."""
        waiting = make_outbox_entry(state=SendState.QUEUED, claims=0, due_at=SOON, claimed_at=None)
        claimed = waiting.claimed(SOON)
        unknown = claimed.in_doubt(SOON + timedelta(days=1))
        send = (ACCOUNT_ID, waiting.id)
        outbox.claim(waiting)
        assert overdue(outbox, SOON + CALL_LOST_AFTER - SECOND) == []
        assert overdue(outbox, SOON + CALL_LOST_AFTER) == [send]

        outbox.replace(claimed, expected=waiting)
        assert overdue(outbox, SOON + CALL_LOST_AFTER) == []
        assert overdue(outbox, SOON + CRASH_LOOKUP_DELAY + CALL_LOST_AFTER) == [send]
        outbox.settle(unknown)
        assert overdue(outbox, SOON + timedelta(days=1) + CALL_LOST_AFTER - SECOND) == []
        assert overdue(outbox, SOON + timedelta(days=1) + CALL_LOST_AFTER) == [send]

        outbox.settle(unknown.ended(SendState.UNKNOWN, NOW, problem=Rejected("nobody knows")))
        assert overdue(outbox, FAR) == []

    @pytest.mark.parametrize("end", ["sent", "cancelled", "withdrawn", "erased"])
    def test_what_has_ended_is_not_overdue(self, outbox: OutboxStore, end: str) -> None:
        """However it has ended; the rows of a removed account do not come back."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        assert overdue(outbox, FAR) == [(ACCOUNT_ID, entry.id)]

        match end:
            case "sent":
                outbox.settle(entry.ended(SendState.SENT, NOW, sent=SENT))
            case "cancelled":
                outbox.replace(entry.ended(SendState.CANCELLED, NOW), expected=entry)
            case "withdrawn":
                outbox.withdraw(ACCOUNT_ID, entry.id)
            case "erased":
                outbox.erase(ACCOUNT_ID)

        outbox.defer(ACCOUNT_ID, entry.id, until=FAR)
        assert overdue(outbox, FAR) == []

    def test_a_draft_is_never_overdue(self, outbox: OutboxStore) -> None:
        """Nothing of it is kept that a worker could send; the draft itself tells."""
        outbox.claim(make_outbox_entry(kept_as=""))

        assert overdue(outbox, FAR) == []

    def test_who_waited_longest_is_called_first(self, outbox: OutboxStore) -> None:
        """Of any account, as many as are asked for; those who were called come later."""
        sends: list[tuple[AccountId, OutboxId]] = []
        for number, account_id in enumerate([ACCOUNT_ID, OTHER_ACCOUNT_ID] * 6):
            entry = make_outbox_entry(
                account_id=account_id,
                idempotency_key=f"key {number}",
                due_at=NOW - timedelta(minutes=number),
            )
            outbox.claim(entry)
            sends.insert(0, (account_id, entry.id))

        assert overdue(outbox, SOON + CALL_LOST_AFTER, limit=5) == sends[:5]
        for account_id, outbox_id in sends[:5]:
            outbox.defer(account_id, outbox_id, until=FAR)
        assert overdue(outbox, SOON + CALL_LOST_AFTER) == sends[5:]
        assert overdue(outbox, FAR) == [*sends[5:], *sorted(sends[:5])]
        # What was called for is as it was
        outbox.defer(*sends[0], until=NOW)
        assert (sends[0] in overdue(outbox, SOON + CALL_LOST_AFTER)) is False
        assert outbox.get(*sends[0]).due_at == NOW - timedelta(minutes=11)

    def test_erasing_takes_one_account_only(self, outbox: OutboxStore) -> None:
        """A removed account leaves none of its sends behind, and takes nobody else's along."""
        mine, other = make_outbox_entry(), make_outbox_entry(account_id=OTHER_ACCOUNT_ID)
        outbox.claim(mine)
        outbox.claim(other)

        outbox.erase(ACCOUNT_ID)

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, mine.id)
        assert outbox.get(OTHER_ACCOUNT_ID, other.id) == other

    def test_key_is_forgotten_after_its_lifetime(
        self, outbox: OutboxStore, clock: FixedClock
    ) -> None:
        """After thirty days the key is free, also while its row is still waiting for removal."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))

        clock.advance(OUTBOX_LIFETIME - timedelta(seconds=1))
        assert outbox.get(ACCOUNT_ID, entry.id).state is SendState.SENT
        clock.advance(timedelta(seconds=1))

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)
        again = replace(entry, created_at=clock.now())
        assert outbox.claim(again) is None
        assert outbox.get(ACCOUNT_ID, entry.id) == again

    def test_lifetime_begins_when_the_message_was_to_leave(
        self, outbox: OutboxStore, clock: FixedClock
    ) -> None:
        """What is scheduled for the end of the year has its key for thirty days from then on."""
        entry = make_outbox_entry(send_at=clock.now() + timedelta(days=300))
        outbox.claim(entry)

        clock.advance(timedelta(days=329))

        assert outbox.claim(entry) == entry


@pytest.mark.parametrize("told_with", ["settle", "replace"])
def test_an_end_and_its_event_are_one_write(table: Table, told_with: str) -> None:
    """Whoever listens hears of a send's end exactly if it has ended, and why it failed."""
    # Given
    outbox = DynamoOutboxStore(table, FixedClock())
    entry = make_outbox_entry(is_followed=True)
    outbox.claim(entry)
    ended = entry.ended(SendState.REJECTED, NOW, problem=Rejected("the consent has ended"))
    event = Event.of_send(EventType.MESSAGE_NOT_SENT, ended)
    write = partial(outbox.replace, expected=entry) if told_with == "replace" else outbox.settle
    # When
    assert write(ended, event=event)
    # Then
    row = table.get(keys.event(event.id))
    assert row is not None
    assert (row["type"], row["object_id"]) == ("message.send_failed", entry.id)
    assert row["reason"] == "the consent has ended"
    # And a write that loses tells nothing
    other = replace(event, id=EventId("another"))
    assert not write(ended, event=other)
    assert table.get(keys.event(other.id)) is None


def test_looking_for_lost_calls_costs_nothing_for_the_rest(
    table: Table, dynamodb: Any, clock: FixedClock
) -> None:
    """The sweep comes every minute: it reads neither what waits, nor what has ended, nor accounts.

    And the sweep of accounts reads no sends.
    """
    # Given
    outbox, states = DynamoOutboxStore(table, clock), DynamoSyncStateStore(table, clock)
    late = clock.now() - CALL_LOST_AFTER
    for number in range(40):
        entry = make_outbox_entry(
            idempotency_key=f"key {number}", due_at=late if number < 3 else FAR
        )
        outbox.claim(entry)
        if number % 2:
            outbox.settle(entry.ended(SendState.SENT, NOW, sent=SENT))
    states.create(ACCOUNT_ID, due_at=late)
    scanned: list[int] = []
    dynamodb.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: scanned.append(parsed["ScannedCount"])
    )
    # When
    found = overdue(outbox, clock.now())
    # Then one query a shard has read what was found
    assert (len(found), sum(scanned), len(scanned)) == (2, 2, len(keys.SEND_DUE_SHARDS))
    assert list(states.due(now=clock.now(), limit=100)) == [ACCOUNT_ID]
