"""SyncStateStore, in memory and in the table: dirty marks, leases, times and who is due.

Its units have tests of their own, in `test_sync_units.py`.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId
from postroom.domain.sync import (
    FULL_ROUND_INTERVAL,
    LEASE_LIFETIME,
    Lane,
    Lease,
    Round,
    SyncState,
    SyncUnitId,
    Watch,
)
from postroom.ports import SyncStateStore
from postroom.storage.dynamodb.keys import DUE_SHARDS
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_sync_unit
from tests.fakes import FixedClock

SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=5)


def taken(states: SyncStateStore, lane: Lane = Lane.PRESENT) -> Lease:
    """Take a lease that is free."""
    lease = states.acquire(ACCOUNT_ID, lane, now=NOW, lifetime=LEASE_LIFETIME)
    assert lease is not None
    return lease


def due(states: SyncStateStore, now: timedelta = timedelta(), limit: int = 10) -> list[AccountId]:
    """Tell who is due some time from the beginning."""
    return list(states.due(now=NOW + now, limit=limit))


class TestState:
    """What is known of an account's sync."""

    def test_new_state_knows_nothing(self, states: SyncStateStore) -> None:
        """An account begins without units and clean."""
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
        """Times come back to the microsecond."""
        present = taken(states)
        moment = NOW + timedelta(microseconds=123_457)

        states.save_folders_synced(present, moment)
        states.pause(ACCOUNT_ID, moment)
        states.release(
            present, synced_at=moment, due_at=LATER, error="it was slow", consequence="Retryable"
        )

        assert states.get(ACCOUNT_ID) == SyncState(
            account_id=ACCOUNT_ID,
            paused_until=moment,
            synced_at=moment,
            folders_synced_at=moment,
            last_error="it was slow",
            last_consequence="Retryable",
        )

    def test_later_pause_wins(self, states: SyncStateStore) -> None:
        """Of two workers that were told to wait, the one with the longer wait is right."""
        states.pause(ACCOUNT_ID, NOW + 2 * SECOND)

        states.pause(ACCOUNT_ID, NOW + SECOND)

        assert states.get(ACCOUNT_ID).paused_until == NOW + 2 * SECOND

    def test_reconnecting_keeps_the_state_and_makes_it_due(self, states: SyncStateStore) -> None:
        """Units survive a lost consent, and so does the lease of whoever works at it."""
        lease, unit = taken(states), make_sync_unit()
        states.begin_unit(lease, unit)
        states.ring(ACCOUNT_ID)

        states.create(ACCOUNT_ID, due_at=NOW)

        assert states.get(ACCOUNT_ID).units == {unit.id: unit}
        assert states.get(ACCOUNT_ID).dirty == 1
        assert due(states) == [ACCOUNT_ID]
        states.save_folders_synced(lease, NOW)

    def test_reconnecting_has_the_watch_looked_at(self, states: SyncStateStore) -> None:
        """It may have ended with the old consent; it is not forgotten."""
        watch = Watch(id="one", expires_at=LATER)
        states.save_watch(taken(states), watch, due_at=LATER)

        states.create(ACCOUNT_ID, due_at=NOW)

        assert states.get(ACCOUNT_ID).watch == watch
        assert states.get(ACCOUNT_ID).watch_due_at is None

    def test_reconnecting_forgets_failures(self, states: SyncStateStore) -> None:
        """A week without consent made the first hiccup after it wait for a quarter of an hour."""
        states.release(taken(states), synced_at=None, due_at=LATER, error="sign in")
        states.abandon(taken(states, Lane.BACKFILL), due_at=LATER, error="sign in")

        states.create(ACCOUNT_ID, due_at=NOW)

        assert taken(states).failing_since is None
        assert taken(states, Lane.BACKFILL).failing_since is None

    def test_glance_sees_all_but_the_units(self, states: SyncStateStore) -> None:
        """Enough to tell whether there is anything to do."""
        lease = taken(states)
        states.begin_unit(lease, make_sync_unit())
        states.save_round(lease, Round(dirty=1, units=frozenset([make_sync_unit().id])))
        states.save_watch(lease, Watch(id="one", expires_at=LATER), due_at=LATER)
        states.save_folders_synced(lease, NOW)
        states.release(lease, synced_at=NOW, due_at=LATER, error="odd")
        states.release(taken(states, Lane.BACKFILL), synced_at=None, due_at=LATER, error="parked")
        states.ring(ACCOUNT_ID)

        whole = states.get(ACCOUNT_ID)
        assert states.glance(ACCOUNT_ID) == replace(
            whole, units={}, round=Round(dirty=1, units=frozenset())
        )
        with pytest.raises(NotFound):
            states.glance(OTHER_ACCOUNT_ID)

    def test_error_is_forgotten_after_a_success(self, states: SyncStateStore) -> None:
        """The last error of a lane stands until that lane succeeds; `synced_at` None keeps it."""
        states.release(taken(states), synced_at=NOW, due_at=LATER, error="odd")
        states.abandon(
            taken(states, Lane.BACKFILL), due_at=NOW, error="parked", consequence="Throttled"
        )

        states.release(taken(states), synced_at=None, due_at=LATER)

        assert states.get(ACCOUNT_ID).last_error == "parked"
        assert states.get(ACCOUNT_ID).last_consequence == "Throttled"
        assert states.get(ACCOUNT_ID).synced_at == NOW
        states.release(taken(states, Lane.BACKFILL), synced_at=None, due_at=LATER)
        assert states.get(ACCOUNT_ID).last_error == ""
        assert states.get(ACCOUNT_ID).last_consequence == ""


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
            states.save_folders_synced(dead, NOW)
        with pytest.raises(LeaseLost):
            states.renew(dead, expires_at=LATER)
        with pytest.raises(LeaseLost):
            states.release(dead, synced_at=NOW, due_at=LATER)
        states.abandon(dead, due_at=NOW - SECOND, error="late")
        assert states.get(ACCOUNT_ID) == SyncState(account_id=ACCOUNT_ID)
        states.save_folders_synced(heir, NOW)

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

        for lease in (present, backfill):
            with pytest.raises(LeaseLost):
                states.renew(lease, expires_at=LATER)
        with pytest.raises(LeaseLost):
            states.save_folders_synced(present, NOW)
        states.abandon(present, due_at=NOW, error="")
        assert due(states, LEASE_LIFETIME) == []
        with pytest.raises(NotFound):
            states.get(ACCOUNT_ID)


