"""The conditional writes again, on a DynamoDB in a process of its own, with real races.

moto answers from inside the test and lets some things pass that DynamoDB refuses: batches above 25
rows, a wrong type for an index key. ministack refuses them, and answers two callers one after the
other, as DynamoDB does for a row.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from local.child import START_SECONDS
from local.ministack_process import is_ready, running_ministack
from local.ports import free_port
from postroom.domain.account import AccountStatus
from postroom.domain.errors import Conflict, ConnectionRefused, LeaseLost, NotFound
from postroom.domain.ids import AccountId, FolderId, new_token
from postroom.domain.message import ALL_MAIL, UNREAD, View
from postroom.domain.outgoing import SendState
from postroom.domain.sync import (
    LEASE_LIFETIME,
    Backfill,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    SyncUnit,
    SyncUnitId,
)
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.locks import DynamoLocks
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.builders import (
    NOW,
    make_account,
    make_authorization_code,
    make_backfill,
    make_connection_request,
    make_content,
    make_folder,
    make_identity,
    make_message,
    make_outbox_entry,
    make_sync_unit,
)
from tests.contract import aws
from tests.fakes import FixedClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

LATER = NOW + timedelta(minutes=5)

_Answer = TypeVar("_Answer")


@pytest.fixture(scope="module")
def endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ministack that ends with these tests."""
    folder, port = tmp_path_factory.mktemp("ministack"), free_port()
    with running_ministack(
        port=port, state=folder / "state", scratch=folder / "scratch", log=folder / "log"
    ) as child:
        child.wait_until(partial(is_ready, port), START_SECONDS)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def table(endpoint_url: str) -> Table:
    """The template's table; every test uses an account of its own."""
    dynamodb: DynamoDBClient = aws.client("dynamodb", endpoint_url=endpoint_url)
    return aws.create_table(dynamodb)


@pytest.fixture
def account_id() -> AccountId:
    """An account that no other test knows."""
    return AccountId(new_token())


def race(*runners: Callable[[], _Answer]) -> list[_Answer | Exception]:
    """Let them start at the same moment; answers what each answered or raised."""
    start = threading.Barrier(len(runners))

    def run(runner: Callable[[], _Answer]) -> _Answer | Exception:
        start.wait(timeout=10)
        try:
            return runner()
        except (Conflict, ConnectionRefused, LeaseLost, NotFound) as problem:
            return problem

    with ThreadPoolExecutor(max_workers=len(runners)) as pool:
        return list(pool.map(run, runners))


