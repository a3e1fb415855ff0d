"""Letters sent through the worst that can happen, read in the mailboxes of whom they are for.

Each letter meets faults of its own, drawn from its number: its provider fails before or after the
effect, cuts the line, refuses for now or for good, gives no token; and whoever works on it dies
before its n-th write. Its author repeats the request, with the same key, until there is an answer;
once it is said that it did not leave, perhaps with another text for another reader. Some letters
are called back; and two may be at work on one: the author asks twice, or a queue calls twice.
Then the provider answers again, the queue hands out what dead workers had taken, or has lost it and
the sweep calls again, and the truth is read from the simulator.

Some letters carry files that were uploaded before: they are handed over in pieces, slowly, so that
several workers have a part in each, and faults and deaths come between the pieces.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PostroomError,
    Rejected,
    Retryable,
)
from postroom.domain.ids import OutboxId, outbox_id
from postroom.domain.outgoing import SendState
from postroom.domain.quota import Quota
from postroom.domain.sending_limit import Counted, SendingLimit, SendingLimits
from postroom.usecases.scheduled_sends import cancel_scheduled_send
from postroom.usecases.send_draft import send_draft
from postroom.usecases.send_message import send_message
from postroom.usecases.wake_overdue_sends import wake_overdue_sends
from tests.fakes import QueuedWork, RecordingQueue, WorkKind
from tests.interruptions import accompanied, interrupted
from tests.long.mortal_workers import VISIBILITY_TIMEOUT, death_before
from tests.owners import owner_of
from tests.sending_letters import (
    READERS,
    WRITER,
    Arrival,
    Kind,
    Letter,
    ask_questions,
    made_draft,
    read_arrival,
    reader_of,
    text_of,
    write,
)
from tests.unit.usecases.sends import upload
from tests.world import World

NOT_NOW = {"status": 429, "headers": {"Retry-After": "20"}}
NEVER = {
    "status": 400,
    "body": {"error": {"code": 400, "message": "No", "errors": [{"reason": "invalidArgument"}]}},
}
FAULTS: tuple[dict[str, Any], ...] = (
    {"what": "send", "drop": True},
    {"what": "send", "drop": True, "after_effect": True},
    {"what": "send", "status": 500},
    {"what": "send", "status": 500, "after_effect": True},
    {"what": "send", "status": 502, "after_effect": True},
    {"what": "send", "status": 503},
    {"what": "send", "status": 504, "after_effect": True},
    {"what": "send", **NOT_NOW},
    {"what": "send", "status": 429},
    {"what": "send", **NEVER},
    {"what": "messages", "drop": True},
    {"what": "messages", "status": 503, "after_effect": True},
    {"what": "any", "drop": True},
    {"what": "any", "drop": True, "after_effect": True},
    {"what": "any", "status": 503},
    {"what": "any", **NOT_NOW},
    {"what": "token", "status": 500},
    {"what": "token", "drop": True},
)

PIECES = {ProviderName.GOOGLE: "/upload/", ProviderName.MICROSOFT: "/AttachmentSessions/"}
"""What is called with each piece of a file."""

FAULTS_OF_PIECES: tuple[dict[str, Any], ...] = (
    {"drop": True},
    {"drop": True, "after_effect": True},
    {"status": 500, "after_effect": True},
    {"status": 503},
    {"status": 404},
    NOT_NOW,
)

_FILE_BYTES = {ProviderName.GOOGLE: 1_600_000, ProviderName.MICROSOFT: 100_000}
"""Two of them are two pieces in Gmail, and two uploads in Outlook."""

_PIECE_TAKES = (timedelta(), timedelta(seconds=30), timedelta(seconds=50))
"""How slowly files are read: in one call, or in one more for each piece or two."""

_LONGEST_WAIT = timedelta(days=3)
"""Until nothing is overdue any more."""

_PATIENCE = 40
"""How often an author repeats a request; no letter needs as many."""

_FOR_EVER = SendingLimit(
    counted=Counted.MESSAGES,
    quota=Quota(limit=1_000_000, window=timedelta(days=100_000), block=1),
)

_UNDO_WINDOW = timedelta(seconds=40)

_MEETINGS = {
    "asking": (("outbox", "claim"), ("outbox", "settle"), ("outgoing", "put")),
    "working": (("outbox", "replace"), ("outbox", "settle"), ("outgoing", "get")),
}
"""Before which call of the first one the second one does the same."""


class TimelyQueue(RecordingQueue):
    """Hands out what is due first, and tells when that is."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._due: dict[int, datetime] = {}

    def _add(self, work: QueuedWork) -> None:
        super()._add(work)
        self._due[id(work)] = self._world.clock.now() + work.delay

    def put_back(self, work: QueuedWork, *, due_at: datetime | None = None) -> None:
        """Hand out again what was taken: at this time, or when a dead worker no longer has it."""
        self.waiting.append(work)
        self._due[id(work)] = due_at or self._world.clock.now() + VISIBILITY_TIMEOUT

    def take_next(self, kind: WorkKind) -> tuple[QueuedWork, datetime] | None:
        """Hand out the work of a kind that is due first."""
        of_kind = [work for work in self.waiting if work.kind is kind]
        if not of_kind:
            return None
        work = min(of_kind, key=lambda each: self._due[id(each)])
        self.waiting = [each for each in self.waiting if each is not work]
        return work, self._due.pop(id(work))


