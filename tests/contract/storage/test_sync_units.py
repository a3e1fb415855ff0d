"""The units of SyncStateStore, in memory and in the table."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import MessageId
from postroom.domain.message import Position, View
from postroom.domain.sync import (
    LEASE_LIFETIME,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    SyncUnit,
    SyncUnitId,
)
from postroom.ports import SyncStateStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_backfill, make_sync_unit
from tests.contract import aws
from tests.fakes import FixedClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

UNIT = make_sync_unit()
FOLDER = make_sync_unit(
    id=SyncUnitId("AAMkADk/+=_-#.:'\"☂ " * 9), rank=1, view=View("folder-1"), cursor=None
)
"""Its id is a provider's word: any characters, and long."""


def taken(states: SyncStateStore, lane: Lane = Lane.PRESENT) -> Lease:
    """Take a lease that is free."""
    lease = states.acquire(ACCOUNT_ID, lane, now=NOW, lifetime=LEASE_LIFETIME)
    assert lease is not None
    return lease


def inherited(states: SyncStateStore, lane: Lane = Lane.PRESENT) -> Lease:
    """Take a lease over from somebody who held it too long."""
    lease = states.acquire(ACCOUNT_ID, lane, now=NOW + LEASE_LIFETIME, lifetime=LEASE_LIFETIME)
    assert lease is not None
    return lease


def unit_of(states: SyncStateStore, unit_id: SyncUnitId = UNIT.id) -> SyncUnit:
    """What is kept of a unit."""
    return states.get(ACCOUNT_ID).units[unit_id]


class TestUnits:
    """Which units there are."""

    def test_units_are_kept_whole(self, states: SyncStateStore) -> None:
        """Everything about a unit comes back, whatever the provider calls it."""
        moment = NOW + timedelta(microseconds=123_457)
        checkpoint = make_backfill(
            phase=BackfillPhase.SWEEPING,
            generation="second",
            swept=Position(received_at=moment, message_id=MessageId("m1")),
            total_estimate=500,
            oldest_stored_at=moment,
        )
        full = replace(FOLDER, cursor=Cursor(""), generation="second", backfill=checkpoint)
        bare = SyncUnit(id=SyncUnitId("folders"))

        lease = taken(states)
        for unit in (full, bare):
            states.begin_unit(lease, unit)

        assert states.get(ACCOUNT_ID).units == {full.id: full, bare.id: bare}

    def test_units_come_by_rank(self, states: SyncStateStore) -> None:
        """The inbox is read before the archive; units of one rank have a lasting order."""
        lease = taken(states)
        ranks = {"z": 0, "b": 1, "a": 1, "y": -1, "c": 10, "d": 2}

        for name, rank in ranks.items():
            states.begin_unit(lease, make_sync_unit(id=SyncUnitId(name), rank=rank))

        assert list(states.get(ACCOUNT_ID).units) == ["y", "z", "a", "b", "d", "c"]

    def test_unit_is_begun_once(self, states: SyncStateStore) -> None:
        """A listing that is repeated after a crash takes no progress back."""
        lease = taken(states)
        states.begin_unit(lease, UNIT)
        states.move_cursor(lease, UNIT.id, since=Cursor("1"), to=Cursor("2"))

        states.begin_unit(lease, UNIT)

        assert unit_of(states).cursor == "2"

    def test_ended_unit_is_forgotten(self, states: SyncStateStore) -> None:
        """A deleted folder leaves the others alone; should it come back, it begins anew."""
        lease = taken(states)
        states.begin_unit(lease, UNIT)
        states.begin_unit(lease, FOLDER)
        states.save_backfill(taken(states, Lane.BACKFILL), UNIT.id, make_backfill())

        states.end_unit(lease, UNIT.id)
        states.end_unit(lease, SyncUnitId("never begun"))

        assert states.get(ACCOUNT_ID).units == {FOLDER.id: FOLDER}
        states.begin_unit(lease, UNIT)
        assert unit_of(states) == UNIT

    def test_mailbox_may_have_hundreds_of_units(self, states: SyncStateStore) -> None:
        """Eight hundred folders with long cursors and positions are read as one state."""
        lease, backfill = taken(states), taken(states, Lane.BACKFILL)
        units = [
            make_sync_unit(id=SyncUnitId(f"folder-{number:03}"), cursor=Cursor("c" * 2_000))
            for number in range(800)
        ]
        checkpoint = make_backfill(position="p" * 8_000)
        for unit in units:
            states.begin_unit(lease, unit)
        states.save_backfill(backfill, units[-1].id, checkpoint, cursor=Cursor("d" * 8_000))

        read = states.get(ACCOUNT_ID).units

        assert list(read.values())[:-1] == units[:-1]
        last = replace(units[-1], cursor=Cursor("d" * 8_000), backfill=checkpoint)
        assert read[last.id] == last

    def test_accounts_have_their_own_units(self, states: SyncStateStore) -> None:
        """Two mailboxes may have a unit of the same name."""
        states.create(OTHER_ACCOUNT_ID, due_at=NOW)

        states.begin_unit(taken(states), UNIT)

        assert states.get(OTHER_ACCOUNT_ID).units == {}

    def test_worker_without_its_lease_begins_and_ends_no_unit(self, states: SyncStateStore) -> None:
        """What it listed may be an old tale: it hears so, and its heir's units stand."""
        dead = taken(states)
        states.begin_unit(inherited(states), UNIT)

        with pytest.raises(LeaseLost):
            states.begin_unit(dead, FOLDER)
        with pytest.raises(LeaseLost):
            states.end_unit(dead, UNIT.id)
        with pytest.raises(LeaseLost):
            states.begin_again(dead, UNIT.id, cursor=Cursor("0"), generation="late")

        assert unit_of(states) == UNIT


