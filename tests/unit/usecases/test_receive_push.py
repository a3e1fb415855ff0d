"""Pushes become dirty marks and calls of workers, and nothing else."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Generic, TypeVar

import pytest

from postroom.domain.account import Account, AccountStatus, Identity, ProviderName
from postroom.domain.errors import Forbidden, InvalidRequest, Unauthenticated
from postroom.domain.ids import AccountId, ProviderMessageId
from postroom.domain.push import AddressPush, PushRequest, WatchPush
from postroom.domain.sync import Lane, Watch
from postroom.usecases.receive_push import receive_address_push, receive_watch_pushes
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_account
from tests.fakes import (
    FixedClock,
    InMemoryAccountStore,
    InMemorySyncStateStore,
    QueuedWork,
    RecordingQueue,
    WorkKind,
)

REQUEST = PushRequest(body=b"")
"""What a scripted reader does not look at."""


class CountedSyncStates(InMemorySyncStateStore):
    """Notes the writes of pushes."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock)
        self.writes: list[AccountId] = []

    def ring_watched(
        self,
        account_id: AccountId,
        *,
        secret_hashes: Sequence[str],
        watch_is_ending: bool = False,
    ) -> bool:
        """Note the write and do it."""
        self.writes.append(account_id)
        return super().ring_watched(
            account_id, secret_hashes=secret_hashes, watch_is_ending=watch_is_ending
        )


PushT = TypeVar("PushT")


@dataclass
class Scripted(Generic[PushT]):
    """A reader that was told what to read, or to refuse."""

    pushes: Sequence[PushT] = ()
    refuses: bool = False

    def read(self, request: PushRequest) -> Sequence[PushT]:
        """Return it."""
        assert request is REQUEST
        if self.refuses:
            raise Unauthenticated("no")
        return self.pushes


@dataclass
class Doorway:
    """Everything that a push could touch."""

    clock: FixedClock = field(default_factory=FixedClock)
    accounts: InMemoryAccountStore = field(default_factory=InMemoryAccountStore)
    work: RecordingQueue = field(default_factory=RecordingQueue)

    def __post_init__(self) -> None:
        self.sync_states = CountedSyncStates(self.clock)

    def connect(self, account: Account) -> None:
        """Add an account with its sync state."""
        self.accounts.create(account)
        self.sync_states.create(account.id, due_at=NOW)

    def watch(self, account_id: AccountId, key: str = "key") -> str:
        """Have an account watched; answers the hash of the secret."""
        self.sync_states.create(account_id, due_at=NOW)
        lease = self.sync_states.acquire(
            account_id, Lane.PRESENT, now=self.clock.now(), lifetime=timedelta(seconds=30)
        )
        assert lease is not None
        secret_hash = hashlib.sha256(key.encode()).hexdigest()
        later = NOW + timedelta(days=7)
        made = Watch(id="w", expires_at=later, secret_hash=secret_hash)
        self.sync_states.save_watch(lease, made, due_at=later)
        self.sync_states.abandon(lease, due_at=later, error="")
        return secret_hash

    def push(self, *addresses: str, provider: ProviderName = ProviderName.GOOGLE) -> int:
        """Have it said that mailboxes changed."""
        return receive_address_push(
            request=REQUEST,
            reader=Scripted([AddressPush(provider=provider, address=each) for each in addresses]),
            accounts=self.accounts,
            sync_states=self.sync_states,
            work=self.work,
        )

    def push_watched(self, *pushes: WatchPush) -> int:
        """Have it said that watched accounts changed."""
        return receive_watch_pushes(
            request=REQUEST,
            reader=Scripted(pushes),
            sync_states=self.sync_states,
            work=self.work,
        )

    def rung(self) -> list[AccountId]:
        """Return whom workers were called for."""
        assert {work.kind for work in self.work.waiting} <= {WorkKind.SYNC}
        return [work.account_id for work in self.work.waiting]

    def dirty(self, account_id: AccountId = ACCOUNT_ID) -> int:
        """Return an account's dirty mark."""
        return self.sync_states.get(account_id).dirty


@pytest.fixture
def doorway() -> Doorway:
    return Doorway()


def of(provider: ProviderName, account_id: AccountId, email: str) -> Account:
    """Return an account with an identity of its own."""
    identity = Identity(provider=provider, subject=f"subject-of-{account_id}", email=email)
    return make_account(id=account_id, identity=identity)


GOOGLES = of(ProviderName.GOOGLE, ACCOUNT_ID, "ada@example.com")


def test_a_push_rings_for_its_mailbox(doorway: Doorway) -> None:
    """In whatever case the provider writes the address: first the dirty mark, then the worker."""
    doorway.connect(GOOGLES)

    assert doorway.push("ADA@Example.com") == 1

    assert doorway.dirty() == 1
    assert doorway.work.waiting == [QueuedWork(kind=WorkKind.SYNC, account_id=ACCOUNT_ID)]


