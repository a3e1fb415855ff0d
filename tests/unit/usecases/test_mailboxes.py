"""Tokens that renew themselves, once, whoever asks first."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.credentials import Tokens
from postroom.domain.errors import Misconfigured, ReauthRequired, Retryable
from postroom.domain.ids import AccountId
from tests.fakes import FixedClock, InMemoryTokenVault
from tests.world import World

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox whose access token has just run out."""
    world.simulator.add_mailbox(ADDRESS)
    connected = world.connect(ADDRESS)
    world.clock.advance(timedelta(hours=2))
    return connected


class PatientClock(FixedClock):
    """Lets other threads go on while one waits; its own time stands still."""

    def sleep(self, seconds: float) -> None:
        """Give way for a moment."""
        time.sleep(seconds / 100)


class CountingVault(InMemoryTokenVault):
    """Counts how often tokens are written."""

    writes = 0

    def write(self, account_id: AccountId, tokens: Tokens) -> None:
        """Keep tokens."""
        self.writes += 1
        super().write(account_id, tokens)


def test_many_at_once_renew_once(world: World, account: Account) -> None:
    """Eight functions that find the same token expired ask the provider for one new token."""
    # Given functions that wait for each other in real time
    world.clock = PatientClock(world.clock.now())
    counting = CountingVault()
    counting.write(account.id, world.vault.read(account.id))
    world.vault = counting

    def look(_: int) -> int:
        with world.mailboxes.open(account) as mailbox:
            return len(mailbox.folders())

    old = world.vault.read(account.id)
    # When all of them open the mailbox at once
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(look, range(8)))
    # Then it was renewed once, and what is kept goes on to work
    assert counting.writes == 2  # the first was ours
    assert world.vault.read(account.id).access_token != old.access_token
    assert world.providers.get(world.provider).refresh(world.vault.read(account.id))


def test_the_newest_refresh_token_is_the_one_that_is_kept(world: World, account: Account) -> None:
    """Some providers give another with every renewal; the old one may be dead at once."""
    world.simulator.control("POST", "settings", json={"refresh_tokens": "revoke_old"})
    for _ in range(3):
        with world.mailboxes.open(account) as mailbox:
            assert mailbox.folders()
        world.clock.advance(timedelta(hours=2))
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE


def test_threads_of_one_function_share_a_renewal(world: World, account: Account) -> None:
    """Four folders that are read at once find the same token refused, and renew it once."""
    # Given a mailbox that is open, whose token ends early
    counting = CountingVault()
    counting.write(account.id, world.vault.read(account.id))
    world.vault = counting
    with world.mailboxes.open(account) as mailbox:
        assert mailbox.folders()
        world.simulator.control("POST", "expire", json={"what": "access_tokens"})
        # When
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda _: len(mailbox.folders()), range(4)))
    # Then
    assert counting.writes == 3  # ours, the one that was due, and one for all four


def test_a_lock_that_is_never_given_back_delays_but_does_not_block(
    world: World, account: Account
) -> None:
    """A function that dies while renewing holds the lock for half a minute at most."""
    world.locks.acquire(
        f"token#{account.id}",
        holder="dead",
        now=world.clock.now(),
        lifetime=timedelta(seconds=30),
    )
    with pytest.raises(Retryable), world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    world.clock.advance(timedelta(seconds=30))
    with world.mailboxes.open(account) as mailbox:
        assert mailbox.folders()


def test_a_wrong_client_secret_touches_no_account(world: World, account: Account) -> None:
    """Our own misconfiguration is the operator's matter: the account stays active."""
    world.client_secrets.write(account.identity.provider, "bad-secret")
    with pytest.raises(Misconfigured), world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE


def test_a_token_endpoint_that_is_down_touches_no_account(world: World, account: Account) -> None:
    """An outage at the provider is no dead consent (a known fault of other products)."""
    world.simulator.fail_calls("token", status=503, times=5)
    with pytest.raises(Retryable), world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE


def test_a_dead_consent_is_noted_once(world: World, account: Account) -> None:
    """After the provider refused the refresh token, nobody asks it again."""
    world.simulator.control("POST", "expire", json={"what": "refresh_tokens"})
    with pytest.raises(ReauthRequired), world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    parked = world.accounts.get(account.id)
    assert parked.status is AccountStatus.REAUTH_REQUIRED
    with pytest.raises(ReauthRequired), world.mailboxes.open(parked):
        pytest.fail("the mailbox must not be opened")