class TestLease:
    """One worker a lane, and late ones write nothing."""

    @pytest.fixture
    def states(self, table: Table, account_id: AccountId) -> DynamoSyncStateStore:
        """A store with the account's state in it, due now."""
        states = DynamoSyncStateStore(table, FixedClock())
        states.create(account_id, due_at=NOW)
        return states

    @pytest.mark.parametrize("lane", list(Lane))
    def test_one_of_many_gets_the_lease(
        self, states: DynamoSyncStateStore, account_id: AccountId, lane: Lane
    ) -> None:
        """Eight workers called at once are one worker."""

        def acquire() -> object:
            return states.acquire(account_id, lane, now=NOW, lifetime=LEASE_LIFETIME)

        leases = race(*[acquire] * 8)

        assert sum(lease is not None for lease in leases) == 1

    def test_fence_keeps_the_late_holder_out(
        self, states: DynamoSyncStateStore, account_id: AccountId
    ) -> None:
        """A worker whose lease was taken over notes no time, and gives nothing back."""
        dead = states.acquire(account_id, Lane.PRESENT, now=NOW, lifetime=LEASE_LIFETIME)
        heir = states.acquire(account_id, Lane.PRESENT, now=LATER, lifetime=LEASE_LIFETIME)
        assert dead is not None
        assert heir is not None

        with pytest.raises(LeaseLost):
            states.save_folders_synced(dead, NOW)
        with pytest.raises(LeaseLost):
            states.end_unit(dead, SyncUnitId("mailbox"))
        with pytest.raises(LeaseLost):
            states.release(dead, synced_at=NOW, due_at=LATER)

        states.save_folders_synced(heir, LATER)
        assert states.get(account_id).folders_synced_at == LATER

    def test_doorbell_and_release_never_miss_each_other(
        self, states: DynamoSyncStateStore, account_id: AccountId
    ) -> None:
        """Whichever is first: a lease that was given back has seen every mark but later ones."""
        for _ in range(10):
            lease = states.acquire(account_id, Lane.PRESENT, now=NOW, lifetime=LEASE_LIFETIME)
            assert lease is not None

            def release(lease: Lease = lease) -> bool:
                return states.release(lease, synced_at=NOW, due_at=LATER)

            released, rung = race(release, lambda: states.ring(account_id))

            assert rung is True
            dirty = states.get(account_id).dirty
            assert dirty == lease.dirty + 1
            if not released:
                assert states.release(replace(lease, dirty=dirty), synced_at=NOW, due_at=LATER)

    def test_due_accounts_are_found_by_the_index(
        self, states: DynamoSyncStateStore, account_id: AccountId
    ) -> None:
        """The index follows the row: due, held, given back, gone."""
        assert account_id in states.due(now=NOW, limit=100)
        lease = states.acquire(account_id, Lane.PRESENT, now=NOW, lifetime=LEASE_LIFETIME)
        assert lease is not None
        assert account_id not in states.due(now=NOW, limit=100)
        assert account_id in states.due(now=NOW + LEASE_LIFETIME, limit=100)
        assert states.release(lease, synced_at=NOW, due_at=LATER)
        assert account_id not in states.due(now=NOW + LEASE_LIFETIME, limit=100)
        states.delete(account_id)
        assert account_id not in states.due(now=LATER, limit=100)


