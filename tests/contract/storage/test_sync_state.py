"""SyncStateStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import Position
from postroom.domain.sync import (
    LEASE_LIFETIME,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    SyncState,
    SyncUnitId,
)
from postroom.ports import SyncStateStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_backfill
from tests.fakes import FixedClock, InMemorySyncStateStore

SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(params=["memory", "dynamodb"])
def states(request: pytest.FixtureRequest, clock: FixedClock) -> SyncStateStore:
    store: SyncStateStore = (
        InMemorySyncStateStore(clock)
        if request.param == "memory"
        else DynamoSyncStateStore(request.getfixturevalue("table"), clock)
    )
    store.create(ACCOUNT_ID, due_at=NOW)
    return store


def taken(states: SyncStateStore, lane: Lane = Lane.PRESENT) -> Lease:
    """Take a lease that is free."""
    lease = states.acquire(ACCOUNT_ID, lane, now=NOW, lifetime=LEASE_LIFETIME)
    assert lease is not None
    return lease


def due(states: SyncStateStore, now: timedelta = timedelta(), limit: int = 10) -> list[AccountId]:
    """Tell who is due some time from the beginning."""
    return list(states.due(now=NOW + now, limit=limit))


class TestState:
    """Cursors, checkpoint and times."""

    def test_new_state_knows_nothing(self, states: SyncStateStore) -> None:
        """An account begins without cursors and clean."""
        assert states.get(ACCOUNT_ID) == SyncState(account_id=ACCOUNT_ID)

    def test_unknown_account_has_no_state(self, states: SyncStateStore) -> None:
        """Nothing can be read, rung, taken or paused for an account that is gone."""
        with pytest.raises(NotFound):
            states.get(OTHER_ACCOUNT_ID)
        assert not states.ring(OTHER_ACCOUNT_ID)
        for lane in Lane:
            assert not states.acquire(OTHER_ACCOUNT_ID, lane, now=NOW, lifetime=LEASE_LIFETIME)
        states.pause(OTHER_ACCOUNT_ID, NOW)
        states.defer(OTHER_ACCOUNT_ID, until=LATER)
        states.delete(OTHER_ACCOUNT_ID)
        with pytest.raises(NotFound):
            states.get(OTHER_ACCOUNT_ID)

    def test_what_is_noted_is_kept(self, states: SyncStateStore) -> None:
        """Cursors, checkpoint and times come back to the microsecond; other cursors stay."""
        present, backfill = taken(states), taken(states, Lane.BACKFILL)
        moment = NOW + timedelta(microseconds=123_457)
        checkpoint = make_backfill(
            phase=BackfillPhase.SWEEPING,
            generation="second",
            swept=Position(received_at=moment, message_id=MessageId("m1")),
            total_estimate=500,
            oldest_stored_at=moment,
        )

        states.save_cursors(
            present, {SyncUnitId("a#b.c"): Cursor("1"), SyncUnitId("b"): Cursor("")}
        )
        states.save_cursors(present, {SyncUnitId("b"): Cursor("2" * 5_000)})
        states.save_cursors(present, {})
        states.save_folders_synced(present, moment)
        states.save_backfill(backfill, checkpoint)
        states.pause(ACCOUNT_ID, moment)
        states.release(present, synced_at=moment, due_at=LATER, error="it was slow")

        assert states.get(ACCOUNT_ID) == SyncState(
            account_id=ACCOUNT_ID,
            cursors={SyncUnitId("a#b.c"): Cursor("1"), SyncUnitId("b"): Cursor("2" * 5_000)},
            backfill=checkpoint,
            paused_until=moment,
            synced_at=moment,
            folders_synced_at=moment,
            last_error="it was slow",
        )

    def test_checkpoint_is_replaced_whole(self, states: SyncStateStore) -> None:
        """The end of the first sync leaves nothing of the steps before."""
        lease = taken(states, Lane.BACKFILL)
        states.save_backfill(lease, make_backfill(oldest_stored_at=NOW))

        done = make_backfill(phase=BackfillPhase.DONE, position="")
        states.save_backfill(lease, done)

        assert states.get(ACCOUNT_ID).backfill == done

    def test_later_pause_wins(self, states: SyncStateStore) -> None:
        """Of two workers that were told to wait, the one with the longer wait is right."""
        states.pause(ACCOUNT_ID, NOW + 2 * SECOND)

        states.pause(ACCOUNT_ID, NOW + SECOND)

        assert states.get(ACCOUNT_ID).paused_until == NOW + 2 * SECOND

    def test_reconnecting_keeps_the_state_and_makes_it_due(self, states: SyncStateStore) -> None:
        """Cursors survive a lost consent, and so does the lease of whoever works at it."""
        lease = taken(states)
        states.save_cursors(lease, {SyncUnitId("mailbox"): Cursor("7")})
        states.ring(ACCOUNT_ID)

        states.create(ACCOUNT_ID, due_at=NOW)

        assert states.get(ACCOUNT_ID).cursors == {"mailbox": "7"}
        assert states.get(ACCOUNT_ID).dirty == 1
        assert due(states) == [ACCOUNT_ID]
        states.save_folders_synced(lease, NOW)

    def test_error_is_forgotten_after_a_success(self, states: SyncStateStore) -> None:
        """The last error of a lane stands until that lane succeeds; `synced_at` None keeps it."""
        states.release(taken(states), synced_at=NOW, due_at=LATER, error="odd")
        states.release(taken(states, Lane.BACKFILL), synced_at=None, due_at=LATER, error="parked")

        states.release(taken(states), synced_at=None, due_at=LATER)

        assert states.get(ACCOUNT_ID).last_error == "parked"
        assert states.get(ACCOUNT_ID).synced_at == NOW
        states.release(taken(states, Lane.BACKFILL), synced_at=None, due_at=LATER)
        assert states.get(ACCOUNT_ID).last_error == ""


class TestLease:
    """The exclusive, expiring right to work in one lane."""

    def test_lane_has_one_holder(self, states: SyncStateStore) -> None:
        """While one worker holds a lane another gets nothing; the lanes do not mind each other."""
        taken(states)

        just_before = NOW + LEASE_LIFETIME - timedelta(microseconds=1)
        assert (
            states.acquire(ACCOUNT_ID, Lane.PRESENT, now=just_before, lifetime=LEASE_LIFETIME)
            is None
        )
        assert taken(states, Lane.BACKFILL).dirty == 0

    def test_lease_of_a_dead_holder_is_taken_over(self, states: SyncStateStore) -> None:
        """After its end the next worker gets a higher fence, and the late one can write nothing."""
        dead = taken(states)

        heir = states.acquire(
            ACCOUNT_ID, Lane.PRESENT, now=NOW + LEASE_LIFETIME, lifetime=LEASE_LIFETIME
        )

        assert heir is not None
        assert heir.fence > dead.fence
        with pytest.raises(LeaseLost):
            states.save_cursors(dead, {SyncUnitId("mailbox"): Cursor("old")})
        with pytest.raises(LeaseLost):
            states.save_folders_synced(dead, NOW)
        with pytest.raises(LeaseLost):
            states.renew(dead, expires_at=LATER)
        with pytest.raises(LeaseLost):
            states.release(dead, synced_at=NOW, due_at=LATER)
        states.abandon(dead, due_at=NOW - SECOND, error="late")
        assert states.get(ACCOUNT_ID) == SyncState(account_id=ACCOUNT_ID)
        states.save_cursors(heir, {SyncUnitId("mailbox"): Cursor("new")})

    def test_late_backfill_worker_writes_nothing(self, states: SyncStateStore) -> None:
        """The checkpoint does not go back to where a dead worker was."""
        dead = taken(states, Lane.BACKFILL)
        states.acquire(ACCOUNT_ID, Lane.BACKFILL, now=NOW + LEASE_LIFETIME, lifetime=LEASE_LIFETIME)

        with pytest.raises(LeaseLost):
            states.save_backfill(dead, make_backfill())

    def test_renewed_lease_lasts_longer(self, states: SyncStateStore) -> None:
        """A holder that shows itself in time is not replaced."""
        lease = taken(states)

        states.renew(lease, expires_at=NOW + 2 * LEASE_LIFETIME)

        after_the_first_end = NOW + LEASE_LIFETIME
        assert not states.acquire(
            ACCOUNT_ID, Lane.PRESENT, now=after_the_first_end, lifetime=LEASE_LIFETIME
        )

    def test_returned_lease_is_worth_nothing(self, states: SyncStateStore) -> None:
        """Whoever gave its lease back writes no more; the next has a higher fence."""
        lease = taken(states)
        assert states.release(lease, synced_at=NOW, due_at=LATER)

        with pytest.raises(LeaseLost):
            states.save_folders_synced(lease, NOW)

        assert taken(states).fence > lease.fence

    def test_deleted_state_takes_its_leases_along(self, states: SyncStateStore) -> None:
        """A worker that is still at an erased account does not bring rows of it back."""
        present, backfill = taken(states), taken(states, Lane.BACKFILL)
        states.ring(ACCOUNT_ID)

        states.delete(ACCOUNT_ID)

        with pytest.raises(LeaseLost):
            states.save_cursors(present, {SyncUnitId("mailbox"): Cursor("7")})
        with pytest.raises(LeaseLost):
            states.save_backfill(backfill, make_backfill())
        states.abandon(present, due_at=NOW, error="")
        assert due(states, LEASE_LIFETIME) == []
        with pytest.raises(NotFound):
            states.get(ACCOUNT_ID)


class TestDirtyMark:
    """No doorbell is lost."""

    def test_doorbell_during_the_work_keeps_the_worker(self, states: SyncStateStore) -> None:
        """A worker that has not seen the mark cannot leave; having seen it, it can."""
        lease = taken(states)
        assert states.ring(ACCOUNT_ID)

        assert not states.release(lease, synced_at=NOW, due_at=LATER)

        assert states.get(ACCOUNT_ID).synced_at is None
        lease = replace(lease, dirty=states.get(ACCOUNT_ID).dirty)
        assert states.release(lease, synced_at=NOW, due_at=LATER)
        assert states.get(ACCOUNT_ID).synced_at == NOW

    def test_lease_knows_the_mark_it_was_taken_at(self, states: SyncStateStore) -> None:
        """Doorbells before the work are seen by it."""
        states.ring(ACCOUNT_ID)
        states.ring(ACCOUNT_ID)

        lease = taken(states)

        assert lease.dirty == 2
        assert states.release(lease, synced_at=NOW, due_at=LATER)

    def test_first_sync_has_no_dirty_mark(self, states: SyncStateStore) -> None:
        """News of the present do not keep the worker of the past, nor make it due."""
        lease = taken(states, Lane.BACKFILL)
        states.ring(ACCOUNT_ID)
        states.defer(ACCOUNT_ID, until=LATER)

        assert states.release(lease, synced_at=NOW, due_at=NOW)

        assert due(states) == []
        assert states.get(ACCOUNT_ID).synced_at is None

    def test_abandoned_lease_leaves_the_mark(self, states: SyncStateStore) -> None:
        """A worker that fails may leave a dirty account; it says when it is due again."""
        lease = taken(states)
        states.ring(ACCOUNT_ID)

        states.abandon(lease, due_at=NOW + SECOND, error="the provider is away")

        assert states.get(ACCOUNT_ID).last_error == "the provider is away"
        assert states.get(ACCOUNT_ID).dirty == 1
        assert due(states) == []
        assert due(states, SECOND) == [ACCOUNT_ID]


class TestDue:
    """Whom the sweep wakes."""

    def test_account_is_due_from_its_time_on(self, states: SyncStateStore) -> None:
        """Not a moment earlier."""
        states.defer(ACCOUNT_ID, until=LATER)

        assert due(states, LATER - NOW - SECOND) == []
        assert due(states, LATER - NOW) == [ACCOUNT_ID]

    def test_longest_waiting_come_first(self, states: SyncStateStore) -> None:
        """A limit leaves out those that waited less, in whatever shard they are."""
        waiting = [AccountId(f"account-{number}") for number in range(40)]
        for number, account_id in enumerate(waiting):
            states.create(account_id, due_at=NOW - timedelta(minutes=number + 1))

        assert due(states, limit=5) == waiting[:-6:-1]
        assert due(states, limit=100) == [*reversed(waiting), ACCOUNT_ID]

    def test_held_account_is_due_when_its_lease_ends(self, states: SyncStateStore) -> None:
        """A dead holder's account is found by the sweep; a living one moves the time on."""
        lease = taken(states)

        assert due(states) == []
        assert due(states, LEASE_LIFETIME) == [ACCOUNT_ID]
        states.renew(lease, expires_at=NOW + 2 * LEASE_LIFETIME)
        assert due(states, LEASE_LIFETIME) == []

    def test_called_account_is_due_later(self, states: SyncStateStore) -> None:
        """The sweep does not call the same account twice; deferring never brings it forward."""
        states.defer(ACCOUNT_ID, until=LATER)
        states.defer(ACCOUNT_ID, until=NOW)

        assert due(states) == []
        assert due(states, LATER - NOW) == [ACCOUNT_ID]

    def test_deferring_does_not_hide_a_holder_that_may_die(
        self, states: SyncStateStore, clock: FixedClock
    ) -> None:
        """A worker that was quicker than the sweep's `defer` is still watched over."""
        taken(states)

        states.defer(ACCOUNT_ID, until=LATER)

        assert due(states, LEASE_LIFETIME) == [ACCOUNT_ID]
        clock.advance(LEASE_LIFETIME)
        states.defer(ACCOUNT_ID, until=LATER)
        assert due(states, LEASE_LIFETIME) == []
