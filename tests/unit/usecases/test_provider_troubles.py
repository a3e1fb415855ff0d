"""Providers that want a pause, are down, or have no mailbox any more: left alone, and come back."""

from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.usecases.request_sync import SyncMode, request_sync
from tests.passing_time import pass_time, sync
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"

NO_MAILBOX: dict[ProviderName, dict[str, Any]] = {
    ProviderName.GOOGLE: {
        "status": 400,
        "body": {"error": {"code": 400, "errors": [{"reason": "failedPrecondition"}]}},
    },
    ProviderName.MICROSOFT: {
        "status": 404,
        "body": {"error": {"code": "MailboxNotEnabledForRESTAPI", "message": "inactive"}},
    },
}
"""How providers say that there is no mailbox (any more): no licence, a service that was put off."""


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one mail, synced."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


class Calls:
    """Counts what a provider was asked from now on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._before = self._sum()

    def made(self) -> int:
        """Return how many calls there were."""
        return self._sum() - self._before

    def _sum(self) -> int:
        return sum(self._world.simulator.calls_made().values())


def test_a_mailbox_that_is_gone_is_left_alone_and_may_come_back(
    world: World, account: Account
) -> None:
    """A lapsed licence was tried every minute elsewhere, or the copy of the mail was deleted."""
    # Given
    before = world.sync_states.get(account.id).units
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Meanwhile"))
    world.simulator.fail_calls("any", **NO_MAILBOX[world.provider])
    # When days go by
    sync(world, account)
    calls = Calls(world)
    pass_time(world, timedelta(days=1))
    # Then it was asked for about once an hour, and all that there was is there
    assert world.accounts.get(account.id).status is AccountStatus.MAILBOX_UNAVAILABLE
    assert world.sync_states.get(account.id).last_error != ""
    assert world.sync_states.get(account.id).last_consequence == "MailboxUnavailable"
    assert calls.made() <= 4 * 24
    assert world.subjects(account.id) == ["First"]
    assert world.sync_states.get(account.id).units == before
    # And when it is back, it goes on by itself
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(hours=2))
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_mailbox_that_is_being_moved_is_no_lost_mailbox(world: World, account: Account) -> None:
    """For the hours in which Exchange moves a mailbox, it says so; nothing is wrong with it."""
    moving = {"error": {"code": "ErrorMailboxMoveInProgress", "message": "moving"}}
    world.simulator.fail_calls("any", status=503, body=moving)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Meanwhile"))
    pass_time(world, timedelta(hours=1))
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(minutes=20))
    world.assert_equal(account)


@pytest.mark.parametrize("pause", ["300", "Sat, 21 Nov 2026 09:36:00 GMT"])
@pytest.mark.parametrize("what", ["changes", "any"])
def test_a_pause_is_kept_in_whatever_form_it_is_asked_for(
    world: World, account: Account, what: str, pause: str
) -> None:
    """Whoever calls while throttled is throttled for longer, and some were locked out for a day."""
    # Given
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    world.work.waiting.clear()
    world.simulator.fail_calls(what, status=429, headers={"Retry-After": pause}, times=1)
    sync(world, account)
    calls = Calls(world)
    # When doorbells ring and both lanes are called during the pause
    pause_ends_at = world.sync_states.get(account.id).paused_until
    assert pause_ends_at == world.clock.now() + timedelta(minutes=5)
    for _ in range(5):
        world.sync_states.ring(account.id)
        world.work.sync(account.id)
        world.work.backfill(account.id)
        pass_time(world, timedelta(seconds=50))
    # Then nobody has called the provider, and after it everything comes
    assert calls.made() == 0
    pass_time(world, timedelta(minutes=5))
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


def test_a_pause_without_a_time_is_half_a_minute(world: World, account: Account) -> None:
    """Throttled without being told for how long, all folders were asked on, and by everybody."""
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    world.simulator.fail_calls("changes", status=429, times=1)
    sync(world, account)
    paused_until = world.sync_states.get(account.id).paused_until
    assert paused_until == world.clock.now() + timedelta(seconds=30)


@GOOGLE_ALONE
def test_a_pause_that_stands_in_the_text_alone_is_kept(world: World, account: Account) -> None:
    """The only place where Gmail names the end of a lock-out is the sentence of its error."""
    text = "User-rate limit exceeded.  Retry after 2026-11-21T10:01:00.000Z"
    errors = [{"reason": "userRateLimitExceeded", "message": text}]
    body = {"error": {"code": 403, "message": text, "errors": errors}}
    world.simulator.fail_calls("changes", status=403, body=body, times=1)
    sync(world, account)
    paused_until = world.sync_states.get(account.id).paused_until
    assert paused_until is not None
    assert paused_until.isoformat() == "2026-11-21T10:01:00+00:00"


def test_a_pause_of_hours_calls_no_worker_in_vain(world: World, account: Account) -> None:
    """A queue delays by a quarter of an hour at most; what waits longer is found by the sweep."""
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    wait = {"Retry-After": str(6 * 3600)}
    world.simulator.fail_calls("any", status=429, headers=wait, times=1)
    sync(world, account)
    calls = Calls(world)
    workers = pass_time(world, timedelta(hours=5, minutes=50))
    sweeps = 35
    assert calls.made() == 0
    assert workers - sweeps <= 2
    pass_time(world, timedelta(minutes=25))
    world.assert_equal(account)


def test_throttled_for_an_hour_an_account_is_as_well_as_before(
    world: World, account: Account
) -> None:
    """Elsewhere a queue gave up after some attempts, and the import was said to have failed."""
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    world.simulator.fail_calls("any", status=429)
    pass_time(world, timedelta(hours=1))
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert world.sync_states.get(account.id).last_error != ""
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(minutes=20))
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert world.sync_states.get(account.id).last_error == ""
    world.assert_equal(account)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": True}], ids=str)
def test_a_provider_that_is_down_is_asked_ever_less_and_loses_nothing(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """A storm of repeated calls keeps down whoever is about to come back."""
    # Given
    world.simulator.fail_calls("any", **fault)
    gone, *_ = world.simulator.messages(ADDRESS)
    made: list[int] = []
    # When it is down for two hours, in which mail comes and goes and doorbells ring
    for number in range(12):
        calls = Calls(world)
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"{number}"))
        request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
        pass_time(world, timedelta(minutes=10), sweep=timedelta(minutes=1))
        made.append(calls.made())
    world.simulator.change(ADDRESS, {"op": "delete", "id": gone})
    # Then it was asked ever less, for some folders each time, whoever rang; and not given up
    # (the second hour as a whole: when its watch is tried depends on the account's id)
    second_hour = sum(made[6:])
    assert all(made)
    assert second_hour <= 6 * made[0] / 2
    assert second_hour <= 6 * 45
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    # And afterwards all of it comes
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(minutes=20))
    world.assert_equal(account)