class TestUnits:
    """Their rows have no lease; each write has a condition of its own."""

    @pytest.fixture
    def states(self, table: Table, account_id: AccountId) -> DynamoSyncStateStore:
        """A store with the account's state in it."""
        states = DynamoSyncStateStore(table, FixedClock())
        states.create(account_id, due_at=NOW)
        return states

    @pytest.fixture
    def present(self, states: DynamoSyncStateStore, account_id: AccountId) -> Lease:
        """The lease of whoever follows the present."""
        return self.taken(states, account_id, Lane.PRESENT)

    @staticmethod
    def taken(
        states: DynamoSyncStateStore, account_id: AccountId, lane: Lane, now: datetime = NOW
    ) -> Lease:
        """Take a lease that is free, or free by then."""
        lease = states.acquire(account_id, lane, now=now, lifetime=LEASE_LIFETIME)
        assert lease is not None
        return lease

    def test_one_of_many_moves_the_cursor(
        self, states: DynamoSyncStateStore, account_id: AccountId, present: Lease
    ) -> None:
        """Eight workers that began at the same cursor: one moves it, seven hear that it moved."""
        unit = make_sync_unit()
        states.begin_unit(present, unit)

        def move(number: int) -> Callable[[], bool]:
            to = Cursor(f"{number}" * 8_000)
            return lambda: states.move_cursor(present, unit.id, since=Cursor("1"), to=to)

        answers = race(*[move(number) for number in range(8)])

        assert sorted(map(str, answers)) == ["False"] * 7 + ["True"]
        winner = answers.index(True)
        assert states.get(account_id).units[unit.id].cursor == f"{winner}" * 8_000

    def test_unit_is_begun_by_one(
        self, states: DynamoSyncStateStore, account_id: AccountId, present: Lease
    ) -> None:
        """Of six listings at once one begins it, and the others leave it as it is."""
        units = [make_sync_unit(cursor=Cursor(f"{number}")) for number in range(6)]

        def begin(unit: SyncUnit) -> Callable[[], None]:
            return lambda: states.begin_unit(present, unit)

        assert race(*[begin(unit) for unit in units]) == [None] * 6

        [begun] = states.get(account_id).units.values()
        assert begun in units
        states.begin_unit(present, make_sync_unit(cursor=Cursor("late")))
        assert states.get(account_id).units == {begun.id: begun}

    def test_page_of_a_void_reading_is_never_kept(
        self, states: DynamoSyncStateStore, account_id: AccountId, present: Lease
    ) -> None:
        """Beginning again and the last page at once: the old reading's cursor does not stay."""
        backfill = self.taken(states, account_id, Lane.BACKFILL)
        for number in range(10):
            unit = make_sync_unit(id=SyncUnitId(f"folder {number} #☂"), cursor=None)
            states.begin_unit(present, unit)
            done = make_backfill(phase=BackfillPhase.DONE)

            def save(unit: SyncUnit = unit, done: Backfill = done) -> bool:
                return states.save_backfill(backfill, unit.id, done, cursor=Cursor("old"))

            def begin(unit: SyncUnit = unit) -> None:
                states.begin_again(present, unit.id, cursor=None, generation="second")

            race(save, begin)

            kept = states.get(account_id).units[unit.id]
            assert kept.cursor is None
            assert kept.reading == Backfill(generation="second")
            assert not save()

    def test_later_lease_keeps_the_checkpoint(
        self, states: DynamoSyncStateStore, account_id: AccountId, present: Lease
    ) -> None:
        """Whichever of a dead worker and its heir writes first, the heir's checkpoint stands."""
        dead = self.taken(states, account_id, Lane.BACKFILL)
        heir = self.taken(states, account_id, Lane.BACKFILL, LATER)
        for number in range(10):
            unit = make_sync_unit(id=SyncUnitId(f"folder-{number}"))
            states.begin_unit(present, unit)
            newest = make_backfill(position="heir")

            def save_late(unit: SyncUnit = unit) -> bool:
                return states.save_backfill(dead, unit.id, make_backfill(position="dead"))

            def save(unit: SyncUnit = unit, newest: Backfill = newest) -> bool:
                return states.save_backfill(heir, unit.id, newest)

            late, kept = race(save_late, save)

            assert kept is True
            assert late is True or isinstance(late, LeaseLost)
            assert states.get(account_id).units[unit.id].backfill == newest

    def test_deletion_and_a_beginning_leave_nothing(
        self, states: DynamoSyncStateStore, account_id: AccountId, present: Lease, table: Table
    ) -> None:
        """A worker that lists folders while its account is erased leaves no row behind."""
        units = [make_sync_unit(id=SyncUnitId(f"folder-{number}")) for number in range(30)]
        for unit in units[:25]:
            states.begin_unit(present, unit)

        def begin(unit: SyncUnit) -> Callable[[], None]:
            return lambda: states.begin_unit(present, unit)

        race(lambda: states.delete(account_id), *[begin(unit) for unit in units[25:]])

        assert list(table.query(keys.sync(account_id))) == []
        states.read_again(account_id, units[0].id, generation="second")
        assert not states.move_cursor(present, units[0].id, since=Cursor("1"), to=Cursor("2"))
        assert list(table.query(keys.sync(account_id))) == []


