"""One governor per mailbox: backfills keep to their part, people are always let in, pauses hold.

The simulators count what they are asked and refuse what is too much, as the providers do.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from email.utils import format_datetime
from typing import cast

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import BudgetSpent, NotYet, Retryable, Throttled
from postroom.domain.ids import AccountId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import Address, Message, MessageChange
from postroom.domain.quota import Purpose
from postroom.domain.send_request import SendRequest
from postroom.domain.sync import ChangePage, FetchResult, MessageRef, SyncUnitId, UnitPages
from postroom.ports import Mailbox
from postroom.providers.fetch_outcome import FetchOutcome
from postroom.providers.quotas import quotas
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.change_message import change_message
from postroom.usecases.governor import Governor
from postroom.usecases.send_message import send_message
from postroom.usecases.store_mail import fetch_and_store
from postroom.usecases.sync_account import sync_account
from tests.builders import make_account
from tests.fakes import FixedClock, InMemoryQuotaStore, InMemoryTokenVault, WorkKind
from tests.passing_time import pass_time
from tests.world import GOOGLE_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
MAIL = {"messages.get", "threads.get", "messages.list"}
"""What a first sync asks of Gmail, and nobody else in these stories."""


def _connect(world: World, messages: int) -> Account:
    world.simulator.add_mailbox(ADDRESS, messages=messages, seed=5)
    return world.connect(ADDRESS)


def _enforce_quota(world: World) -> None:
    """Have the simulator refuse what is too much."""
    world.simulator.control("POST", "settings", json={"enforce_quota": True})


def _usage(world: World) -> dict[str, dict[str, int]]:
    mailboxes: dict[str, dict[str, dict[str, int]]]
    mailboxes = world.simulator.control("GET", "usage")["mailboxes"]
    return mailboxes.get(ADDRESS, {})


def _paid(world: World) -> int:
    """Return what the provider has counted: Gmail's units, or Graph's calls."""
    counted = "units" if world.provider is ProviderName.GOOGLE else "calls"
    return sum(
        numbers[counted] for name, numbers in _usage(world).items() if not name.endswith("batch")
    )


def _rejected(world: World) -> int:
    return sum(numbers["rejected"] for numbers in _usage(world).values())


def _star(world: World, account: Account, message: Message, *, starred: bool = True) -> None:
    change_message(
        account=account,
        message_id=message.id,
        change=MessageChange(starred=starred),
        mailboxes=world.mailboxes,
        stores=world.stores,
        folders=world.folders,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def _send(world: World, account: Account) -> None:
    request = SendRequest(to=(Address(email=ADDRESS),), subject="Hello", body="x")
    send_message(account=account, request=request, idempotency_key="", tools=world.send_tools)


@pytest.fixture
def settled(world: World) -> Account:
    """A connected mailbox with one mail, synced."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS)
    account = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=20))  # whatever that used has left every window
    return account


# ── A backfill keeps to its part ─────────────────────────────────────────────────────────────


@GOOGLE_ALONE
def test_a_backfill_takes_half_of_the_quota_in_no_minute_more(world: World) -> None:
    """Whatever minute one looks at, not only those of the clock; and it does not dawdle."""
    _enforce_quota(world)
    account = _connect(world, 700)
    spent = [0]
    while not world.sync_states.get(account.id).is_read and len(spent) < 900:
        pass_time(world, SECOND)
        spent.append(sum(n["units"] for name, n in _usage(world).items() if name in MAIL))
    # Then
    assert len(world.stored(account.id)) == 700
    most = max(spent[at] - spent[max(at - 60, 0)] for at in range(len(spent)))
    assert 2_000 < most <= 3_000
    assert _rejected(world) == 0
    assert len(spent) < 420  # 14,000 units at 3,000 a minute are 280 s at best


def test_people_and_new_mail_are_let_in_while_a_backfill_runs(world: World) -> None:
    """The provider refuses nobody; a mail that comes is stored within its minute."""
    _enforce_quota(world)
    account = _connect(world, 400)
    pass_time(world, SECOND)
    mine = next(iter(world.stored(account.id).values()))
    minutes = 0
    while minutes < 3 or not world.sync_states.get(account.id).is_read:
        minutes += 1
        _star(world, account, mine, starred=minutes % 2 == 1)
        _send(world, account)
        news = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"{minutes}"))
        world.sync_states.ring(account.id)
        world.work.sync(account.id)
        pass_time(world, MINUTE)
        assert news in world.stored(account.id)
    # Then
    assert _rejected(world) == 0
    world.assert_equal(account)


