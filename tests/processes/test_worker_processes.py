"""A sync that is interrupted at some of its calls; `tests/long` has all of them."""

import pytest

from postroom.domain.account import ProviderName
from tests.processes import stories

_BOTH = pytest.mark.parametrize("provider", ProviderName)


@_BOTH
def test_a_killed_sync_is_made_up_for_within_the_life_of_its_lease(provider: ProviderName) -> None:
    """SIGKILL before any call loses nothing: the sweep calls the next worker."""
    assert stories.kill_syncs(provider, every=11) > 30


@_BOTH
def test_a_killed_first_sync_goes_on_where_it_was(provider: ProviderName) -> None:
    """SIGKILL before any call of either lane loses nothing: the queues deliver again."""
    assert stories.kill_first_syncs(provider, every=11) > 30


@_BOTH
def test_a_push_in_the_middle_of_a_sync_is_seen(provider: ProviderName) -> None:
    """The lease's holder sees the dirty mark, whenever it is raised."""
    assert stories.push_in_the_middle(provider, every=11) > 30


@_BOTH
def test_a_late_worker_spoils_nothing(provider: ProviderName) -> None:
    """Whoever was away for longer than its lease changes nothing that another has stored."""
    assert stories.come_late(provider, every=11) > 30


@_BOTH
def test_two_workers_at_the_same_time_do_no_harm(provider: ProviderName) -> None:
    """Two processes sync one account at once while its mail changes."""
    stories.meet(provider, times=5)
