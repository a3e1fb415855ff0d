"""What providers let a mailbox send is kept to: told by Retry-After, or sent later, never lost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import OutcomeUnknown, Rejected, Retryable, SendingLimitReached
from postroom.domain.ids import OutboxId
from postroom.domain.message import Address
from postroom.domain.outgoing import ABSENT_AFTER, CALL_LOST_AFTER, SendState
from postroom.domain.quota import Quota
from postroom.domain.sending_limit import Counted, SendingLimit, SendingLimits
from postroom.providers.quotas import SENDING_LIMITS
from postroom.usecases.scheduled_sends import cancel_scheduled_send
from postroom.usecases.wake_overdue_sends import wake_overdue_sends
from tests.fakes import InMemoryUploadStore, QueuedWork, WorkKind
from tests.interruptions import Death, interrupted
from tests.sending_storm import NEVER
from tests.unit.usecases import drafts
from tests.unit.usecases.sends import SlowUploads, connected, received, send, upload
from tests.world import World

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TWO_A_MINUTE = SendingLimit(counted=Counted.MESSAGES, quota=Quota(limit=2, window=MINUTE, block=1))
FIVE_PEOPLE_A_DAY = SendingLimit(
    counted=Counted.RECIPIENTS, quota=Quota(limit=5, window=DAY, block=1)
)


def _limits(*limits: SendingLimit) -> dict[ProviderName, SendingLimits]:
    same = SendingLimits(personal_domains=frozenset(), personal=(), organisational=limits)
    return dict.fromkeys(ProviderName, same)


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


def test_what_is_too_much_is_told_when_it_may_be_sent(world: World, account: Account) -> None:
    """The provider is not asked, the key stays free, and the time that is told is enough."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    send(world, account)
    send(world, account)
    with pytest.raises(SendingLimitReached) as full:
        send(world, account, "order-17")
    assert len(received(world)) == 2
    assert world.kept() == []
    wait = full.value.retry_after
    assert wait is not None
    assert timedelta() < wait <= MINUTE + MINUTE / 12
    world.clock.advance(wait)
    assert send(world, account, "order-17").has_left
    assert len(received(world)) == 3


def test_drafts_count_too(world: World, account: Account) -> None:
    """One that may not leave yet stays, and leaves when it may."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    send(world, account)
    first, second = (drafts.draft_of(drafts.create(world, account).mail) for _ in range(2))
    assert drafts.send(world, account, first).has_left
    with pytest.raises(SendingLimitReached) as full:
        drafts.send(world, account, second)
    assert len(received(world)) == 2
    assert drafts.read(world, account, second).message.is_draft
    assert full.value.retry_after is not None
    world.clock.advance(full.value.retry_after)
    assert drafts.send(world, account, second).has_left
    assert len(received(world)) == 3


def test_everybody_who_gets_a_mail_counts(world: World, account: Account) -> None:
    """Copies and blind copies, too; a smaller mail may still go."""
    world.sending_limits = _limits(TWO_A_MINUTE, FIVE_PEOPLE_A_DAY)
    people = tuple(Address(email=f"{number}@mail.example") for number in range(2))
    send(world, account, cc=people[:1], bcc=people[1:])
    with pytest.raises(SendingLimitReached) as full:
        send(world, account, cc=people)
    assert full.value.retry_after is not None
    assert full.value.retry_after > timedelta(hours=23)
    assert send(world, account).has_left


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [({"status": 429, "headers": {"Retry-After": "1"}}, Retryable), (NEVER, Rejected)],
)
def test_what_did_not_leave_does_not_count(
    world: World, account: Account, fault: dict[str, Any], refusal: type[Exception]
) -> None:
    """A refusal of the provider costs nothing of what may be sent."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    world.simulator.fail_calls("send", times=1, **fault)
    with pytest.raises(refusal):
        send(world, account)
    world.clock.advance(timedelta(seconds=1))
    for _ in range(2):
        assert send(world, account).has_left