class TestMessages:
    """The newest state wins, an end ends."""

    @pytest.fixture
    def messages(self, table: Table) -> DynamoMessageStore:
        """The messages of all these tests."""
        return DynamoMessageStore(table, FixedClock())

    def test_newest_version_wins_every_race(
        self, messages: DynamoMessageStore, account_id: AccountId
    ) -> None:
        """Workers that store states of one mail at once leave the newest, where it stands."""
        base = make_message(account_id=account_id)
        states = [
            replace(
                base,
                version=version,
                unread=version % 2 == 0,
                folders=(FolderId(f"Label_{version % 3}"),),
            )
            for version in range(1, 11)
        ]

        def put(number: int) -> Callable[[], object]:
            return lambda: messages.put([states[number]])

        race(*[put(number) for number in (9, 0, 5, 2, 7, 1, 8, 3, 6, 4)])

        newest = states[-1]
        assert messages.get(account_id, base.id) == newest
        for view in newest.views():
            places = messages.positions(account_id, view, limit=10)
            assert [place.message_id for place in places] == [base.id]

    def test_late_put_loses_against_a_tombstone(
        self, messages: DynamoMessageStore, account_id: AccountId
    ) -> None:
        """Removed is removed, until something newer comes."""
        message = make_message(account_id=account_id)
        messages.put([message])

        assert messages.remove(account_id, message.id, message.version + 1)

        assert not messages.put([message])[0].won
        assert not messages.remove(account_id, message.id, None)
        assert messages.positions(account_id, ALL_MAIL, limit=10) == []
        assert messages.put([replace(message, version=message.version + 2)])[0].is_new

    def test_more_rows_than_a_batch_holds(
        self, messages: DynamoMessageStore, account_id: AccountId
    ) -> None:
        """DynamoDB takes 25 rows in a batch; moto would take more."""
        folders = tuple(FolderId(f"Label_{number}") for number in range(40))
        mail = [
            make_message(account_id=account_id, number=number, folders=folders[:number])
            for number in range(30)
        ]

        assert all(outcome.is_new for outcome in messages.put(mail))

        in_first_folder = messages.positions(account_id, View("Label_0"), limit=100)
        assert len(in_first_folder) == 29
        assert len(messages.get_many(account_id, [each.id for each in mail])) == 30
        erased = messages.erase(account_id, limit=100)
        assert len(erased) == 30
        assert messages.positions(account_id, UNREAD, limit=10) == []

    def test_folders_beyond_a_batch(self, table: Table, account_id: AccountId) -> None:
        """A hundred and twenty folders come and go."""
        folders = DynamoFolderStore(table)
        many = [make_folder(id=FolderId(f"Label_{number:03}")) for number in range(120)]

        folders.replace_all(account_id, many)
        assert list(folders.all(account_id)) == many
        folders.replace_all(account_id, many[:1])

        assert list(folders.all(account_id)) == many[:1]

    def test_contents_in_rows_and_objects(
        self, table: Table, account_id: AccountId, endpoint_url: str
    ) -> None:
        """Small and large contents come back, and go."""
        client: S3Client = aws.client("s3", endpoint_url=endpoint_url)
        contents = S3ContentStore(table, client, aws.create_bucket(client))
        ids = [make_message(number=number).id for number in range(2)]
        large = make_content(text="".join(chr(0x400 + n * n % 1009) for n in range(50_000)))
        kept = {ids[0]: make_content(), ids[1]: large}

        contents.put_many(account_id, kept)
        assert contents.get_many(account_id, ids) == kept
        contents.delete(account_id, ids)

        assert contents.get_many(account_id, ids) == {}