class TestDirtyMark:
    """No doorbell is lost."""

    def test_changed_folders_are_read_again(self, states: SyncStateStore) -> None:
        """Also when somebody read them while they changed; then the reading does not count."""
        # Given folders that were read
        lease = taken(states)
        states.ring(ACCOUNT_ID)
        lease = replace(lease, dirty=states.get(ACCOUNT_ID).dirty)
        states.save_folders_synced(lease, NOW)
        assert states.get(ACCOUNT_ID).folders_synced_at == NOW

        # When they change while they are read again
        states.ring(ACCOUNT_ID, folders_changed=True)
        states.save_folders_synced(lease, LATER)

        # Then they are not read, until somebody has seen the mark
        assert states.get(ACCOUNT_ID).folders_synced_at is None
        lease = replace(lease, dirty=states.get(ACCOUNT_ID).dirty)
        states.save_folders_synced(lease, LATER)
        assert states.get(ACCOUNT_ID).folders_synced_at == LATER

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


class TestRound:
    """What is left of a round over all units that outlasted a step."""

    def test_what_is_left_is_gone_on_with(self, states: SyncStateStore) -> None:
        """The next worker finds the units that nobody has followed, and the mark they serve."""
        lease = taken(states)
        units = [make_sync_unit(id=SyncUnitId(f"folder {number}")) for number in range(3)]
        for unit in units:
            states.begin_unit(lease, unit)
        left = Round(dirty=7, units=frozenset(unit.id for unit in units[1:]))

        states.save_round(lease, left)
        states.ring(ACCOUNT_ID)

        assert states.get(ACCOUNT_ID).round == left

    def test_unit_that_ended_is_not_left(self, states: SyncStateStore) -> None:
        """Nobody can follow a folder that is gone."""
        lease = taken(states)
        states.begin_unit(lease, make_sync_unit())
        states.save_round(lease, Round(dirty=0, units=frozenset({make_sync_unit().id})))

        states.end_unit(lease, make_sync_unit().id)

        assert {*getattr(states.get(ACCOUNT_ID).round, "units", ())} & {
            *states.get(ACCOUNT_ID).units
        } == set()

    def test_finished_round_is_forgotten(self, states: SyncStateStore) -> None:
        """The next one begins with the first unit."""
        lease = taken(states)
        states.save_round(lease, Round(dirty=0, units=frozenset()))

        states.save_round(lease, None)

        assert states.get(ACCOUNT_ID).round is None

    def test_late_worker_leaves_no_round(self, states: SyncStateStore) -> None:
        """What it did not follow is the business of whoever holds the lease now."""
        lease = taken(states)
        states.abandon(lease, due_at=NOW, error="")

        with pytest.raises(LeaseLost):
            states.save_round(lease, Round(dirty=0, units=frozenset()))