def test_a_mailbox_that_has_sent_too_much_is_read_all_the_same(
    world: World, account: Account
) -> None:
    """Gmail names a time hours away: everything of the mailbox stood still until then.

    Its sends are held, the provider is not asked again, and people are told how long.
    """
    free_at = world.clock.now() + timedelta(minutes=50)
    limit = {"sending_free_at": free_at.timestamp()}
    world.simulator.control("POST", "settings", json=limit)
    asked = []
    for _ in range(2):
        with pytest.raises(SendingLimitReached) as full:
            send(world, account, "order-17")
        assert full.value.retry_after is not None
        assert timedelta(minutes=49) < full.value.retry_after <= timedelta(hours=1)
        asked.append(world.simulator.calls_made())
    assert asked[0] == asked[1]
    assert world.sync_states.paused_until(account.id) is None
    drafts.create(world, account)
    world.clock.advance(full.value.retry_after or timedelta())
    assert send(world, account, "order-17").has_left


def test_a_shorter_hold_ends_no_longer_one(world: World, account: Account) -> None:
    """A send that was on its way heard "a minute", and mail left against a block of hours."""
    # Given
    pace = world.send_tools.pace
    for wait in (timedelta(hours=20), MINUTE):
        with pytest.raises(SendingLimitReached), pace.heeded(account):
            raise SendingLimitReached("Enough.", retry_after=wait)
    # When
    world.clock.advance(2 * MINUTE)
    # Then
    with pytest.raises(SendingLimitReached):
        send(world, account)
    world.clock.advance(timedelta(hours=22))
    assert send(world, account).has_left


def test_a_scheduled_send_waits_until_the_provider_lets_it_go(
    world: World, account: Account
) -> None:
    """It came among those that were too many: it was neither dropped nor told to have failed."""
    at = world.clock.now() + timedelta(minutes=2)
    limit = {"sending_free_at": (at + timedelta(hours=5)).timestamp()}
    world.simulator.control("POST", "settings", json=limit)
    entry = send(world, account, send_at=at).entry
    world.work_off(limit=400)
    assert world.outbox.get(account.id, entry.id).state is SendState.SENT
    assert len(received(world)) == 1
    assert world.clock.now() >= at + timedelta(hours=5)


def test_scheduled_sends_leave_as_soon_as_they_may(world: World, account: Account) -> None:
    """None is dropped, and none fails for having come with many others."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    at = world.clock.now() + timedelta(minutes=5)
    entries = [send(world, account, send_at=at).entry for _ in range(6)]
    assert len(received(world)) == 0
    world.work_off(limit=400)
    assert len(received(world)) == 6
    states = {world.outbox.get(account.id, entry.id).state for entry in entries}
    assert states == {SendState.SENT}


def test_a_scheduled_send_waits_out_a_full_day(world: World, account: Account) -> None:
    """A day is counted as 26 hours, and the send was refused after 24 instead of leaving then."""
    two_a_day = SendingLimit(counted=Counted.MESSAGES, quota=Quota(limit=2, window=DAY, block=1))
    world.sending_limits = _limits(two_a_day)
    send(world, account)
    send(world, account)
    with pytest.raises(SendingLimitReached, match="2 messages in a day, and has"):
        send(world, account)

    put_off = send(world, account, send_at=world.clock.now() + timedelta(minutes=2)).entry
    world.work_off(limit=2000)

    assert world.outbox.get(account.id, put_off.id).state is SendState.SENT


def _send_film(world: World, account: Account) -> OutboxId:
    return send(world, account, attachments=(upload(world, account),)).entry.id


def test_large_mails_that_were_put_off_are_counted_when_they_leave(
    world: World, account: Account
) -> None:
    """The second attempt of a mail with uploads was free, so all of them left within the minute."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    began_at = world.clock.now()
    sends = [_send_film(world, account) for _ in range(6)]
    agenda = [(began_at + work.delay, work) for work in _taken(world)]
    left_at: list[datetime] = []

    while agenda:
        agenda.sort(key=lambda each: each[0])
        at, work = agenda.pop(0)
        world.clock.advance(max(at - world.clock.now(), timedelta()))
        world.do(work)
        agenda += [(world.clock.now() + work.delay, work) for work in _taken(world)]
        left_at += [world.clock.now()] * (len(received(world)) - len(left_at))

    assert {world.outbox.get(account.id, each).state for each in sends} == {SendState.SENT}
    assert len(left_at) == len(sends)
    for first, third in zip(left_at, left_at[2:], strict=False):
        assert third - first >= MINUTE


