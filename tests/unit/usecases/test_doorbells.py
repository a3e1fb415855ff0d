"""Providers that ring, twice, too late or no more: no mail depends on it, none waits long."""

from datetime import timedelta

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.usecases.keep_watch import RENEWED_BEFORE_END
from tests.interruptions import Death, WritesUntilDeath
from tests.passing_time import pass_time
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"

WATCH_CALLS = {ProviderName.GOOGLE: "/watch$", ProviderName.MICROSOFT: "/subscriptions"}

A_WEEK = timedelta(days=7)


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one mail, synced and watched; its pushes are heard."""
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.receive_pushes()
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    assert world.sync_states.get(connected.id).watch is not None
    return connected


def _deliver(world: World, *subjects: str) -> None:
    for subject in subjects:
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=subject))


def _calls(world: World) -> int:
    return sum(world.simulator.calls_made().values())


def _looks(world: World) -> int:
    """Return how often changes were asked for."""
    made = world.simulator.calls_made()
    return made.get("history.list", 0) + made.get("messages.delta", 0)


def _set_pushes(world: World, how: str) -> None:
    world.simulator.control("POST", "settings", json={"push": how})


def _lose_watches(world: World) -> None:
    world.simulator.control("POST", "expire", json={"what": "watches"})


def test_mail_comes_with_its_push(world: World, account: Account) -> None:
    """Nobody polls for it: between the ring and the mail there is one call of a worker."""
    _deliver(world, "Rung for")
    assert world.receive_pushes() > 0
    world.work_off()
    assert "Rung for" in world.subjects(account.id)
    world.assert_equal(account)


def test_a_flood_of_pushes_costs_one_sync(world: World, account: Account) -> None:
    """Thirty pushes for one mail cost thirty syncs, and the quota of the mailbox, elsewhere."""
    # Given what one push costs
    before = _looks(world)
    _deliver(world, "One")
    world.receive_pushes()
    world.work_off()
    cost_of_one = _looks(world) - before
    # When thirty mails ring, twice each
    _set_pushes(world, "duplicate")
    before = _looks(world)
    for number in range(30):
        _deliver(world, f"Mail {number}")
        world.receive_pushes()
    rung = len(world.work.waiting)
    world.work_off()
    # Then all of them come with one sync, and nothing twice
    assert rung >= 30
    assert 0 < _looks(world) - before <= cost_of_one
    assert len(world.subjects(account.id)) == 32
    world.assert_equal(account)


def test_a_queue_that_delivers_again_is_answered_by_nobody(world: World, account: Account) -> None:
    """A call that came twice had a mail processed twice elsewhere."""
    _deliver(world, "Once")
    world.receive_pushes()
    calls = list(world.work.waiting)
    world.work_off()
    before = _calls(world)
    for call in calls * 3:
        world.do(call)
    assert _calls(world) == before
    assert world.subjects(account.id) == ["Once", "First"]


def test_pushes_in_the_wrong_order_move_nothing_back(world: World, account: Account) -> None:
    """An older push after a newer one took the cursor back, or was taken for the present."""
    _set_pushes(world, "reorder")
    _deliver(world, "One", "Two", "Three")
    first, *_ = world.simulator.messages(ADDRESS)
    world.simulator.change(ADDRESS, {"op": "star", "id": first}, {"op": "read", "id": first})
    while world.receive_pushes():
        world.work_off()
    assert world.sync_states.get(account.id).last_error == ""
    world.assert_equal(account)


def test_a_push_that_is_lost_delays_mail_by_half_an_hour(world: World, account: Account) -> None:
    """Pushes are dropped by providers, and by us: a watched mailbox is looked at all the same."""
    _set_pushes(world, "off")
    _deliver(world, "Silent")
    pass_time(world, timedelta(minutes=31), sweep=timedelta(minutes=1))
    assert "Silent" in world.subjects(account.id)


def test_a_watch_is_renewed_long_before_its_end(world: World, account: Account) -> None:
    """Elsewhere it lapsed after a week, and mail stayed away until somebody asked."""
    left = []
    for _ in range(10):
        pass_time(world, timedelta(days=1), sweep=timedelta(hours=6))
        watch = world.sync_states.get(account.id).watch
        assert watch is not None
        left.append(watch.expires_at - world.clock.now())
    assert min(left) > RENEWED_BEFORE_END - timedelta(hours=7)
    # And it rings
    _deliver(world, "Rung for")
    assert world.receive_pushes() > 0
    world.work_off()
    assert "Rung for" in world.subjects(account.id)


@GOOGLE_ALONE
def test_a_watch_is_renewed_about_every_four_days(world: World, account: Account) -> None:
    """Not with every sync; Outlook asks for it sooner, since its watches end with a token."""
    before = world.simulator.calls_made()["watch"]
    pass_time(world, timedelta(days=16), sweep=timedelta(hours=6))
    assert 4 <= world.simulator.calls_made()["watch"] - before <= 5


def test_a_watch_that_cannot_be_renewed_is_told_and_made_up_for(
    world: World, account: Account
) -> None:
    """Nobody noticed a watch that had ended; its account stood at 'synced' without new mail."""
    # Given a provider that renews nothing, for longer than the watch lives
    world.simulator.fail({"path": WATCH_CALLS[world.provider], "status": 500})
    pass_time(world, timedelta(days=8), sweep=timedelta(hours=6))
    state = world.sync_states.get(account.id)
    assert state.watch_problem != ""
    assert not state.is_watched(world.clock.now())
    # When mail comes, it is polled for as if there had never been a watch
    _set_pushes(world, "off")
    pass_time(world, timedelta(minutes=10), sweep=timedelta(minutes=1))
    _deliver(world, "Polled")
    pass_time(world, timedelta(minutes=7), sweep=timedelta(minutes=1))
    assert "Polled" in world.subjects(account.id)
    # And within the hour in which it works again, it is watched
    world.simulator.control("DELETE", "faults")
    _set_pushes(world, "on")
    pass_time(world, timedelta(minutes=70), sweep=timedelta(minutes=1))
    state = world.sync_states.get(account.id)
    assert state.watch_problem == ""
    assert state.is_watched(world.clock.now())
    _deliver(world, "Rung for")
    assert world.receive_pushes() > 0


def test_a_watch_that_is_gone_when_it_is_renewed_is_started_anew(
    world: World, account: Account
) -> None:
    """A 404 for a renewal ended the pushes of a mailbox for ever."""
    # Given a watch that the provider has lost without a word, and mail since then
    _set_pushes(world, "off")
    _lose_watches(world)
    doomed, *_ = world.simulator.messages(ADDRESS)
    _deliver(world, "In the gap")
    world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
    # When its renewal is due
    pass_time(world, A_WEEK - RENEWED_BEFORE_END, sweep=timedelta(hours=6))
    _set_pushes(world, "on")
    # Then nothing is missing, and the next mail rings
    world.assert_equal(account)
    _deliver(world, "Rung for")
    assert world.receive_pushes() > 0


@MICROSOFT_ALONE
def test_a_removed_watch_is_started_anew_and_every_folder_is_followed(
    world: World, account: Account
) -> None:
    """Outlook removed a subscription: others made another one, and lost what was between."""
    # Given mail, moves and deletions that nobody rang for, in several folders
    moved, *_ = world.simulator.messages(ADDRESS)
    _set_pushes(world, "off")
    _deliver(world, "In the gap")
    world.simulator.change(ADDRESS, {"op": "move", "id": moved, "folder": "archive"})
    _set_pushes(world, "on")
    # When the subscription is removed
    _lose_watches(world)
    assert world.receive_pushes() > 0
    world.work_off()
    # Then everything is followed at once, and there is one that rings
    world.assert_equal(account)
    _deliver(world, "Rung for")
    assert world.receive_pushes() == 1
    world.work_off()
    assert "Rung for" in world.subjects(account.id)


@MICROSOFT_ALONE
def test_missed_pushes_have_every_folder_followed(world: World, account: Account) -> None:
    """Others listed the newest hundred messages then: moves and deletions stayed unseen."""
    # Given a deployment that is out of order while things happen
    world.simulator.doorbell.refuses = True
    read, *_ = world.simulator.messages(ADDRESS)
    world.simulator.change(
        ADDRESS, {"op": "read", "id": read}, {"op": "move", "id": read, "folder": "archive"}
    )
    world.simulator.pushes()
    # When it is back, and is told with the next change that it has missed some
    world.simulator.doorbell.refuses = False
    _deliver(world, "Later")
    arrived = world.receive_pushes()
    world.work_off()
    # Then
    assert arrived >= 2
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_watch_whose_authorization_ends_is_renewed(world: World, account: Account) -> None:
    """Outlook asks for it when a token ends; a subscription that is not reauthorized is silent."""
    # Given hours, in each of which a token comes close to its end
    before = world.simulator.calls_made().get("subscriptions.update", 0)
    for number in range(16):
        pass_time(world, timedelta(minutes=15), sweep=timedelta(minutes=5))
        _deliver(world, f"Mail {number}")
        world.receive_pushes()
        world.work_off()
    # Then it was renewed about once in each, not for every push, and it rings
    renewals = world.simulator.calls_made()["subscriptions.update"] - before
    assert 3 <= renewals <= 8
    _deliver(world, "Rung for")
    assert world.receive_pushes() >= 1
    world.work_off()
    world.assert_equal(account)


def test_a_worker_that_dies_before_its_watch_is_noted_leaves_no_second_one(
    world: World,
) -> None:
    """Each of them rang: after some crashes every mail was pushed five times."""
    # Given a worker that dies between the provider's answer and our note of it
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS)
    account = world.connect(ADDRESS)
    states = world.sync_states
    world.sync_states = WritesUntilDeath(1).of(states, "save_watch")
    with pytest.raises(Death):
        world.work_off()
    world.sync_states = states
    # When the next one comes
    pass_time(world, timedelta(minutes=30))
    # Then one push comes for one mail, and it is one of ours
    world.receive_pushes()
    _deliver(world, "Once")
    assert world.receive_pushes() == 1
    world.work_off()
    assert world.subjects(account.id) == ["Once"]