class TestServed:
    """What a finished sync has served, so that a flood of calls costs one sync."""

    def test_finished_sync_has_served_its_mark(self, states: SyncStateStore) -> None:
        """Whoever is called afterwards sees that there is nothing to do."""
        states.ring(ACCOUNT_ID)
        lease = taken(states)

        states.release(lease, synced_at=NOW, due_at=LATER)

        assert (states.get(ACCOUNT_ID).dirty, states.get(ACCOUNT_ID).served) == (1, 1)

    @pytest.mark.parametrize("rung", [True, False])
    def test_short_round_serves_for_a_minute(self, states: SyncStateStore, *, rung: bool) -> None:
        """A flood of pushes costs one; a ring that comes later is heard."""
        states.release(taken(states), synced_at=NOW, due_at=LATER)
        states.save_folders_synced(first := taken(states), NOW)
        states.save_watch(first, None, due_at=LATER)
        states.ring(ACCOUNT_ID)
        states.abandon(first, due_at=NOW, error="")

        states.release(taken(states), synced_at=None, due_at=LATER, is_nearly_served=True)
        if rung:
            states.ring(ACCOUNT_ID)

        assert states.glance(ACCOUNT_ID).is_at_rest(NOW + SECOND) is not rung
        assert not states.glance(ACCOUNT_ID).is_at_rest(NOW + FULL_ROUND_INTERVAL)

    @pytest.mark.parametrize("parked", [True, False])
    def test_failed_sync_has_served_nothing(self, states: SyncStateStore, *, parked: bool) -> None:
        """Parked or abandoned: the next worker finds the mark that nobody has served."""
        states.ring(ACCOUNT_ID)
        lease = taken(states)

        if parked:
            states.release(lease, synced_at=None, due_at=LATER, error="busy")
        else:
            states.abandon(lease, due_at=LATER, error="busy")

        assert states.get(ACCOUNT_ID).served == 0

    def test_mark_that_moved_is_not_served(self, states: SyncStateStore) -> None:
        """A doorbell between the last look and the release is left for another round."""
        lease = taken(states)
        states.ring(ACCOUNT_ID)

        states.release(lease, synced_at=NOW, due_at=LATER)

        assert states.get(ACCOUNT_ID).served == 0

    def test_failures_in_a_row_are_counted_from_the_first(self, states: SyncStateStore) -> None:
        """Until a sync ends well."""
        for minutes in (0, 5):
            lease = states.acquire(
                ACCOUNT_ID, Lane.PRESENT, now=NOW + timedelta(minutes=minutes), lifetime=SECOND
            )
            assert lease is not None
            states.release(lease, synced_at=None, due_at=LATER, error="busy")
        well = taken(states)
        assert well.failing_since == NOW

        states.release(well, synced_at=LATER, due_at=LATER)

        assert taken(states).failing_since is None

    def test_waiting_for_ourselves_is_no_failure(self, states: SyncStateStore) -> None:
        """Nothing is wrong, and nobody waits longer for it."""
        states.release(taken(states), synced_at=None, due_at=LATER)

        assert taken(states).failing_since is None

    def test_failures_of_a_reading_are_counted_by_themselves(self, states: SyncStateStore) -> None:
        """From the first in a row to the first chunk that ends well."""
        states.abandon(taken(states, Lane.BACKFILL), due_at=NOW, error="busy")
        assert taken(states).failing_since is None
        lease = taken(states, Lane.BACKFILL)
        assert lease.failing_since == NOW

        states.abandon(lease, due_at=NOW, error="")

        assert taken(states, Lane.BACKFILL).failing_since is None

    def test_reading_that_waits_is_not_begun_before_its_time(self, states: SyncStateStore) -> None:
        """Each sync calls for the rest of a reading: there were ever more calls side by side."""
        states.abandon(taken(states, Lane.BACKFILL), due_at=NOW + SECOND, error="")

        for now, comes in ((NOW, False), (NOW + SECOND, True)):
            lease = states.acquire(ACCOUNT_ID, Lane.BACKFILL, now=now, lifetime=LEASE_LIFETIME)
            assert (lease is not None) is comes

    def test_first_sync_serves_nothing(self, states: SyncStateStore) -> None:
        """The past has no dirty mark."""
        states.ring(ACCOUNT_ID)

        states.release(taken(states, Lane.BACKFILL), synced_at=NOW, due_at=LATER)

        assert states.get(ACCOUNT_ID).served == 0