def test_a_push_rings_for_every_account_of_its_provider(doorway: Doorway) -> None:
    """The same address may be a mailbox at the other provider: that one has not changed."""
    doorway.connect(GOOGLES)
    doorway.connect(of(ProviderName.MICROSOFT, OTHER_ACCOUNT_ID, "ada@example.com"))

    assert doorway.push("ada@example.com") == 1

    assert doorway.rung() == [ACCOUNT_ID]


@pytest.mark.parametrize("status", [AccountStatus.REAUTH_REQUIRED, AccountStatus.DELETING])
def test_a_mailbox_that_is_not_synced_is_left_alone(
    doorway: Doorway, status: AccountStatus
) -> None:
    """A watch lives on for days after its account was disconnected; its pushes are harmless."""
    doorway.connect(replace(GOOGLES, status=status))

    assert doorway.push("ada@example.com", "nobody@example.com") == 0

    assert (doorway.dirty(), doorway.rung()) == (0, [])


def test_a_mailbox_that_was_closed_may_be_back(doorway: Doorway) -> None:
    """Who rings has a mailbox."""
    doorway.connect(replace(GOOGLES, status=AccountStatus.MAILBOX_UNAVAILABLE))

    assert doorway.push("ada@example.com") == 1


def test_an_account_that_is_just_gone_is_nobody(doorway: Doorway) -> None:
    """Between its address and its rows an account may be deleted: no worker is called in vain."""
    doorway.connect(GOOGLES)
    doorway.sync_states.delete(ACCOUNT_ID)

    assert doorway.push("ada@example.com") == 0

    assert doorway.rung() == []


def test_who_is_refused_touches_nothing(doorway: Doorway) -> None:
    """Nothing is looked up before the sender has proven who it is."""
    doorway.connect(GOOGLES)

    with pytest.raises(Unauthenticated):
        receive_address_push(
            request=REQUEST,
            reader=Scripted[AddressPush](refuses=True),
            accounts=doorway.accounts,
            sync_states=doorway.sync_states,
            work=doorway.work,
        )

    assert (doorway.dirty(), doorway.rung()) == (0, [])


def test_duplicates_and_reordering_only_ring(doorway: Doorway) -> None:
    """A push is never data: whatever it says of the mailbox, and how often, a worker looks."""
    doorway.connect(GOOGLES)

    for _ in range(3):
        doorway.push("ada@example.com")

    assert doorway.dirty() == 3
    assert doorway.sync_states.get(ACCOUNT_ID).served == 0


def test_many_items_of_an_account_are_one_write_and_one_call(doorway: Doorway) -> None:
    """A mailbox where a hundred messages were moved rings once."""
    one, other = doorway.watch(ACCOUNT_ID), doorway.watch(OTHER_ACCOUNT_ID)

    rung = doorway.push_watched(
        *(WatchPush(account_id=ACCOUNT_ID, secret_hash=one) for _ in range(100)),
        *(WatchPush(account_id=OTHER_ACCOUNT_ID, secret_hash=other) for _ in range(100)),
    )

    assert rung == 2
    assert sorted(doorway.sync_states.writes) == sorted([ACCOUNT_ID, OTHER_ACCOUNT_ID])
    assert sorted(doorway.rung()) == sorted([ACCOUNT_ID, OTHER_ACCOUNT_ID])
    assert (doorway.dirty(), doorway.dirty(OTHER_ACCOUNT_ID)) == (1, 1)


def test_a_watch_that_ends_is_due_at_once(doorway: Doorway) -> None:
    """One ending among other items is enough, in the same write."""
    secret_hash = doorway.watch(ACCOUNT_ID)
    change = WatchPush(account_id=ACCOUNT_ID, secret_hash=secret_hash)
    doorway.push_watched(change)
    assert doorway.sync_states.get(ACCOUNT_ID).watch_due_at == NOW + timedelta(days=7)

    doorway.push_watched(change, replace(change, watch_is_ending=True), change)

    assert doorway.sync_states.get(ACCOUNT_ID).watch_due_at == doorway.clock.now()
    assert len(doorway.sync_states.writes) == 2


