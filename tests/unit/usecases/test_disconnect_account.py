"""Removing an account: unseen at once, then gone without a trace."""

from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import NotFound, ReauthRequired
from postroom.domain.principal import Administrator
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.world import World

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
    """Rows, contents, tokens and the consent are gone; the same person may come again."""
    stored = [message.id for message in world.stored(account.id).values()]
    tokens = world.vault.read(account.id)
    _disconnect(world, account)
    world.work_off()
    assert world.stored(account.id) == {}
    assert world.contents.get_many(account.id, stored[:100]) == {}
    with pytest.raises(ReauthRequired):
        world.vault.read(account.id)
    with pytest.raises(ReauthRequired):
        world.providers.get(account.identity.provider).refresh(tokens)
    with pytest.raises(NotFound):
        world.accounts.get(account.id)
    assert world.connect(ADDRESS).id != account.id


def test_a_lost_erasure_is_found_by_the_sweep(world: World, account: Account) -> None:
    """When the message that drives the erasure is lost, the account is still due."""
    _disconnect(world, account)
    assert world.work.take(WorkKind.BACKFILL) is not None
    world.clock.advance(timedelta(minutes=10))
    wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
    world.work_off()
    with pytest.raises(NotFound):
        world.accounts.get(account.id)