class TestCursor:
    """Up to where the changes of a unit are stored."""

    def test_cursor_moves_from_where_its_mover_began(self, states: SyncStateStore) -> None:
        """Page by page, however long the provider's marks are; other units stay."""
        lease, long = taken(states), Cursor("2" * 8_000)
        states.begin_unit(lease, UNIT)
        states.begin_unit(lease, replace(FOLDER, cursor=Cursor("1")))

        assert states.move_cursor(lease, UNIT.id, since=Cursor("1"), to=long)
        assert states.move_cursor(lease, UNIT.id, since=long, to=Cursor("3"))

        assert unit_of(states) == replace(UNIT, cursor=Cursor("3"))
        assert unit_of(states, FOLDER.id).cursor == "1"

    def test_late_worker_does_not_take_the_cursor_back(self, states: SyncStateStore) -> None:
        """A worker that slept over its lease wakes up with an old page: nothing is overwritten."""
        late = taken(states)
        states.begin_unit(late, UNIT)
        heir = inherited(states)
        assert states.move_cursor(heir, UNIT.id, since=Cursor("1"), to=Cursor("9"))

        assert not states.move_cursor(late, UNIT.id, since=Cursor("1"), to=Cursor("2"))

        assert unit_of(states).cursor == "9"

    def test_cursor_of_a_unit_without_one_does_not_move(self, states: SyncStateStore) -> None:
        """Begun again meanwhile, ended or never begun: an old mark does not come back."""
        lease = taken(states)
        states.begin_unit(lease, UNIT)
        states.begin_again(lease, UNIT.id, cursor=None, generation="second")

        for unit_id in (UNIT.id, SyncUnitId("never begun")):
            assert not states.move_cursor(lease, unit_id, since=Cursor("1"), to=Cursor("2"))

        assert states.get(ACCOUNT_ID).units == {
            UNIT.id: replace(UNIT, cursor=None, generation="second")
        }


class TestBeginAgain:
    """A lost cursor, and readings on request."""

    @pytest.mark.parametrize("cursor", [Cursor("7"), None])
    def test_cursor_and_generation_come_at_once(
        self, states: SyncStateStore, cursor: Cursor | None
    ) -> None:
        """A provider that forgot the cursor costs a reading: what was read before is void."""
        lease, done = taken(states), make_backfill(phase=BackfillPhase.DONE, position="")
        states.begin_unit(lease, UNIT)
        states.save_backfill(taken(states, Lane.BACKFILL), UNIT.id, done)
        assert unit_of(states).is_read

        states.begin_again(lease, UNIT.id, cursor=cursor, generation="second")

        unit = unit_of(states)
        assert unit == replace(UNIT, cursor=cursor, generation="second", backfill=done)
        assert unit.reading.phase is BackfillPhase.RUNNING
        assert unit.reading.position == ""

    def test_reading_on_request_leaves_the_cursor(self, states: SyncStateStore) -> None:
        """Whoever asks for a reading stops nobody who follows the present."""
        lease = taken(states)
        states.begin_unit(lease, UNIT)

        states.read_again(ACCOUNT_ID, UNIT.id, generation="second")

        assert unit_of(states) == replace(UNIT, generation="second")
        assert states.move_cursor(lease, UNIT.id, since=Cursor("1"), to=Cursor("2"))

    def test_ended_unit_stays_ended(self, states: SyncStateStore) -> None:
        """A folder that went meanwhile is not brought back by whoever wants it read."""
        lease, backfill = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(lease, UNIT)
        states.end_unit(lease, UNIT.id)

        states.begin_again(lease, UNIT.id, cursor=Cursor("7"), generation="second")
        states.read_again(ACCOUNT_ID, UNIT.id, generation="second")
        states.read_again(OTHER_ACCOUNT_ID, UNIT.id, generation="second")

        assert not states.save_backfill(backfill, UNIT.id, make_backfill(), cursor=Cursor("7"))
        assert states.get(ACCOUNT_ID).units == {}
        with pytest.raises(NotFound):
            states.get(OTHER_ACCOUNT_ID)