def test_a_backfill_that_waits_for_its_part_pauses_nobody(world: World) -> None:
    """It is no error of the account, and the present is followed meanwhile."""
    account = _connect(world, 20)
    # Given that a backfill has had its part
    quota = world.quotas[world.provider]
    earlier = world.mailboxes.governor.budget(account, Purpose.BACKFILL)
    earlier.reserve(quota.allowance(Purpose.BACKFILL))
    # When
    pass_time(world, 10 * SECOND)
    # Then
    state = world.sync_states.get(account.id)
    assert not state.is_read
    assert (state.paused_until, state.last_error) == (None, "")
    news = world.simulator.deliver(ADDRESS)
    world.sync_states.ring(account.id)
    sync_account(account_id=account.id, tools=world.tools)
    assert (news in world.stored(account.id)) == (world.provider is ProviderName.GOOGLE)
    # And when the window has passed
    pass_time(world, quota.window + MINUTE)
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


@GOOGLE_ALONE
def test_new_mail_that_finds_the_quota_used_up_comes_with_the_next_poll(
    world: World, settled: Account
) -> None:
    """Part of it is stored, the rest is noted; people go on, since nothing pauses."""
    _enforce_quota(world)
    # Given people who use much, and much mail
    world.mailboxes.governor.budget(settled, Purpose.PEOPLE).spend(3_600)
    for _ in range(80):
        world.simulator.deliver(ADDRESS)
    # When
    world.sync_states.ring(settled.id)
    world.work.sync(settled.id)
    pass_time(world, SECOND)
    # Then
    stored = world.stored(settled.id)
    assert 1 < len(stored) < 81
    assert world.sync_states.get(settled.id).paused_until is None
    _star(world, settled, next(iter(stored.values())))
    # And when the window has passed
    pass_time(world, world.tools.poll_interval + 2 * MINUTE, sweep=MINUTE)
    assert len(world.stored(settled.id)) == 81
    assert _rejected(world) == 0


@GOOGLE_ALONE
def test_the_days_ceiling_stops_backfills_first_until_the_next_day(world: World) -> None:
    """New mail and people go on; the backfill does with the provider's next day."""
    world.quotas = quotas(gmail_units_a_minute=6_000, gmail_units_a_day=8_000)
    account = _connect(world, 900)
    # When
    pass_time(world, timedelta(hours=2))
    # Then it stopped at nine tenths of the day, give or take a page and what is counted at once
    stored = world.stored(account.id)
    assert 5_000 <= _paid(world) <= 7_200 + 1_405 + 1_000
    assert len(stored) < 900
    news = world.simulator.deliver(ADDRESS)
    world.sync_states.ring(account.id)
    world.work.sync(account.id)
    _star(world, account, next(iter(stored.values())))
    pass_time(world, MINUTE)
    assert news in world.stored(account.id)
    # And goes on when it is over, however many days it takes
    pass_time(world, timedelta(days=3))
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


@GOOGLE_ALONE
def test_noting_costs_a_small_part_of_what_storing_does(world: World) -> None:
    """Of 1,000 messages the first sync notes less than 50 writes; storing them takes 7,000."""
    _connect(world, 1_000)
    world.work_off()
    assert isinstance(world.quota_store, InMemoryQuotaStore)
    assert world.quota_store.writes < 50


# ── What calls cost ──────────────────────────────────────────────────────────────────────────


@dataclass
class Purse:
    """A budget without an end that remembers what was spent."""

    spent: int = 0
    reserved: list[int] = field(default_factory=list)

    def spend(self, cost: int) -> None:
        """Add it up."""
        self.spent += cost

    def reserve(self, cost: int) -> None:
        """Remember it."""
        self.reserved.append(cost)


@dataclass
class VaultTokens:
    """The access token of a connected account."""

    vault: InMemoryTokenVault
    account: Account

    def current(self) -> str:
        """Return it."""
        return self.vault.read(self.account.id).access_token

    def replace(self, refused: str) -> str:
        """Have no other."""
        raise AssertionError(refused[:0])