def test_a_forged_item_among_good_ones_is_dropped(doorway: Doorway) -> None:
    """It neither rings nor keeps the others from ringing, whichever comes first."""
    good, other = doorway.watch(ACCOUNT_ID), doorway.watch(OTHER_ACCOUNT_ID, "another")
    forged = WatchPush(account_id=OTHER_ACCOUNT_ID, secret_hash="0" * 64, watch_is_ending=True)
    swapped = WatchPush(account_id=ACCOUNT_ID, secret_hash=other)
    stale = WatchPush(account_id=AccountId("deleted"), secret_hash=good)

    rung = doorway.push_watched(
        forged, swapped, WatchPush(account_id=ACCOUNT_ID, secret_hash=good), stale
    )

    assert rung == 1
    assert doorway.rung() == [ACCOUNT_ID]
    assert doorway.dirty(OTHER_ACCOUNT_ID) == 0
    assert doorway.sync_states.get(OTHER_ACCOUNT_ID).watch_due_at == NOW + timedelta(days=7)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_request_without_one_genuine_item_is_refused(doorway: Doorway, count: int) -> None:
    """Whoever knows no secret at all is not the provider."""
    doorway.watch(ACCOUNT_ID)
    forged = [
        WatchPush(account_id=ACCOUNT_ID, secret_hash=f"{place}" * 64) for place in range(count)
    ]

    with pytest.raises(Forbidden):
        doorway.push_watched(*forged)

    assert (doorway.dirty(), doorway.rung()) == (0, [])


def test_an_account_without_a_watch_has_no_secret(doorway: Doorway) -> None:
    """A watch of the other kind has an empty secret: that opens nothing."""
    doorway.connect(GOOGLES)

    with pytest.raises(Forbidden):
        doorway.push_watched(WatchPush(account_id=ACCOUNT_ID, secret_hash=""))

    assert doorway.dirty() == 0


@pytest.mark.parametrize("place", [0, 9])
def test_an_account_costs_one_write_whatever_secrets_come_for_it(
    doorway: Doorway, place: int
) -> None:
    """A request with 501 secrets for one account wrote 501 times to its row."""
    pushes = [WatchPush(account_id=ACCOUNT_ID, secret_hash=f"{n:064}") for n in range(501)]
    pushes[place] = WatchPush(account_id=ACCOUNT_ID, secret_hash=doorway.watch(ACCOUNT_ID))

    assert doorway.push_watched(*pushes) == 1

    assert doorway.sync_states.writes == [ACCOUNT_ID]
    assert doorway.rung() == [ACCOUNT_ID]


def test_nobody_has_us_try_secrets_without_end(doorway: Doorway) -> None:
    """Whatever comes behind the first few of an account is not looked at, and says nothing."""
    good = WatchPush(account_id=ACCOUNT_ID, secret_hash=doorway.watch(ACCOUNT_ID))
    forged = [
        WatchPush(
            account_id=ACCOUNT_ID,
            secret_hash=f"{n:064}",
            message_id=ProviderMessageId(f"m{n}"),
            watch_is_ending=n == 10,
        )
        for n in range(11)
    ]

    with pytest.raises(Forbidden):
        doorway.push_watched(*forged, good)
    doorway.push_watched(good, *forged)

    assert doorway.sync_states.writes == [ACCOUNT_ID, ACCOUNT_ID]
    assert doorway.sync_states.get(ACCOUNT_ID).watch_due_at == NOW + timedelta(days=7)
    [call] = doorway.work.waiting
    assert call.hints == tuple(f"m{n}" for n in range(9))


def test_nobody_has_us_ring_accounts_without_end(doorway: Doorway) -> None:
    """Each one costs a write, so a request for thousands is refused before the first."""
    with pytest.raises(InvalidRequest):
        doorway.push_watched(
            *(WatchPush(account_id=AccountId(f"{n}"), secret_hash="0" * 64) for n in range(1_001))
        )

    assert doorway.sync_states.writes == []


def test_the_worker_is_told_what_to_fetch_first(doorway: Doorway) -> None:
    """Each message once, twenty at most, in the order they came; they are hints and no more."""
    secret_hash = doorway.watch(ACCOUNT_ID)
    change = WatchPush(account_id=ACCOUNT_ID, secret_hash=secret_hash)
    names = [ProviderMessageId(f"m{number}") for number in range(25)]

    doorway.push_watched(
        change,
        *(replace(change, message_id=name) for name in names for _ in range(2)),
        replace(change, watch_is_ending=True),
    )

    [call] = doorway.work.waiting
    assert call.hints == tuple(names[:20])


@pytest.mark.parametrize("accounts", [1, 3])
def test_a_queue_that_fails_is_told_of(doorway: Doorway, accounts: int) -> None:
    """The provider has to come again; the mark that was raised already does no harm."""

    class BrokenQueue(RecordingQueue):
        """Takes the call of one account only."""

        def _add(self, work: QueuedWork) -> None:
            if work.account_id != "account-1":
                raise ConnectionError

    ids = [AccountId(f"account-{place}") for place in range(accounts)]
    pushes = [WatchPush(account_id=each, secret_hash=doorway.watch(each)) for each in ids]
    doorway.work = BrokenQueue()

    with pytest.raises(ConnectionError):
        doorway.push_watched(*pushes)

    doorway.work = RecordingQueue()
    assert doorway.push_watched(*pushes) == accounts
    assert sorted(doorway.rung()) == ids