def _beside(limits: SendingLimits) -> SendingLimits:
    """Add a limit that nobody reaches, and nothing leaves."""
    return replace(limits, organisational=(*limits.organisational, _FOR_EVER))


def _loses_calls(number: int) -> bool:
    return number % 7 == 0


@dataclass
class Outcome:
    """What became of a storm's letters."""

    states: Counter[SendState] = field(default_factory=Counter)
    deaths: int = 0
    repeated_requests: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    rewritten: int = 0
    """How many left, or were to, in another version than the first one."""
    met: int = 0
    """How often two were at work on one letter."""
    large: int = 0
    """How many of them carried uploads."""
    kept_drafts: int = 0
    """Of letters that were refused: a draft stays one then."""
    swept: int = 0
    """How often the sweep had to call for one."""
    wrong: list[str] = field(default_factory=list)
    """Letters whose end is not what their mailbox shows, or what was counted, and how."""
    left_behind: list[str] = field(default_factory=list)
    """What is still kept of letters whose calls came. Where somebody died beside a row that has
    ended, and the call was lost, too, it is left to the bucket's lifecycle."""


class Storm:
    """One mailbox that sends, others that receive, and faults.

    Of so many letters (`large_every`) one carries uploads, and of seven one has a queue that loses
    every other call.
    """

    def __init__(self, provider: ProviderName, *, large_every: int) -> None:
        self._large_every = large_every
        self.world = World(provider=provider)
        for address in (*READERS, WRITER):
            self.world.simulator.add_mailbox(address)
        self.account: Account = self.world.connect(WRITER)
        self.world.work_off()
        self._questions = ask_questions(self.world, self.account)
        self.world.work_off()
        self.world.sending_limits = {provider: _beside(self.world.sending_limits[provider])}
        self.queue = TimelyQueue(self.world)
        self.world.work = self.queue
        self.outcome = Outcome()
        self._uploads = self.world.uploads
        self._lost: random.Random | None = None
        self._states: dict[int, SendState] = {}
        self._letters: dict[int, Letter] = {}
        self._versions: dict[int, int] = {}

    def send(self, numbers: range) -> Outcome:
        """Send letters, each through its storm; answers how they ended."""
        for number in numbers:
            self._send_one(number)
        self._count(numbers)
        return self.outcome

    def _send_one(self, number: int) -> None:
        deaths_before, counted_before = self.outcome.deaths, self._counted()
        dice = random.Random(f"letter {number}")  # noqa: S311 - a test's dice
        self._ways = random.Random(f"storm {number}")  # noqa: S311
        letter = write(number, dice, self.world, questions=self._questions)
        is_large = number % self._large_every == 0
        if is_large and letter.kind in {Kind.MIME, Kind.DRAFT}:
            letter = replace(letter, kind=Kind.NEW)
        if letter.kind is Kind.DRAFT:
            letter = made_draft(letter, self.world, self.account)
        is_undone = letter.is_cancelled and letter.request.send_at is None
        self.world.undo_window = _UNDO_WINDOW if is_undone else timedelta()
        for fault in dice.sample(FAULTS, dice.randint(0, 3)):
            told = {**fault, "times": dice.randint(1, 6)}
            self.world.simulator.fail_calls(told.pop("what"), **told)
        deaths = [dice.randint(1, 9) for _ in range(dice.randint(0, 2))]
        if is_large:
            letter = self._with_uploads(letter, dice)
            deaths += [dice.randint(4, 20)]
        self._lost = random.Random(f"calls {number}") if _loses_calls(number) else None  # noqa: S311
        self._letters[number] = letter
        self.outcome.kinds[letter.kind] += 1
        if self._insist(letter, deaths) and letter.is_cancelled and letter.draft is None:
            self._call_back(letter, deaths)
        self._work(deaths)
        self.world.simulator.control("DELETE", "faults")
        self._work([])
        self.world.uploads = self._uploads
        # Now: a thousand letters take longer than a key is kept.
        self._states[number] = self._state(letter)
        self._check_count(
            letter, self._counted() - counted_before, self.outcome.deaths - deaths_before
        )

    def _counted(self) -> int:
        usage = self.world.quota_store.usage(self.account.id, _FOR_EVER.name)
        return sum(each.cost for each in usage.reservations)

    def _check_count(self, letter: Letter, counted: int, deaths: int) -> None:
        """A letter that left counts once, another one does not; once more for each who died.

        With whoever dies, another may die who was at work on the same letter.
        """
        wanted = int(self._states[letter.number] is SendState.SENT)
        if not wanted <= counted <= wanted + 2 * deaths:
            self.outcome.wrong.append(f"letter {letter.number}: counted {counted} times")

    def _with_uploads(self, letter: Letter, dice: random.Random) -> Letter:
        """Add two files that were uploaded before, and faults that their pieces meet."""
        for fault in dice.sample(FAULTS_OF_PIECES, dice.randint(0, 2)):
            path = PIECES[self.world.provider]
            self.world.simulator.fail({"path": path, "times": dice.randint(1, 4), **fault})
        content = bytes(_FILE_BYTES[self.world.provider])
        files = tuple(upload(self.world, self.account, content) for _ in range(2))
        takes = dice.choice(_PIECE_TAKES)
        self.world.uploads = accompanied(
            self._uploads, "read", by=lambda: self.world.clock.advance(takes)
        )
        self.outcome.large += 1
        request = letter.request
        return replace(letter, request=replace(request, attachments=(*request.attachments, *files)))

    def _insist(self, letter: Letter, deaths: list[int]) -> bool:
        """Ask until somebody says what becomes of the letter; whether it was taken."""
        version = self._versions[letter.number] = 0
        for _ in range(_PATIENCE):
            ask = partial(self._ask, letter, version)
            try:
                with self._met("asking", by=ask):
                    if not self._died(deaths, ask):
                        return True
            except (Rejected, InvalidRequest):
                return False  # for good, or since its time had passed before anybody took it
            except Retryable as problem:
                if version < letter.last_version and self._ways.random() < 0.5:
                    # It did not leave, and the key may be used again.
                    version = self._versions[letter.number] = version + 1
                    letter = self._letters[letter.number] = self._for_later(letter)
                self.world.clock.advance(problem.retry_after or timedelta(seconds=30))
            except Conflict:
                self._check_whose_key_it_is(letter, version)
            except PostroomError:
                pass
            # Where calls are lost, the sweep takes its time.
            self.world.clock.advance(timedelta(seconds=30 if self._lost is None else 300))
            self.outcome.repeated_requests += 1
            self._work([], until=self.world.clock.now())
        raise AssertionError(f"letter {letter.number}: nobody answers")

    def _for_later(self, letter: Letter) -> Letter:
        """Return a letter that is written anew, perhaps to leave by another worker."""
        if self._ways.random() < 0.5:
            return letter
        at = self.world.clock.now() + timedelta(minutes=30)
        return replace(letter, request=replace(letter.request, send_at=at))

    def _check_whose_key_it_is(self, letter: Letter, version: int) -> None:
        """A version that was said not to have left holds no key any more."""
        if letter.draft is not None:
            return
        with suppress(NotFound):
            held_by = self.world.outbox.get(self.account.id, self._key(letter)).request_hash
            if held_by != letter.version(version).digest():
                self.outcome.wrong.append(f"letter {letter.number}: an old version holds the key")

    def _call_back(self, letter: Letter, deaths: list[int]) -> None:
        """Call a letter back, as long as it waits."""
        cancel = partial(
            cancel_scheduled_send, account_id=self.account.id, wanted=self._key(letter)
        )

        def do() -> None:
            cancel(tools=self.world.send_tools)

        self._work([], until=self.world.clock.now() + timedelta(seconds=self._ways.choice((0, 50))))
        with suppress(Conflict, NotFound):
            while self._died(deaths, do):
                self.world.clock.advance(timedelta(seconds=5))
            if self._state(letter) is not SendState.CANCELLED:
                self.outcome.wrong.append(f"letter {letter.number}: called back, and not cancelled")

    @contextmanager
    def _met(self, where: str, *, by: Callable[[], None]) -> Iterator[None]:
        """Have somebody else do the same at some moment, sometimes."""
        name, before = self._ways.choice(_MEETINGS[where])
        if self._ways.random() > 0.2:
            yield
            return

        def meet() -> None:
            self.outcome.met += 1
            with suppress(PostroomError):
                by()

        alone = getattr(self.world, name)
        setattr(self.world, name, interrupted(alone, before=before, by=meet))
        try:
            yield
        finally:
            setattr(self.world, name, alone)

    def _died(self, deaths: list[int], do: Callable[[], None]) -> bool:
        """Do something, or die before the write that comes first among the deaths."""
        if not deaths:
            do()
            return False
        with death_before(self.world, deaths[0]) as death:
            do()
        if death.happened:
            deaths.pop(0)
            self.outcome.deaths += 1
        return death.happened

    def _ask(self, letter: Letter, version: int) -> None:
        account = self.world.accounts.get(self.account.id)
        if letter.draft is not None:
            send_draft(account=account, draft=letter.draft, tools=self.world.draft_tools)
            return
        send_message(
            account=account,
            request=letter.version(version),
            idempotency_key=f"key {letter.number}",
            tools=self.world.send_tools,
        )

    def _work(self, deaths: list[int], *, until: datetime | None = None) -> None:
        """Do the work of sends in its time; whoever dies in it is followed by another."""
        while call := self._next_call(until):
            if self._lost is not None and self._lost.random() < 0.5:
                continue
            do = partial(self.world.do, call)
            with self._met("working", by=do):
                if self._died(deaths, do):
                    self.queue.put_back(call)

    def _next_call(self, until: datetime | None) -> QueuedWork | None:
        self._strike(until)
        found = self.queue.take_next(WorkKind.SETTLE_SEND)
        if found is None:
            found = self._swept(until)
        if found is None:
            return None
        work, due_at = found
        if until is not None and due_at > until:
            self.queue.put_back(work, due_at=due_at)
            return None
        self.world.clock.advance(max(due_at - self.world.clock.now(), timedelta()))
        return work

    def _swept(self, until: datetime | None) -> tuple[QueuedWork, datetime] | None:
        """Let time pass until the sweep calls for what nobody is called for any more."""
        world = self.world
        while world.outbox.overdue(now=until or world.clock.now() + _LONGEST_WAIT, limit=1):
            if wake_overdue_sends(outbox=world.outbox, work=self.queue, clock=world.clock):
                self.outcome.swept += 1
                return self.queue.take_next(WorkKind.SETTLE_SEND)
            world.clock.advance(timedelta(minutes=1))
        return None

    def _strike(self, until: datetime | None) -> None:
        """Have schedules put their calls into the queue, at their time."""
        if until is None and self.world.scheduler.waiting:
            at = min(call.at for call in self.world.scheduler.waiting.values())
            self.world.clock.advance(max(at - self.world.clock.now(), timedelta()))
        for call in self.world.scheduler.take_due(self.world.clock.now()):
            self.queue.settle_send(call.account_id, call.outbox_id, attempt=0, delay=timedelta())

    def _count(self, numbers: range) -> None:
        arrived = self._arrived()
        for number in numbers:
            letter, version, state = (
                self._letters[number],
                self._versions[number],
                self._states[number],
            )
            self.outcome.states[state] += 1
            self.outcome.rewritten += version > 0
            self.outcome.kept_drafts += letter.draft is not None and state is SendState.REJECTED
            wanted = Arrival(
                reader=reader_of(number, version),
                text=text_of(number, version),
                in_reply_to=letter.question.internet_message_id if letter.question else None,
            )
            if arrived[number] != [wanted] * (state is SendState.SENT):
                self.outcome.wrong.append(
                    f"letter {number} ({letter.kind.value}): {state}, {arrived[number]}"
                )

        delivered = {
            self._key(self._letters[n])
            for n in numbers
            if not (_loses_calls(n) or self._is_undone_at_once(n))
        }
        self.outcome.left_behind = [
            name for name in self.world.kept() if name.partition(".")[0] in delivered
        ]

    def _is_undone_at_once(self, number: int) -> bool:
        """Whether a letter's last call came within the minute that its requests might have taken.

        Then what a request kept that died is left to the bucket's lifecycle.
        """
        has_no_time = self._letters[number].request.send_at is None
        return has_no_time and self._states[number] is SendState.CANCELLED

    def _arrived(self) -> dict[int, list[Arrival]]:
        """Return what all readers have got, by the letters' numbers."""
        found: dict[int, list[Arrival]] = defaultdict(list)
        for reader in READERS:
            owner = owner_of(reader, self.world.simulator)
            for message in self.world.simulator.messages(reader).values():
                number = int(message["subject"].removeprefix("Letter "))
                found[number].append(read_arrival(reader, owner.mime(message["id"])))
        return found

    def _key(self, letter: Letter) -> OutboxId:
        if letter.draft is not None:
            return outbox_id(self.account.id, f"draft\0{letter.draft}")
        return outbox_id(self.account.id, f"key {letter.number}")

    def _state(self, letter: Letter) -> SendState:
        """Return how a letter ended; one that nobody took was refused."""
        try:
            return self.world.outbox.get(self.account.id, self._key(letter)).state
        except NotFound:
            return SendState.REJECTED