class TestReading:
    """The checkpoint of a unit's reading."""

    def test_checkpoint_is_replaced_whole(self, states: SyncStateStore) -> None:
        """The end of a reading leaves nothing of the steps before, and no other unit notices."""
        present, lease = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(present, UNIT)
        states.begin_unit(present, FOLDER)
        assert states.save_backfill(lease, UNIT.id, make_backfill(oldest_stored_at=NOW))

        done = make_backfill(phase=BackfillPhase.DONE, position="")
        assert states.save_backfill(lease, UNIT.id, done)

        assert states.get(ACCOUNT_ID).units == {
            UNIT.id: replace(UNIT, backfill=done),
            FOLDER.id: FOLDER,
        }

    def test_last_page_brings_the_cursor(self, states: SyncStateStore) -> None:
        """A unit without a cursor gets it together with the end of its reading."""
        lease, done = taken(states, Lane.BACKFILL), make_backfill(phase=BackfillPhase.DONE)
        states.begin_unit(taken(states), FOLDER)

        assert states.save_backfill(lease, FOLDER.id, make_backfill())
        assert unit_of(states, FOLDER.id).cursor is None
        assert states.save_backfill(lease, FOLDER.id, done, cursor=Cursor("delta"))

        assert unit_of(states, FOLDER.id) == replace(FOLDER, backfill=done, cursor=Cursor("delta"))

    def test_checkpoint_does_not_move_the_cursor(self, states: SyncStateStore) -> None:
        """While the past is read the present goes on: neither takes the other's progress back."""
        present, backfill = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(present, UNIT)

        states.save_backfill(backfill, UNIT.id, make_backfill(position="page-2"))
        states.move_cursor(present, UNIT.id, since=Cursor("1"), to=Cursor("2"))
        states.save_backfill(backfill, UNIT.id, make_backfill(position="page-3"))

        assert unit_of(states) == replace(
            UNIT, cursor=Cursor("2"), backfill=make_backfill(position="page-3")
        )

    def test_generation_that_changes_in_the_middle_voids_the_reading(
        self, states: SyncStateStore
    ) -> None:
        """The page of an old reading is not noted, nor its cursor; the new one's is."""
        present, backfill = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(present, FOLDER)
        first = make_backfill(position="page-2")
        assert states.save_backfill(backfill, FOLDER.id, first)
        states.begin_again(present, FOLDER.id, cursor=None, generation="second")

        end = make_backfill(phase=BackfillPhase.DONE)
        assert not states.save_backfill(backfill, FOLDER.id, end, cursor=Cursor("old"))

        assert unit_of(states, FOLDER.id) == replace(FOLDER, generation="second", backfill=first)
        second = make_backfill(generation="second", position="page-1")
        assert states.save_backfill(backfill, FOLDER.id, second)
        assert unit_of(states, FOLDER.id).reading == second

    def test_late_worker_does_not_take_the_checkpoint_back(self, states: SyncStateStore) -> None:
        """A reading goes on from where its newest worker is."""
        states.begin_unit(taken(states), FOLDER)
        dead = taken(states, Lane.BACKFILL)
        states.save_backfill(dead, FOLDER.id, make_backfill(position="page-2"))
        newest = make_backfill(position="page-3")
        heir = inherited(states, Lane.BACKFILL)
        assert states.save_backfill(heir, FOLDER.id, newest)

        with pytest.raises(LeaseLost):
            states.save_backfill(
                dead, FOLDER.id, make_backfill(position="page-2"), cursor=Cursor("old")
            )

        assert unit_of(states, FOLDER.id) == replace(FOLDER, backfill=newest)

    def test_fence_holds_over_generations(self, states: SyncStateStore) -> None:
        """A worker that died in an earlier lease disturbs no reading that was begun since."""
        present, dead = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(present, UNIT)
        heir = inherited(states, Lane.BACKFILL)
        states.save_backfill(heir, UNIT.id, make_backfill())
        states.begin_again(present, UNIT.id, cursor=Cursor("7"), generation="second")

        with pytest.raises(LeaseLost):
            states.save_backfill(dead, UNIT.id, make_backfill(generation="second"))

        assert unit_of(states).reading.position == ""


