"""Watches and hints: how they begin and end, and what may happen in between.

What becomes of the pushes is told in `test_doorbells.py`.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.ids import ProviderMessageId
from postroom.domain.sync import Lane, SyncState, Watch
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.interruptions import accompanied, interrupted
from tests.passing_time import pass_time
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"
DAY = timedelta(days=1)

STARTS = {"google": "watch", "microsoft": "subscriptions.create"}
WATCH_PATHS = {"google": "/watch$", "microsoft": "/subscriptions"}


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with some messages, synced and watched."""
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS, messages=10, seed=4)
    connected = world.connect(ADDRESS)
    world.work_off()
    world.receive_pushes()
    return connected


def state_of(world: World, account: Account) -> SyncState:
    """What is known of an account's sync."""
    return world.sync_states.get(account.id)


def watch_of(world: World, account: Account) -> Watch:
    """Return the watch that there is."""
    watch = state_of(world, account).watch
    assert watch is not None
    return watch


def starts(world: World) -> int:
    """How often a watch was started."""
    return world.simulator.calls_made().get(STARTS[world.provider], 0)


def refuse_watches(world: World, **fault: Any) -> None:
    """Make starting and renewing a watch fail."""
    world.simulator.fail({"path": WATCH_PATHS[world.provider], **fault})


def due_at(world: World, account: Account) -> datetime:
    """Find out when an account is due, to the minute."""
    for minutes in range(15 * 24 * 60):
        at = world.clock.now() + timedelta(minutes=minutes)
        if account.id in world.sync_states.due(now=at, limit=10):
            return at
    raise AssertionError("the account is never due")


class TestRinging:
    """Mail comes without anybody asking for it."""

    def test_watch_stands_before_any_cursor(self, world: World) -> None:
        """What happens in between would be told by no push; so nothing may lie in between."""
        world.turn_pushes_on()
        world.simulator.add_mailbox(ADDRESS, messages=3)
        account = world.connect(ADDRESS)
        had_cursors = []
        world.sync_states = interrupted(
            world.sync_states,
            before="save_watch",
            by=lambda: had_cursors.append(bool(state_of(world, account).units)),
        )

        world.work_off()

        assert had_cursors == [False]
        assert watch_of(world, account).expires_at > world.clock.now()

    def test_push_in_the_middle_of_a_sync_is_heard(self, world: World, account: Account) -> None:
        """It comes after the changes were read, and before the worker gives its lease back."""

        def more_mail() -> None:
            world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="In the middle"))
            world.receive_pushes()

        world.sync_states = interrupted(world.sync_states, before="release", by=more_mail)
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="At first"))
        world.receive_pushes()

        world.do_next(WorkKind.SYNC)

        assert {"At first", "In the middle"} <= set(world.subjects(account.id))


class TestPolling:
    """Pushes may be dropped: nobody relies on them alone."""

    @pytest.mark.usefixtures("account")
    def test_sweep_is_not_taken_for_an_old_ring(self, world: World) -> None:
        """Every ring was served; the poll that is due has to be done all the same."""
        world.simulator.control("POST", "settings", json={"push": "off"})
        before = world.simulator.calls_made()
        world.clock.advance(timedelta(minutes=31))

        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()

        assert world.simulator.calls_made() != before

    @GOOGLE_ALONE
    def test_without_a_topic_a_mailbox_is_polled(self, world: World) -> None:
        """That is how a new deployment begins, and it is not an error."""
        world.simulator.add_mailbox(ADDRESS, messages=3)
        account = world.connect(ADDRESS)
        world.work_off()

        assert state_of(world, account).watch is None
        assert state_of(world, account).watch_problem == ""
        assert due_at(world, account) - world.clock.now() <= timedelta(minutes=5)
        # When the administrator adds one, it is used within the hour
        world.turn_pushes_on()
        pass_time(world, timedelta(hours=1, minutes=20))
        assert watch_of(world, account).expires_at > world.clock.now()


