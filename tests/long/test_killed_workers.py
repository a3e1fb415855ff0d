"""The dirty mark, the lease and its fence: a sync is interrupted at every single call it makes."""

import pytest

from postroom.domain.account import ProviderName
from tests.processes import stories

pytestmark = [pytest.mark.long, pytest.mark.parametrize("provider", ProviderName)]


def test_a_sync_killed_at_any_call_is_made_up_for(provider: ProviderName) -> None:
    """SIGKILL before each call: the copy is equal within the life of the dead worker's lease."""
    assert stories.kill_syncs(provider) > 30


def test_a_first_sync_killed_at_any_call_goes_on(provider: ProviderName) -> None:
    """SIGKILL before each call of either lane: the queues deliver again, and all mail is read."""
    assert stories.kill_first_syncs(provider) > 30


def test_a_push_at_any_call_of_a_sync_is_seen(provider: ProviderName) -> None:
    """Mail comes with its push before each call, and its own worker finds the lease held."""
    assert stories.push_in_the_middle(provider) > 30


def test_a_worker_that_is_late_at_any_call_spoils_nothing(provider: ProviderName) -> None:
    """Before each call the lease ends, and another worker is faster."""
    assert stories.come_late(provider) > 30


def test_two_workers_at_once_do_no_harm(provider: ProviderName) -> None:
    """Two processes sync one account at the very same time, again and again."""
    stories.meet(provider, times=100)