class TestDelete:
    """An account that is erased."""

    def test_state_goes_with_all_of_its_units(self, states: SyncStateStore) -> None:
        """Sixty folders leave nothing behind: a state that begins later has none."""
        lease = taken(states)
        for number in range(60):
            states.begin_unit(lease, make_sync_unit(id=SyncUnitId(f"folder-{number}")))

        states.delete(ACCOUNT_ID)

        with pytest.raises(NotFound):
            states.get(ACCOUNT_ID)
        states.create(ACCOUNT_ID, due_at=NOW)
        assert states.get(ACCOUNT_ID).units == {}

    def test_worker_at_an_erased_account_brings_nothing_back(self, states: SyncStateStore) -> None:
        """Workers that have not heard of the end yet write no rows for it."""
        present, backfill = taken(states), taken(states, Lane.BACKFILL)
        states.begin_unit(present, UNIT)
        states.delete(ACCOUNT_ID)

        with pytest.raises(LeaseLost):
            states.begin_unit(present, FOLDER)
        with pytest.raises(LeaseLost):
            states.end_unit(present, UNIT.id)
        with pytest.raises(LeaseLost):
            states.begin_again(present, UNIT.id, cursor=None, generation="second")
        states.read_again(ACCOUNT_ID, UNIT.id, generation="second")
        assert not states.move_cursor(present, UNIT.id, since=Cursor("1"), to=Cursor("2"))
        assert not states.save_backfill(backfill, UNIT.id, make_backfill())

        states.create(ACCOUNT_ID, due_at=NOW)
        assert states.get(ACCOUNT_ID).units == {}


class Crash(Exception):
    """The function was killed here."""


class InterruptedTable(Table):
    """A table that calls `before` with each deletion's number, from 1 on, before it happens."""

    def __init__(self, client: "DynamoDBClient", before: Callable[[int], None]) -> None:
        super().__init__(client, aws.TABLE)
        self._before = before
        self.deletions = 0

    def delete(self, *named: Any) -> Any:
        """Delete a row."""
        self._count()
        return super().delete(*named)

    def write_batch(self, *batch: Any, **named: Any) -> None:
        """Delete rows."""
        self._count()
        super().write_batch(*batch, **named)

    def _count(self) -> None:
        self.deletions += 1
        self._before(self.deletions)


class TestInterruptedDelete:
    """The rows of a state are many, and cannot be deleted at once."""

    @pytest.fixture
    def states(self, table: Table, clock: FixedClock) -> DynamoSyncStateStore:
        """A store with a state of some units."""
        states = DynamoSyncStateStore(table, clock)
        states.create(ACCOUNT_ID, due_at=NOW)
        lease = taken(states)
        for unit in (UNIT, FOLDER):
            states.begin_unit(lease, unit)
        return states

    def test_crash_leaves_what_the_sweep_finds(
        self, states: DynamoSyncStateStore, dynamodb: "DynamoDBClient", table: Table
    ) -> None:
        """Killed at any deletion, the account is still due, and the next one takes the rest."""
        for deadly in range(1, 10):

            def die(number: int, deadly: int = deadly) -> None:
                if number == deadly:
                    raise Crash

            interrupted = InterruptedTable(dynamodb, die)
            try:
                DynamoSyncStateStore(interrupted, FixedClock()).delete(ACCOUNT_ID)
            except Crash:
                left = list(table.query(keys.sync(ACCOUNT_ID)))
                due = states.due(now=NOW + LEASE_LIFETIME, limit=1)
                assert not left or list(due) == [ACCOUNT_ID]
            else:
                break

        assert deadly > 2
        assert list(table.query(keys.sync(ACCOUNT_ID))) == []

    @pytest.mark.parametrize("moment", [1, 2, 3, 4])
    def test_unit_that_begins_meanwhile_goes_too(
        self,
        states: DynamoSyncStateStore,
        dynamodb: "DynamoDBClient",
        table: Table,
        moment: int,
    ) -> None:
        """A worker that lists folders while its account is erased leaves none of them."""
        new = make_sync_unit(id=SyncUnitId("new"))
        late = inherited(states)

        def begin(number: int) -> None:
            if number == moment:
                with suppress(LeaseLost):
                    states.begin_unit(late, new)

        DynamoSyncStateStore(InterruptedTable(dynamodb, begin), FixedClock()).delete(ACCOUNT_ID)

        assert list(table.query(keys.sync(ACCOUNT_ID))) == []


def test_doorbell_does_not_pay_for_units(table: Table) -> None:
    """A mailbox of many folders with long cursors has rows for them, not a long row of its own."""
    states = DynamoSyncStateStore(table, FixedClock())
    states.create(ACCOUNT_ID, due_at=NOW)
    lease = taken(states)
    before = table.get(keys.sync_present(ACCOUNT_ID))

    for number in range(30):
        unit = make_sync_unit(id=SyncUnitId(f"folder-{number}"), cursor=Cursor("c" * 8_000))
        states.begin_unit(lease, unit)

    assert table.get(keys.sync_present(ACCOUNT_ID)) == before