class TestRenewal:
    """A watch ends within a week, and must not."""

    def test_accounts_are_not_renewed_all_at_once(self, world: World) -> None:
        """Those that were connected together spread over half a day."""
        world.turn_pushes_on()
        times = set()
        for number in range(6):
            address = f"owner-{number}@mail.example"
            world.simulator.add_mailbox(address)
            account = world.connect(address)
            world.work_off()
            times.add(state_of(world, account).watch_due_at)
        assert len(times) >= 5

    def test_expired_watch_is_started_anew(self, world: World, account: Account) -> None:
        """A deployment that was down for weeks finds what it missed, and is rung for again."""
        world.simulator.control("POST", "settings", json={"push": "off"})
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="While we were away"))
        world.clock.advance(timedelta(days=20))
        before = starts(world)

        pass_time(world, timedelta(minutes=15))

        assert starts(world) == before + 1
        assert "While we were away" in world.subjects(account.id)

    @pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
    def test_watch_that_cannot_be_started_stops_nothing(self, world: World, status: int) -> None:
        """A wrong topic, an address that nobody reaches: the first sync goes on without."""
        world.turn_pushes_on()
        refuse_watches(world, status=status, body={"error": {"code": status, "message": "no"}})
        world.simulator.add_mailbox(ADDRESS, messages=12, seed=1)
        account = world.connect(ADDRESS)

        world.work_off()

        world.assert_equal(account)
        assert state_of(world, account).watch is None
        assert state_of(world, account).watch_problem
        assert world.accounts.get(account.id).status is AccountStatus.ACTIVE

    def test_throttled_start_pauses_the_account(self, world: World) -> None:
        """A provider that wants to be left alone is, whatever it was asked for."""
        world.turn_pushes_on()
        refuse_watches(world, status=429, headers={"Retry-After": "120"}, times=3)
        world.simulator.add_mailbox(ADDRESS, messages=3)
        account = world.connect(ADDRESS)

        world.do_next(WorkKind.SYNC)

        assert state_of(world, account).paused_until == world.clock.now() + timedelta(seconds=120)
        assert not state_of(world, account).units
        world.work_off()
        world.assert_equal(account)


@MICROSOFT_ALONE
class TestLifecycle:
    """What Graph says of a subscription itself, and what is done about it."""

    def test_end_that_is_told_during_a_renewal_is_not_forgotten(
        self, world: World, account: Account
    ) -> None:
        """The subscription is removed after it was renewed, and before that was noted."""

        def remove() -> None:
            world.simulator.control("POST", "expire", json={"what": "watches"})
            world.receive_pushes()

        world.clock.advance(timedelta(days=4))
        world.sync_states = interrupted(world.sync_states, before="save_watch", by=remove)
        world.ring(account)
        before = starts(world)

        world.work_off()

        assert starts(world) == before + 1
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Rung for"))
        assert world.receive_pushes() == 1


