"""Stories of a sync that is interrupted at an exact call, told of worker processes.

Each plays rounds: before every round the mailbox changes, and the n-th call of the sync is
interrupted, until a sync ends before its n-th call comes. They answer how many calls a sync has.
`every` lets the stories of `make test` leave out calls; the long ones leave out none.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count

from postroom.domain.account import ProviderName
from postroom.domain.sync import LEASE_LIFETIME
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import QueuedWork, WorkKind
from tests.long.mortal_workers import VISIBILITY_TIMEOUT
from tests.processes.worker_process import PROVIDER, Call, WorkerProcess, at_call
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"
SMALL = 12
"""Messages: enough for every change there is."""
BETWEEN_ROUNDS = timedelta(minutes=1, seconds=10)
"""Longer than the window of Gmail's quota, so that no round pays for another; no poll is due."""


class BusyMailbox:
    """A connected mailbox with an owner who does a bit of everything between two syncs."""

    def __init__(self, provider: ProviderName) -> None:
        self.world = World(provider=provider)
        self.world.simulator.add_mailbox(ADDRESS, messages=SMALL, seed=4)
        self.account = self.world.connect(ADDRESS)
        self.world.work_off()
        self.world.assert_equal(self.account)
        self._living = sorted(self.world.simulator.messages(ADDRESS))
        self._round = count()

    @property
    def sync(self) -> QueuedWork:
        """The message of a queue that calls the sync worker."""
        return QueuedWork(kind=WorkKind.SYNC, account_id=self.account.id)

    def change(self) -> None:
        """Let two mails come and go, and others be read, starred, moved and labelled."""
        simulator, number = self.world.simulator, next(self._round)
        for part in range(2):
            mail = make_mail(to=ADDRESS, subject=f"Mail {number}.{part}")
            self._living.append(simulator.deliver(ADDRESS, mail))
        deleted, read, starred, trashed, moved = self._living[:5]
        self._living = [*self._living[5:], read, starred, trashed, moved]
        simulator.change(
            ADDRESS,
            {"op": "delete", "id": deleted},
            {"op": ("read", "unread")[number % 2], "id": read},
            {"op": ("star", "unstar")[number // 2 % 2], "id": starred},
            {"op": "trash", "id": trashed},
            {"op": "move", "id": moved, "folder": ("archive", "inbox")[number // 3 % 2]},
        )
        if number % 3 == 0:  # one more folder each time would make ever longer syncs
            simulator.change(ADDRESS, {"op": "label", "id": read, "folder": "Work"})
        gone = self._living.pop(0)
        simulator.change(ADDRESS, {"op": "delete", "id": gone})

    def begin_round(self) -> None:
        """Let some time pass and something happen, and the provider push."""
        self.world.clock.advance(BETWEEN_ROUNDS)
        self.change()
        self.push()

    def push(self) -> None:
        """Ring as a push does; its worker is called by the test."""
        self.world.sync_states.ring(self.account.id)

    def sweep(self) -> bool:
        """Let the sweep come; answers whether it called a worker."""
        world = self.world
        return bool(
            wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        )

    def assert_copied(self) -> None:
        """The copy equals the mailbox, and nobody waits to be called for it."""
        assert self.world.work.waiting == []
        self.world.assert_equal(self.account)


def kill_syncs(provider: ProviderName, *, every: int = 1) -> int:
    """Kill a sync of the present before each of its calls.

    Once the dead worker's lease has ended, the sweep calls another worker, which makes the copy
    equal to the mailbox. Only what was taken from the queue and had not come to its lease yet is
    left to the queue, which delivers it again.
    """
    mailbox = BusyMailbox(provider)
    world = mailbox.world

    def play(number: int) -> bool:
        mailbox.begin_round()
        calls: list[Call] = []
        with WorkerProcess(world, before_calls=[calls.append]) as worker:
            worker.before_calls.append(at_call(number, worker.kill))
            is_killed = worker.do(mailbox.sync).killed
        if is_killed:
            world.clock.advance(LEASE_LIFETIME)
            assert mailbox.sweep() == _holds_lease(calls[:-1])
            if not _took_lease(calls[:-1]):
                world.work.sync(mailbox.account.id)
            world.work_off()
        mailbox.assert_copied()
        return is_killed

    return _rounds(play, every)


def kill_first_syncs(provider: ProviderName, *, every: int = 1) -> int:
    """Kill the first sync of a mailbox before each of its calls, whichever lane makes it.

    The queues deliver again what the dead worker had taken, and that is all it needs.
    """
    world = World(provider=provider)

    def play(number: int) -> bool:
        address = f"rosa{number}@mail.example"
        world.simulator.add_mailbox(address, messages=SMALL, seed=number)
        account = world.connect(address)
        with WorkerProcess(world) as worker:
            worker.before_calls.append(at_call(number, worker.kill))
            while work := world.work.take():
                if worker.do(work).killed:
                    world.clock.advance(VISIBILITY_TIMEOUT)
                    world.work.waiting.append(work)
                    break
            is_killed = worker.is_killed
        world.work_off()
        world.assert_equal(account)
        assert world.sync_states.get(account.id).is_read
        return is_killed

    return _rounds(play, every)


def push_in_the_middle(provider: ProviderName, *, every: int = 1) -> int:
    """Before each call of a sync mail comes, and with it a push that calls another worker.

    That one finds the lease held and leaves: the holder sees the dirty mark, and ends with a copy
    that equals the mailbox. The queue delivers both calls twice.
    """
    mailbox = BusyMailbox(provider)
    world = mailbox.world

    def play(number: int) -> bool:
        mailbox.begin_round()
        came: list[Call] = []
        calls: list[Call] = []
        with (
            WorkerProcess(world, before_calls=[calls.append]) as worker,
            WorkerProcess(world, before_calls=[came.append]) as other,
        ):

            def push() -> None:
                mailbox.change()
                mailbox.push()
                for _ in range(2):
                    other.do(mailbox.sync)
                if _holds_lease(calls[:-1]):
                    assert not _provider_calls(came), "two workers at the same time"

            worker.before_calls.append(at_call(number, push))
            worker.do(mailbox.sync)
            mailbox.assert_copied()
            was_pushed = bool(came)
            other.do(mailbox.sync)
            mailbox.assert_copied()
        return was_pushed

    return _rounds(play, every)


def come_late(provider: ProviderName, *, every: int = 1) -> int:
    """Stop a sync before each of its calls for longer than its lease lives.

    Meanwhile the sweep calls another worker, the mailbox changes once more and is synced. Then the
    late one goes on with what it knows, and the copy stays equal; it may only ask for a worker.
    """
    mailbox = BusyMailbox(provider)
    world = mailbox.world

    def play(number: int) -> bool:
        mailbox.begin_round()
        was_late: list[bool] = []
        with WorkerProcess(world) as late, WorkerProcess(world) as other:

            def fall_behind() -> None:
                was_late.append(True)
                world.clock.advance(LEASE_LIFETIME + timedelta(seconds=1))
                mailbox.sweep()
                while work := world.work.take():
                    other.do(work)
                mailbox.change()
                mailbox.push()
                other.do(mailbox.sync)
                mailbox.assert_copied()

            late.before_calls.append(at_call(number, fall_behind))
            late.do(mailbox.sync)
        world.assert_equal(mailbox.account)
        world.work_off()
        mailbox.assert_copied()
        return bool(was_late)

    return _rounds(play, every)


def meet(provider: ProviderName, *, times: int) -> None:
    """Let two workers sync at the very same time, as the machine has it, while mail comes."""
    mailbox = BusyMailbox(provider)
    with WorkerProcess(mailbox.world) as one, WorkerProcess(mailbox.world) as other:
        for _ in range(times):
            mailbox.begin_round()
            one.begin(mailbox.sync)
            other.begin(mailbox.sync)
            mailbox.change()
            mailbox.push()
            one.wait()
            one.do(mailbox.sync)
            other.wait()
            mailbox.world.work_off()
            mailbox.assert_copied()


def _rounds(play: Callable[[int], bool], every: int) -> int:
    """Play rounds; `play` is told which call to interrupt, and answers whether it came."""
    number = 1
    while play(number):
        number += every
    return number - 1


def _took_lease(calls: Sequence[Call]) -> bool:
    return any((call.store, call.name) == ("sync_states", "acquire") for call in calls)


def _holds_lease(calls: Sequence[Call]) -> bool:
    """Whether a worker that has made these calls holds the lease of the present."""
    names = {call.name for call in calls if call.store == "sync_states"}
    return _took_lease(calls) and not names & {"release", "abandon"}


def _provider_calls(calls: Sequence[Call]) -> list[Call]:
    return [call for call in calls if call.store == PROVIDER]