def test_every_call_is_paid_for_at_its_price(world: World, settled: Account) -> None:
    """Whatever a mailbox is asked: what the provider counts is what the budget paid."""
    # Given
    world.simulator.deliver(ADDRESS)
    purse, tokens = Purse(), VaultTokens(world.vault, settled)
    mailbox = world.providers.get(world.provider).mailbox(settled.id, tokens, purse)
    (message,) = world.stored(settled.id).values()
    folders = {folder.id: folder for folder in world.folders.all(settled.id)}
    before = _paid(world)
    # When
    units = {unit.id: unit for unit in mailbox.sync_units() if unit.view is not None}
    mailbox.folders()
    mailbox.changes({each.id: each.cursor for each in units.values() if each.cursor is not None})
    mailbox.backfill(dict.fromkeys(units, ""))
    mailbox.fetch([MessageRef.to(message)])
    mailbox.raw(message.provider_id)
    mailbox.apply(message, MessageChange(starred=True), folders=folders)
    mailbox.trash(message)
    made = mailbox.create_folder("Trips", None)
    mailbox.delete_folder(mailbox.update_folder(made, name="Journeys", parent=None))
    mailbox.senders()
    # Then
    assert purse.spent == _paid(world) - before, _usage(world)
    assert purse.reserved


# ── Sharing ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def governor(clock: FixedClock) -> Governor:
    limits = quotas(gmail_units_a_minute=6_000, gmail_units_a_day=80_000_000)
    return Governor(quotas=limits, store=InMemoryQuotaStore(), clock=clock)


def _reserved(governor: Governor, account: Account) -> int:
    return sum(each.cost for each in governor.store.usage(account.id).reservations)


def _today(governor: Governor) -> date:
    return governor.quotas[ProviderName.GOOGLE].day(governor.clock.now())


def _charged(governor: Governor, account: Account) -> int:
    """Return what the project's day has been told, and will be, of Gmail's units."""
    told = governor.store.used_in_day(ProviderName.GOOGLE, _today(governor))
    return told + governor.store.usage(account.id).uncounted


def test_functions_share_one_quota(governor: Governor, clock: FixedClock) -> None:
    """What one has taken is not there for another, until it has left the window."""
    account = make_account()
    governor.budget(account, Purpose.PEOPLE).spend(5_000)
    with pytest.raises(BudgetSpent) as refused:
        governor.budget(account, Purpose.PRESENT).spend(20)
    assert refused.value.retry_after is not None
    clock.advance(refused.value.retry_after)
    governor.budget(account, Purpose.PRESENT).spend(20)


def test_people_pay_exactly_and_work_takes_ever_more_at_once(governor: Governor) -> None:
    """Forty calls of a sync are seven writes; a person takes nothing that stays unused."""
    account = make_account()
    assert isinstance(governor.store, InMemoryQuotaStore)
    present = governor.budget(account, Purpose.PRESENT)
    for _ in range(40):
        present.spend(2)
    assert governor.store.writes == 7
    assert _reserved(governor, account) == 128
    person = governor.budget(account, Purpose.PEOPLE)
    person.spend(5)
    person.spend(1)
    assert _reserved(governor, account) == 134


def test_what_is_lost_of_an_opening_is_no_more_than_it_spent(governor: Governor) -> None:
    """However many calls it makes, and a block at most."""
    for calls in (1, 2, 3, 9, 33, 50, 200):
        account = make_account(id=AccountId(f"account-{calls}"))
        budget = governor.budget(account, Purpose.PRESENT)
        for _ in range(calls):
            budget.spend(3)
        budget.close()
        lost = _reserved(governor, account) - 3 * calls
        assert 0 <= lost <= min(3 * calls, 100), calls


def test_what_a_page_did_not_need_is_given_back(governor: Governor, clock: FixedClock) -> None:
    """Three mails are charged for, not a page of seventy; what others use stays in use."""
    account = make_account()
    governor.budget(account, Purpose.PEOPLE).spend(40)
    clock.advance(10 * SECOND)
    reading = governor.budget(account, Purpose.BACKFILL)
    reading.reserve(1_405)
    reading.spend(65)
    clock.advance(10 * SECOND)
    governor.budget(account, Purpose.PEOPLE).spend(7)
    # When
    reading.close()
    # Then
    usage = governor.store.usage(account.id)
    assert [each.cost for each in usage.reservations] == [40, 65, 7]
    assert _charged(governor, account) == 112
    # And nothing is given back twice
    reading.close()
    assert governor.store.usage(account.id) == usage