@MICROSOFT_ALONE
class TestHints:
    """A push names its message, which then comes before all else."""

    def test_hinted_mail_is_there_before_any_folder_was_asked(
        self, world: World, account: Account
    ) -> None:
        """Though every folder fails at the moment."""
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Hinted at"))
        world.receive_pushes()
        world.simulator.fail_calls("changes", status=503)

        world.do_next(WorkKind.SYNC)

        assert "Hinted at" in world.subjects(account.id)
        assert state_of(world, account).served < state_of(world, account).dirty
        world.simulator.control("DELETE", "faults")
        pass_time(world, timedelta(minutes=30))
        world.assert_equal(account)

    def test_hint_brings_no_deleted_mail_back(self, world: World, account: Account) -> None:
        """The push is late: its message was deleted, and we knew."""
        delivered = world.simulator.deliver(ADDRESS)
        world.receive_pushes()
        call = world.work.take(WorkKind.SYNC)
        assert call is not None
        assert call.hints == (delivered,)
        world.do(call)
        world.simulator.change(ADDRESS, {"op": "delete", "id": delivered})
        world.receive_pushes()
        world.work_off()
        assert delivered not in world.stored(account.id)

        world.sync_states.ring(account.id)
        world.do(call)

        assert delivered not in world.stored(account.id)

    def test_hinted_mail_that_is_deleted_at_once_does_not_stay(
        self, world: World, account: Account
    ) -> None:
        """It was fetched, and gone before its folder was asked."""
        delivered = world.simulator.deliver(ADDRESS)
        world.receive_pushes()
        world.simulator.control("POST", "settings", json={"push": "off"})

        def delete() -> None:
            world.simulator.change(ADDRESS, {"op": "delete", "id": delivered})

        world.sync_states = interrupted(world.sync_states, before="move_cursor", by=delete)
        world.work_off()
        pass_time(world, timedelta(minutes=40))

        assert delivered not in world.stored(account.id)
        world.assert_equal(account)

    def test_hints_that_mean_nothing_do_no_harm(self, world: World, account: Account) -> None:
        """Whoever learned a secret could name anything; nothing is removed on their word."""
        known, *_ = world.stored(account.id)
        before = world.stored(account.id)
        world.simulator.fail({"path": f"/messages/{known}", "status": 404})
        world.sync_states.ring(account.id)
        world.work.sync(
            account.id, hints=[ProviderMessageId("no such message"), ProviderMessageId(known)]
        )
        world.simulator.fail_calls("changes", status=503)

        world.do_next(WorkKind.SYNC)

        assert world.stored(account.id) == before


class TestEnds:
    """Consents and accounts that go, and come back."""

    def test_reconnecting_has_the_watch_kept_again(self, world: World, account: Account) -> None:
        """It may have ended with the consent, and nobody would ring."""
        world.simulator.control("POST", "expire", json={"what": "consents"})
        world.simulator.control("POST", "expire", json={"what": "watches"})
        world.clock.advance(timedelta(minutes=1))
        world.sync(account)
        assert world.accounts.get(account.id).status is AccountStatus.REAUTH_REQUIRED
        world.receive_pushes()

        world.connect(ADDRESS)
        world.work_off()

        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Rung for"))
        assert world.receive_pushes() == 1
        world.work_off()
        assert "Rung for" in world.subjects(account.id)

    def test_removed_account_is_not_watched_any_more(self, world: World, account: Account) -> None:
        """The watch goes first, while there is a consent to end it with."""
        disconnect_account(account=account, tools=world.tools)
        world.work_off()

        world.simulator.deliver(ADDRESS)

        assert world.receive_pushes() == 0
        world.work_off()
        assert (
            world.sync_states.acquire(account.id, Lane.PRESENT, now=world.clock.now(), lifetime=DAY)
            is None
        )

    @pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"drop": True}], ids=str)
    def test_watch_that_cannot_be_stopped_does_not_save_the_mail(
        self, world: World, account: Account, fault: dict[str, Any]
    ) -> None:
        """Who wants to be forgotten is, though the provider does not answer."""
        world.simulator.fail({"path": "/stop$|/subscriptions", **fault})
        disconnect_account(account=account, tools=world.tools)

        pass_time(world, timedelta(hours=2))

        assert world.stored(account.id) == {}
        assert account.id not in world.accounts.by_email(ADDRESS)

    def test_consent_that_is_gone_does_not_undo_a_removal(
        self, world: World, account: Account
    ) -> None:
        """The watch could not be stopped; the account waits for nobody's consent."""
        world.simulator.control("POST", "expire", json={"what": "consents"})
        statuses: list[AccountStatus] = []
        world.vault = accompanied(
            world.vault,
            "delete",
            by=lambda: statuses.append(world.accounts.get(account.id).status),
        )
        disconnect_account(account=account, tools=world.tools)

        pass_time(world, timedelta(hours=1))

        assert statuses == [AccountStatus.DELETING]
        assert account.id not in world.accounts.by_email(ADDRESS)