def test_a_large_mail_is_counted_once(world: World, account: Account) -> None:
    """However many calls it is handed over in."""
    world.sending_limits = _limits(TWO_A_MINUTE)
    sent = _send_film(world, account)
    assert isinstance(world.uploads, InMemoryUploadStore)
    world.uploads = SlowUploads(world.uploads, world.clock, timedelta(seconds=46))

    world.do_next(WorkKind.SETTLE_SEND)
    assert world.outbox.get(account.id, sent).counted_as
    assert send(world, account).has_left
    world.work_off()

    assert len(received(world)) == 2
    assert world.outbox.get(account.id, sent).claims == 2


def test_a_large_mail_whose_rest_is_put_off_is_counted_once(world: World, account: Account) -> None:
    """Its second call was refused for now, and the third counted all of it again."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    _send_film(world, account)
    uploads = world.uploads
    assert isinstance(uploads, InMemoryUploadStore)
    world.uploads = SlowUploads(uploads, world.clock, timedelta(seconds=46))
    world.do_next(WorkKind.SETTLE_SEND)
    world.uploads = uploads
    world.simulator.fail_calls("any", status=429, headers={"Retry-After": "5"}, times=1)
    world.work_off()

    assert len(received(world)) == 1
    assert _counted(world, account) == 1


def _counted(world: World, account: Account) -> int:
    """Tell how many readers have been counted in the last day."""
    usage = world.quota_store.usage(account.id, FIVE_PEOPLE_A_DAY.name)
    return sum(each.cost for each in usage.reservations)


def _half_of_a_film(world: World, account: Account) -> OutboxId:
    """Have a part of a large mail handed over, and the time of that call end."""
    sent = _send_film(world, account)
    uploads = world.uploads
    assert isinstance(uploads, InMemoryUploadStore)
    world.uploads = SlowUploads(uploads, world.clock, timedelta(seconds=46))
    world.do_next(WorkKind.SETTLE_SEND)
    world.uploads = uploads
    assert world.outbox.get(account.id, sent).transfer
    assert _counted(world, account) == 1
    return sent


def _refuse_it(world: World, account: Account, sent: OutboxId) -> SendState:
    world.simulator.fail_calls("any", times=1, **NEVER)
    return SendState.REJECTED


def _lose_its_file(world: World, account: Account, sent: OutboxId) -> SendState:
    world.uploads.erase(account.id)
    return SendState.REJECTED


def _call_it_back(world: World, account: Account, sent: OutboxId) -> SendState:
    cancel_scheduled_send(account_id=account.id, wanted=sent, tools=world.send_tools)
    return SendState.CANCELLED


def _come_too_late(world: World, account: Account, sent: OutboxId) -> SendState:
    world.clock.advance(2 * DAY)
    return SendState.REJECTED


@pytest.mark.parametrize("end", [_refuse_it, _lose_its_file, _call_it_back, _come_too_late])
def test_a_large_mail_that_ends_half_way_does_not_count(
    world: World, account: Account, end: Callable[[World, Account, OutboxId], SendState]
) -> None:
    """Its first call had counted it, and no later one gave that back: the day was over early.

    Calls that come twice give nothing back for another mail.
    """
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    sent = _half_of_a_film(world, account)
    assert send(world, account).has_left
    state = end(world, account, sent)
    again = list(world.work.waiting)

    world.work_off()
    for work in again:
        world.do(work)
    world.work_off()

    assert world.outbox.get(account.id, sent).state is state
    assert _counted(world, account) == len(received(world)) == 1


def test_of_two_calls_that_refuse_a_mail_one_gives_it_back(world: World, account: Account) -> None:
    """The other's would be taken from another mail, and more be sent than the provider allows."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    _half_of_a_film(world, account)
    assert send(world, account).has_left
    world.clock.advance(2 * DAY)
    call = world.work.take(WorkKind.SETTLE_SEND)
    assert call is not None
    meanwhile = partial(world.do, call)
    world.outbox = interrupted(world.outbox, before="settle", by=meanwhile)

    world.do(call)

    assert _counted(world, account) == 1


