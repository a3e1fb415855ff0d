"""Removing an account: unseen at once, then gone without a trace."""

from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import NotFound, ReauthRequired
from postroom.domain.principal import Administrator
from postroom.domain.sync import STEP_LIMIT
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.interruptions import accompanied, interrupted
from tests.passing_time import pass_time
from tests.world import GOOGLE_ALONE, World

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected and synced mailbox."""
    world.simulator.add_mailbox(ADDRESS, messages=120, seed=2)
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def _disconnect(world: World, account: Account) -> None:
    disconnect_account(account=account, tools=world.tools)


def test_an_account_answers_like_none_from_the_first_moment(world: World, account: Account) -> None:
    """Before anything is erased, nobody can reach the account any more."""
    _disconnect(world, account)
    with pytest.raises(NotFound):
        resolve_account(principal=Administrator(), reference=account.id, accounts=world.accounts)


def test_everything_of_an_account_is_erased(world: World, account: Account) -> None:
    """Rows, contents and tokens are gone; the same person may come again."""
    stored = [message.id for message in world.stored(account.id).values()]
    _disconnect(world, account)
    world.work_off()
    assert world.stored(account.id) == {}
    assert world.contents.get_many(account.id, stored[:100]) == {}
    with pytest.raises(ReauthRequired):
        world.vault.read(account.id)
    with pytest.raises(NotFound):
        world.accounts.get(account.id)
    with pytest.raises(NotFound):
        world.sync_states.get(account.id)
    assert world.connect(ADDRESS).id != account.id


@GOOGLE_ALONE
def test_the_consent_of_an_erased_account_is_withdrawn(world: World, account: Account) -> None:
    """Where the provider lets us: whoever had stolen the tokens has nothing."""
    tokens = world.vault.read(account.id)
    _disconnect(world, account)
    world.work_off()
    with pytest.raises(ReauthRequired):
        world.providers.get(account.identity.provider).refresh(tokens)


def test_a_lost_erasure_is_found_by_the_sweep(world: World, account: Account) -> None:
    """When the message that drives the erasure is lost, the account is still due."""
    _disconnect(world, account)
    assert world.work.take(WorkKind.BACKFILL) is not None
    world.clock.advance(timedelta(minutes=10))
    wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
    world.work_off()
    with pytest.raises(NotFound):
        world.accounts.get(account.id)


def test_a_watch_that_is_started_while_its_account_is_removed_is_stopped(world: World) -> None:
    """A worker noted it after the tokens to stop it with were gone: it went on for a week."""
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS, messages=3, seed=1)
    account = world.connect(ADDRESS)

    def remove() -> None:
        _disconnect(world, account)
        world.do_next(WorkKind.BACKFILL)

    world.sync_states = interrupted(world.sync_states, before="save_watch", by=remove)
    world.sync(account)
    assert world.sync_states.get(account.id).watch is not None

    pass_time(world, timedelta(minutes=10))

    with pytest.raises(NotFound):
        world.accounts.get(account.id)
    world.simulator.deliver(ADDRESS)
    assert world.simulator.pushes() == []


def test_an_erasure_that_is_called_too_early_waits_for_the_sweep(
    world: World, account: Account
) -> None:
    """Pushes called for it while functions were left from before: no one erases, or calls more."""
    _disconnect(world, account)
    for _ in range(3):
        world.ring(account)
    for _ in range(7):
        work = world.work.take()
        assert work is not None
        world.do(work)
    assert world.work.waiting == []
    assert world.vault.read(account.id)
    assert len(world.stored(account.id)) == 120

    pass_time(world, timedelta(minutes=5), sweep=timedelta(minutes=1))

    with pytest.raises(NotFound):
        world.accounts.get(account.id)


def test_an_erasure_that_goes_on_is_not_called_by_the_sweep_as_well(
    world: World, account: Account
) -> None:
    """Each sweep began another chain of steps beside the one that was at it."""
    world.messages = accompanied(
        world.messages, "erase", by=lambda: world.clock.advance(2 * STEP_LIMIT)
    )
    _disconnect(world, account)
    call = world.work.take(WorkKind.BACKFILL)
    assert call is not None
    world.clock.advance(call.delay)
    world.do(call)
    assert len(world.stored(account.id)) == 20

    wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)

    assert [work.kind for work in world.work.waiting] == [WorkKind.BACKFILL]
    world.work_off()
    with pytest.raises(NotFound):
        world.accounts.get(account.id)