def test_what_is_given_back_late_is_not_taken_from_what_others_use(
    governor: Governor, clock: FixedClock
) -> None:
    """Its reservation has left the window: only the day learns of it."""
    account = make_account()
    reading = governor.budget(account, Purpose.BACKFILL)
    reading.reserve(2_000)
    clock.advance(2 * MINUTE)
    governor.budget(account, Purpose.PEOPLE).spend(500)
    # When
    reading.close()
    # Then
    usage = governor.store.usage(account.id)
    assert [each.cost for each in usage.reservations] == [500]
    assert _charged(governor, account) == 500
    # And with the next call the day forgets what it had been told
    governor.budget(account, Purpose.PEOPLE).spend(5)
    assert governor.store.used_in_day(ProviderName.GOOGLE, _today(governor)) == 500


@GOOGLE_ALONE
def test_a_push_every_two_seconds_does_not_stop_a_first_reading(world: World) -> None:
    """Each look reserved 100 units and asked for two: three quarters of the quota went unused."""
    account = _connect(world, 300)
    world.do_next(WorkKind.SYNC)
    for _ in range(40):
        world.clock.advance(1.5 * SECOND)
        world.sync_states.ring(account.id)
        sync_account(account_id=account.id, tools=world.tools)
    stored = len(world.stored(account.id))
    # When
    for _ in range(200):  # five minutes
        world.sync_states.ring(account.id)
        world.work.sync(account.id)
        pass_time(world, 1.5 * SECOND)
    # Then
    assert world.sync_states.get(account.id).last_error == ""
    assert len(world.stored(account.id)) > stored + 200


@GOOGLE_ALONE
def test_the_day_is_charged_for_what_was_asked(world: World, settled: Account) -> None:
    """Forty polls asked for 80 units, and the project's day was told of 4,000."""
    governor = world.mailboxes.governor
    paid_before, charged_before = _paid(world), _charged(governor, settled)
    # When
    for _ in range(40):
        world.clock.advance(MINUTE)
        world.sync_states.ring(settled.id)
        sync_account(account_id=settled.id, tools=world.tools)
    # Then
    paid = _paid(world) - paid_before
    assert paid > 0
    assert paid <= _charged(governor, settled) - charged_before <= 2 * paid


def test_many_people_at_once_are_let_in(governor: Governor) -> None:
    """Who cannot note what he asks, since all of them try to, is not kept waiting for it."""
    account = make_account()
    with ThreadPoolExecutor(32) as pool:
        budgets = [governor.budget(account, Purpose.PEOPLE) for _ in range(64)]
        assert list(pool.map(lambda budget: budget.spend(20), budgets)) == [None] * 64


# ── Pauses that the provider asks for ────────────────────────────────────────────────────────

FORMS = ("seconds", "date", "text")


def _ask_for_a_pause(world: World, form: str, wait: timedelta) -> None:
    """Have the next call answered by a 429 that names a time in one of three ways."""
    until = world.clock.now() + wait
    headers, message = {}, "Too much."
    if form == "seconds":
        headers["Retry-After"] = str(int(wait.total_seconds()))
    elif form == "date":
        headers["Retry-After"] = format_datetime(until, usegmt=True)
    else:
        stamp = until.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        message = f"User-rate limit exceeded.  Retry after {stamp}"
    error = {"code": 429, "message": message, "errors": [{"reason": "rateLimitExceeded"}]}
    body = {"error": error if world.provider is ProviderName.GOOGLE else {"code": "TooMany"}}
    world.simulator.fail_calls("any", status=429, headers=headers, body=body, times=1)


def _forms(world: World) -> Iterator[str]:
    """Outlook says it in the header alone."""
    yield from FORMS if world.provider is ProviderName.GOOGLE else FORMS[:2]


def test_a_person_who_is_refused_pauses_everybody(world: World, settled: Account) -> None:
    """In whatever form the provider says how long: nobody calls it before, then all goes on."""
    (message,) = world.stored(settled.id).values()
    for form in _forms(world):
        # Given
        _ask_for_a_pause(world, form, timedelta(minutes=2))
        with pytest.raises(Throttled) as refused:
            _star(world, settled, message)
        assert refused.value.retry_after == timedelta(minutes=2), form
        # When others come
        calls = world.simulator.calls_made()
        world.clock.advance(MINUTE)
        with pytest.raises(Throttled) as told:
            _send(world, settled)
        world.sync_states.ring(settled.id)
        sync_account(account_id=settled.id, tools=world.tools)
        backfill_account(account_id=settled.id, tools=world.tools)
        # Then the provider hears of none, and they are told when to come back
        assert world.simulator.calls_made() == calls
        assert told.value.retry_after == MINUTE
        assert world.subjects(settled.id)  # what is stored can be read
        # And when the time has come
        world.clock.advance(MINUTE)
        _star(world, settled, message, starred=False)