@pytest.mark.parametrize("wait", [None, 2 * MINUTE])
def test_a_mail_that_is_sent_again_after_doubt_is_counted_once(
    world: World, account: Account, wait: timedelta | None
) -> None:
    """Nobody knew what had become of it, and what was sent in its stead was counted, too."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    world.simulator.fail_calls("send", drop=True, times=1)
    at = None if wait is None else world.clock.now() + wait
    sent = send(world, account, send_at=at).entry.id
    world.work_off()

    assert world.outbox.get(account.id, sent).claims == 2
    assert _counted(world, account) == len(received(world)) == 1


def test_a_draft_that_is_sent_again_after_doubt_is_counted_once(
    world: World, account: Account
) -> None:
    """As any other mail; when it is refused in the end, it does not count at all."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    draft = drafts.draft_of(drafts.create(world, account).mail)
    for refusal in (NEVER, None):
        world.simulator.fail_calls("send", drop=True, times=1)
        with pytest.raises(OutcomeUnknown):
            drafts.send(world, account, draft)
        assert _counted(world, account) == 1
        world.clock.advance(ABSENT_AFTER)
        if refusal is not None:
            world.simulator.fail_calls("send", times=1, **refusal)
            with pytest.raises(Rejected):
                drafts.send(world, account, draft)
            assert _counted(world, account) == 0

    assert drafts.send(world, account, draft).has_left
    assert _counted(world, account) == len(received(world)) == 1


@pytest.mark.parametrize("wait", [None, 2 * MINUTE])
def test_whoever_goes_on_after_a_death_does_not_count_again(
    world: World, account: Account, wait: timedelta | None
) -> None:
    """It was counted, and whoever had counted it died before the mail left."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    at = None if wait is None else world.clock.now() + wait
    vault = world.vault
    world.vault = interrupted(vault, before="read", by=_die)
    with pytest.raises(Death):
        send(world, account, "order-17", send_at=at)
        world.work_off()
    world.vault = vault
    world.work_off()
    world.clock.advance(CALL_LOST_AFTER + timedelta(minutes=2))
    wake_overdue_sends(outbox=world.outbox, work=world.work, clock=world.clock)
    world.work_off()

    assert _counted(world, account) == len(received(world)) == 1


def test_what_may_have_left_stays_counted(world: World, account: Account) -> None:
    """A provider that is silent for a day says nothing that anything could be given back for."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    world.simulator.fail_calls("send", drop=True)
    sent = send(world, account).entry.id
    world.simulator.fail_calls("any", drop=True)
    world.work_off(limit=400)

    assert world.outbox.get(account.id, sent).closed_at is not None
    assert world.outbox.get(account.id, sent).state is SendState.UNKNOWN
    assert _counted(world, account) == 1


def test_two_requests_with_one_key_count_one_mail(world: World, account: Account) -> None:
    """Both had counted it when one of them found that it was not the first."""
    world.sending_limits = _limits(FIVE_PEOPLE_A_DAY)
    outbox = world.outbox
    first = partial(send, world, account, "order-17")
    world.outbox = interrupted(outbox, before="claim", by=first)

    assert send(world, account, "order-17").replayed

    assert _counted(world, account) == len(received(world)) == 1


def _die() -> None:
    raise Death


def _taken(world: World) -> list[QueuedWork]:
    found = []
    while (work := world.work.take(WorkKind.SETTLE_SEND)) is not None:
        found.append(work)
    return found


@pytest.mark.parametrize(
    ("provider", "email", "limits"),
    [
        (ProviderName.GOOGLE, "ada@gmail.com", {"messages/86400": 500, "recipients/86400": 500}),
        (ProviderName.GOOGLE, "ada@x.org", {"messages/86400": 2000, "recipients/86400": 10_000}),
        (ProviderName.MICROSOFT, "a@Outlook.com", {"messages/60": 30, "recipients/86400": 5_000}),
        (ProviderName.MICROSOFT, "ada@x.org", {"messages/60": 30, "recipients/86400": 10_000}),
    ],
)
def test_the_limits_are_those_of_the_mailbox(
    provider: ProviderName, email: str, limits: dict[str, int]
) -> None:
    """People's own mailboxes may send less than those of organisations."""
    known = SENDING_LIMITS[provider].of(email)
    assert {limit.name: limit.quota.limit for limit in known} == limits