class TestOneTime:
    """What can be taken, claimed or held once."""

    def test_code_is_taken_by_one(self, table: Table) -> None:
        """An application that exchanges a code twice at once gets one answer."""
        connections, code = DynamoConnectionStore(table), new_token()
        connections.put_code(code, make_authorization_code())

        answers = race(*[lambda: connections.take_code(code, now=NOW)] * 6)

        assert answers.count(make_authorization_code()) == 1
        assert sum(isinstance(answer, NotFound) for answer in answers) == 5

    def test_request_is_taken_by_one(self, table: Table) -> None:
        """A callback that a browser repeats connects once; another browser gets nothing."""
        connections, state = DynamoConnectionStore(table), new_token()
        request = make_connection_request()
        connections.put_request(state, request)

        with pytest.raises(ConnectionRefused):
            connections.take_request(state, browser_hash="e" * 64, now=NOW)
        answers = race(
            *[lambda: connections.take_request(state, browser_hash=request.browser_hash, now=NOW)]
            * 6
        )

        assert answers.count(request) == 1

    def test_send_is_claimed_by_one(self, table: Table, account_id: AccountId) -> None:
        """A request to send that is repeated at once is one send; the others see it."""
        outbox = DynamoOutboxStore(table, FixedClock())
        entries = [
            make_outbox_entry(account_id=account_id, created_at=NOW + timedelta(seconds=number))
            for number in range(6)
        ]

        def claim(number: int) -> Callable[[], object]:
            return lambda: outbox.claim(entries[number])

        answers = race(*[claim(number) for number in range(6)])

        assert answers.count(None) == 1
        winner = entries[answers.index(None)]
        assert answers.count(winner) == 5
        outbox.settle(replace(winner, state=SendState.REJECTED))
        outbox.settle(replace(winner, state=SendState.UNKNOWN))
        assert outbox.get(account_id, winner.id).state is SendState.REJECTED

    def test_send_leaves_the_index_when_it_ends(self, table: Table, account_id: AccountId) -> None:
        """Put again without its time, a row is not found any more, even if it is deferred."""
        outbox = DynamoOutboxStore(table, FixedClock())
        entry = make_outbox_entry(account_id=account_id)
        send, far = (account_id, entry.id), NOW + timedelta(days=400)
        outbox.claim(entry)
        assert send in outbox.overdue(now=far, limit=1_000)
        outbox.defer(*send, until=far + timedelta(days=1))
        assert send not in outbox.overdue(now=far, limit=1_000)

        outbox.settle(entry.ended(SendState.REJECTED, NOW))
        outbox.defer(*send, until=far + timedelta(days=2))

        assert send not in outbox.overdue(now=far + timedelta(days=3), limit=1_000)

    def test_lock_is_held_by_one(self, table: Table) -> None:
        """Of six functions that want to renew a token one does."""
        locks, name = DynamoLocks(table), new_token()

        def acquire(holder: str) -> Callable[[], bool]:
            return lambda: locks.acquire(
                name, holder=holder, now=NOW, lifetime=timedelta(seconds=20)
            )

        answers = race(*[acquire(holder) for holder in "abcdef"])

        assert answers.count(True) == 1

    def test_identity_gets_one_account(self, table: Table) -> None:
        """Somebody who connects in two windows at once has one account, whole."""
        accounts = DynamoAccountStore(table)
        identity = make_identity(subject=new_token(), email=f"{new_token()}@example.com")
        made = [make_account(id=AccountId(new_token()), identity=identity) for _ in range(4)]

        def create(number: int) -> Callable[[], object]:
            return lambda: accounts.create(made[number])

        answers = race(*[create(number) for number in range(4)])

        assert answers.count(None) == 1
        winner = made[answers.index(None)]
        assert accounts.by_identity(identity) == winner.id
        assert accounts.by_email(identity.email) == [winner.id]
        assert [each.id for each in accounts.all() if each.identity == identity] == [winner.id]

    def test_renamed_and_deleted_account(self, table: Table) -> None:
        """The address moves with the account in one transaction; a deletion ends it for all."""
        accounts = DynamoAccountStore(table)
        identity = make_identity(subject=new_token(), email=f"{new_token()}@example.com")
        account = make_account(id=AccountId(new_token()), identity=identity)
        accounts.create(account)
        renamed = replace(account, identity=replace(identity, email=f"{new_token()}@example.com"))

        accounts.replace(renamed)
        assert accounts.by_email(identity.email) == []
        assert accounts.by_email(renamed.identity.email) == [account.id]
        accounts.replace(replace(renamed, status=AccountStatus.DELETING))
        with pytest.raises(NotFound):
            accounts.replace(renamed)
        accounts.delete(account.id)

        with pytest.raises(NotFound):
            accounts.replace(renamed)
        assert accounts.by_email(renamed.identity.email) == []