class TestWatch:
    """The provider's promise to ring, and who may ring in its name."""

    WATCH = Watch(
        id="subscription", expires_at=NOW + timedelta(days=7, microseconds=7), secret_hash="f00d"
    )

    def test_watch_is_kept_until_there_is_none(self, states: SyncStateStore) -> None:
        """With its time to the microsecond; another one replaces all of it."""
        lease = taken(states)
        assert states.get(ACCOUNT_ID).watch_due_at is None

        states.save_watch(lease, self.WATCH, due_at=LATER)
        assert states.get(ACCOUNT_ID).watch == self.WATCH
        assert states.get(ACCOUNT_ID).watch_due_at == LATER

        plain = Watch(id="", expires_at=NOW)
        states.save_watch(lease, plain, due_at=NOW)
        assert states.get(ACCOUNT_ID).watch == plain

        states.save_watch(lease, None, due_at=LATER)
        assert states.get(ACCOUNT_ID).watch is None
        assert states.get(ACCOUNT_ID).watch_due_at == LATER

    def test_problem_stands_until_it_is_gone(self, states: SyncStateStore) -> None:
        """Beside the watch that could not be renewed, or without one."""
        lease = taken(states)

        states.save_watch(lease, None, due_at=LATER, problem="nobody answers")
        assert states.get(ACCOUNT_ID).watch_problem == "nobody answers"

        states.save_watch(lease, self.WATCH, due_at=LATER)
        assert states.get(ACCOUNT_ID).watch_problem == ""

    def test_whoever_knows_the_secret_rings(self, states: SyncStateStore) -> None:
        """And says no more than that, unless the watch is ending."""
        states.save_watch(taken(states), self.WATCH, due_at=LATER)

        assert states.ring_watched(ACCOUNT_ID, secret_hashes=["f00d"])

        assert states.get(ACCOUNT_ID).dirty == 1
        assert states.get(ACCOUNT_ID).watch_due_at == LATER

    @pytest.mark.parametrize("place", [0, 50, 99])
    def test_one_of_a_hundred_secrets_rings_once(self, states: SyncStateStore, place: int) -> None:
        """One write tries them all."""
        states.save_watch(taken(states), self.WATCH, due_at=LATER)
        secret_hashes = [f"{number:064}" for number in range(100)]
        assert not states.ring_watched(ACCOUNT_ID, secret_hashes=secret_hashes)
        secret_hashes[place] = "f00d"

        assert states.ring_watched(ACCOUNT_ID, secret_hashes=secret_hashes)

        assert states.get(ACCOUNT_ID).dirty == 1

    def test_ending_watch_is_looked_at_at_once(
        self, states: SyncStateStore, clock: FixedClock
    ) -> None:
        """The ring and the new time are one write."""
        states.save_watch(taken(states), self.WATCH, due_at=LATER)

        assert states.ring_watched(ACCOUNT_ID, secret_hashes=["f00d"], watch_is_ending=True)

        assert states.get(ACCOUNT_ID).dirty == 1
        assert states.get(ACCOUNT_ID).watch_due_at == clock.now()

    @pytest.mark.parametrize("secret_hash", ["", "f00", "f00d0", "F00D"])
    @pytest.mark.parametrize("ending", [True, False])
    def test_wrong_secret_changes_nothing(
        self, states: SyncStateStore, secret_hash: str, *, ending: bool
    ) -> None:
        """Nor does any secret for an account that is unknown, or watched without one."""
        lease = taken(states)
        states.save_watch(lease, self.WATCH, due_at=LATER)
        before = states.get(ACCOUNT_ID)

        def ring(account_id: AccountId) -> bool:
            return states.ring_watched(
                account_id, secret_hashes=[secret_hash, "beef"], watch_is_ending=ending
            )

        assert not ring(ACCOUNT_ID)
        assert states.get(ACCOUNT_ID) == before
        assert not ring(OTHER_ACCOUNT_ID)
        states.save_watch(lease, Watch(id="", expires_at=LATER), due_at=LATER)
        assert not ring(ACCOUNT_ID)
        states.save_watch(lease, None, due_at=LATER)
        assert not ring(ACCOUNT_ID)

    def test_end_that_is_told_during_a_renewal_is_not_forgotten(
        self, states: SyncStateStore, clock: FixedClock
    ) -> None:
        """The renewed watch is kept, but stays due: it may be the one that ended."""
        lease = taken(states)
        states.save_watch(lease, self.WATCH, due_at=LATER)
        states.ring_watched(ACCOUNT_ID, secret_hashes=["f00d"], watch_is_ending=True)
        renewed = replace(self.WATCH, expires_at=NOW + timedelta(days=14))

        states.save_watch(lease, renewed, due_at=NOW + timedelta(days=11))

        assert states.get(ACCOUNT_ID).watch == renewed
        assert states.get(ACCOUNT_ID).watch_due_at == clock.now()

    def test_late_worker_saves_no_watch(self, states: SyncStateStore) -> None:
        """Nor one whose account is gone."""
        late = taken(states)
        states.acquire(ACCOUNT_ID, Lane.PRESENT, now=NOW + LEASE_LIFETIME, lifetime=LEASE_LIFETIME)

        with pytest.raises(LeaseLost):
            states.save_watch(late, self.WATCH, due_at=LATER)

        assert states.get(ACCOUNT_ID).watch is None
        states.delete(ACCOUNT_ID)
        with pytest.raises(LeaseLost):
            states.save_watch(late, self.WATCH, due_at=LATER)


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


def test_looking_for_what_is_due_costs_nothing_for_the_rest(
    table: Table, dynamodb: Any, clock: FixedClock
) -> None:
    """The sweep comes every minute: it must not read the accounts that are not due."""
    # Given
    states = DynamoSyncStateStore(table, clock)
    for number in range(120):
        due_at = NOW if number < 3 else LATER
        states.create(AccountId(f"account-{number}"), due_at=due_at)
    scanned: list[int] = []
    dynamodb.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: scanned.append(parsed["ScannedCount"])
    )
    # When
    found = states.due(now=NOW, limit=1_000)
    # Then one query a shard has read what was found
    assert (len(found), sum(scanned), len(scanned)) == (3, 3, len(DUE_SHARDS))