def test_a_worker_that_is_refused_pauses_everybody(world: World, settled: Account) -> None:
    """People do not run into what a worker has just been told."""
    (message,) = world.stored(settled.id).values()
    for form in _forms(world):
        # Given
        _ask_for_a_pause(world, form, timedelta(minutes=2))
        world.sync_states.ring(settled.id)
        sync_account(account_id=settled.id, tools=world.tools)
        until = world.clock.now() + timedelta(minutes=2)
        assert world.sync_states.get(settled.id).paused_until == until, form
        # When, then
        calls = world.simulator.calls_made()
        with pytest.raises(Throttled):
            _star(world, settled, message)
        assert world.simulator.calls_made() == calls
        # And when it is over, the worker comes by itself
        pass_time(world, timedelta(minutes=3))
        assert world.sync_states.get(settled.id).last_error == ""
        _star(world, settled, message)


def test_a_backfill_that_is_refused_again_and_again_does_not_lock_people_out(
    world: World,
) -> None:
    """A 429 without a time came back after each pause of half a minute: people waited for ever."""
    world.simulator.fail_calls("listing", status=429, times=100_000)
    account = _connect(world, 12)
    refused = 0
    for _ in range(600):
        pass_time(world, SECOND)
        try:
            with world.mailboxes.open(account) as mailbox:
                mailbox.folders()
        except Throttled:
            refused += 1
    assert refused == 0
    assert world.sync_states.get(account.id).last_error
    # And what it asks for becomes rare
    delays = [work.delay for work in world.work.waiting if work.kind is WorkKind.BACKFILL]
    assert max(delays) > 2 * MINUTE


def test_a_backfill_that_is_told_a_time_pauses_everybody(world: World) -> None:
    """A time holds for all of the mailbox, whoever is told of it."""
    account = _connect(world, 12)
    world.do_next(WorkKind.SYNC)
    _ask_for_a_pause(world, "seconds", 2 * MINUTE)
    # When
    backfill_account(account_id=account.id, tools=world.tools)
    # Then
    until = world.clock.now() + 2 * MINUTE
    assert world.sync_states.get(account.id).paused_until == until
    with pytest.raises(Throttled), world.mailboxes.open(account):
        pass


def test_our_own_share_does_not_hide_the_folders_refusal() -> None:
    """Of two folders followed at once Outlook refused one: people went on calling it."""
    refusals = [Throttled("429", retry_after=30 * SECOND), Throttled("429")]
    for refused in refusals:
        for ours in (BudgetSpent("", retry_after=MINUTE), NotYet("", retry_after=MINUTE)):
            failed = {SyncUnitId("a"): refused, SyncUnitId("b"): ours}
            answer: UnitPages[ChangePage] = UnitPages(failed=failed)
            assert answer.pause is refused
    alone: UnitPages[ChangePage] = UnitPages(failed={SyncUnitId("b"): ours})
    assert alone.pause is ours


def test_our_own_share_does_not_hide_a_messages_refusal(world: World, settled: Account) -> None:
    """Of two messages of a fetch one was refused by the provider, the other by ourselves."""
    refs = [
        MessageRef(provider_id=ProviderMessageId(name), provider_thread_id=ProviderThreadId(name))
        for name in ("a", "b")
    ]
    refused = Throttled("429", retry_after=30 * SECOND)
    outcome = FetchOutcome()
    outcome.fail(refs[:1], BudgetSpent("", retry_after=MINUTE))
    outcome.fail(refs[1:], refused)
    # When
    report = fetch_and_store(
        account_id=settled.id,
        refs=refs,
        mailbox=cast("Mailbox", Fetching(outcome.result())),
        stores=world.stores,
        clock=world.clock,
    )
    # Then
    assert report.because is refused
    assert report.pending == 2


@dataclass(frozen=True)
class Fetching:
    """A mailbox whose fetches have one outcome."""

    result: FetchResult

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Return it."""
        assert refs
        return self.result


def test_a_call_that_fails_pauses_nobody(world: World, settled: Account) -> None:
    """A failure without a time may be of this call alone."""
    (message,) = world.stored(settled.id).values()
    world.simulator.fail_calls("any", status=500)
    with pytest.raises(Retryable):
        _star(world, settled, message)
    assert world.sync_states.get(settled.id).paused_until is None
