"""Single messages that cannot be had: they stop nothing else, and none is passed over."""

import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from postroom.domain.account import Account, ProviderName
from postroom.providers.registry import ConfiguredProviders
from tests.interruptions import Death, WritesUntilDeath
from tests.passing_time import pass_time, sync
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"

REFUSED: dict[ProviderName, Any] = {
    ProviderName.GOOGLE: {"error": {"code": 400, "errors": [{"reason": "invalidArgument"}]}},
    ProviderName.MICROSOFT: {"error": {"code": "ErrorInvalidRequest", "message": "no"}},
}
"""How providers say of one message that they will not give it."""

PICTURE = "See the picture at cid:1"
"""The provider that brings mail with its list is asked for the files of such a mail, by its id."""


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one mail, synced."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def _deliver(world: World, *subjects: str) -> list[str]:
    return [
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=subject, text=PICTURE))
        for subject in subjects
    ]


def _fail_message(world: World, provider_id: str, **fault: Any) -> None:
    path = f"/messages/{re.escape(provider_id)}(/attachments)?$"
    world.simulator.fail({"path": path, **fault})


def test_a_mail_that_fails_for_hours_is_not_passed_over(world: World, account: Account) -> None:
    """Elsewhere the cursor moved behind it with the next mail, and nobody asked for it again."""
    # Given one of three mails that the provider does not give
    _, failing, _ = _deliver(world, "Before", "Failing", "After")
    _fail_message(world, failing, status=500)
    # When it is synced for hours, by workers that come and go
    pass_time(world, timedelta(hours=3))
    # Then the others are there, and that one is known to be missing
    assert {"Before", "After"} <= set(world.subjects(account.id))
    assert failing not in world.stored(account.id)
    assert world.pending.is_any_left(account.id)
    # And it comes when the provider gives it
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(days=1), sweep=timedelta(hours=1))
    assert not world.pending.is_any_left(account.id)
    world.assert_equal(account)


def test_a_worker_that_dies_before_noting_a_failure_has_not_passed_it_over(
    world: World, account: Account
) -> None:
    """What failed is a row before the cursor moves; a death in between repeats the page."""
    # Given
    (failing,) = _deliver(world, "Failing")
    _fail_message(world, failing, status=500, times=3)
    pending = world.pending
    world.pending = WritesUntilDeath(1).of(pending, "put")
    # When
    with pytest.raises(Death):
        sync(world, account)
    world.pending = pending
    pass_time(world, timedelta(hours=1))
    # Then
    world.assert_equal(account)


def test_a_mail_that_cannot_be_read_stops_only_itself(world: World, account: Account) -> None:
    """Elsewhere a single mail was tried without end, and no other came for as long."""
    # Given a mail that the provider refuses for good
    _, refused, _ = _deliver(world, "Before", "Unreadable", "After")
    _fail_message(world, refused, status=400, body=REFUSED[world.provider])
    # When
    sync(world, account)
    # Then the others are there at once
    assert {"Before", "After"} <= set(world.subjects(account.id))
    # And after some attempts it is there as far as it is known, and nobody asks for it any more
    pass_time(world, timedelta(hours=2))
    assert "unreadable" in world.stored(account.id)[refused].defects
    assert not world.pending.is_any_left(account.id)


@pytest.mark.parametrize("status", [429, 503])
def test_a_mail_is_not_unreadable_because_the_provider_is_busy(
    world: World, account: Account, status: int
) -> None:
    """Throttled three times, mail was kept without its text elsewhere, for ever."""
    _, busy, _ = _deliver(world, "Before", "Busy", "After")
    _fail_message(world, busy, status=status, times=6)
    pass_time(world, timedelta(hours=4))
    assert "unreadable" not in world.stored(account.id)[busy].defects
    content = world.contents.get_many(account.id, [world.message(account.id, busy).id])
    assert all(PICTURE in each.text + each.html for each in content.values())
    world.assert_equal(account)


def test_a_throttled_mail_does_not_throw_away_its_neighbours(
    world: World, account: Account
) -> None:
    """A batch that was refused in part was taken for done, or thrown away with all that came."""
    # Given a page, of which the provider gives all but one, and then wants a pause
    *_, busy = _deliver(world, *(f"Mail {number}" for number in range(6)))
    _fail_message(world, busy, status=429, headers={"Retry-After": "120"}, times=2)
    # When
    sync(world, account)
    # Then what came is there already, the pause is kept, and the rest comes after it
    assert len(world.stored(account.id)) == 6
    paused_until = world.sync_states.get(account.id).paused_until
    assert paused_until is not None
    assert paused_until >= world.clock.now() + timedelta(seconds=119)
    pass_time(world, timedelta(minutes=10), sweep=timedelta(minutes=1))
    world.assert_equal(account)


def test_a_mail_that_is_deleted_before_it_could_be_read_is_no_error(
    world: World, account: Account
) -> None:
    """A 404 for one message ended the whole import elsewhere."""
    # Given a mail that failed at first, and is deleted before it is tried again
    _, doomed, _ = _deliver(world, "Before", "Doomed", "After")
    _fail_message(world, doomed, status=500)
    sync(world, account)
    assert world.pending.is_any_left(account.id)
    world.simulator.control("DELETE", "faults")
    world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
    # When
    pass_time(world, timedelta(minutes=30))
    # Then
    assert not world.pending.is_any_left(account.id)
    assert world.sync_states.get(account.id).last_error == ""
    world.assert_equal(account)


class Forestalled(httpx.BaseTransport):
    """The way to a provider, on which somebody is quicker than the calls for some messages."""

    def __init__(self, world: World, provider_ids: list[str]) -> None:
        self._world = world
        self._living = provider_ids

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Delete the messages that a call names, then make it."""
        called = unquote(str(request.url) + request.read().decode())
        for provider_id in [each for each in self._living if each in called]:
            self._living.remove(provider_id)
            self._world.simulator.change(ADDRESS, {"op": "delete", "id": provider_id})
        return self._world.simulator.transport.handle_request(request)


def test_a_mail_that_is_deleted_between_list_and_look_up_is_no_error(world: World) -> None:
    """The list is some seconds old when its mail is asked for, and a 404 is no broken mailbox."""
    # Given an owner who deletes two of three mails just when they are asked for
    world.simulator.add_mailbox(ADDRESS)
    *doomed, _ = _deliver(world, "One", "Two", "Three")
    account = world.connect(ADDRESS)
    world.providers = ConfiguredProviders(
        configs=world.configs,
        client_secrets=world.client_secrets,
        clock=world.clock,
        simulator_urls=dict.fromkeys(ProviderName, "http://simulator"),
        transport=Forestalled(world, doomed),
    )
    # When
    world.work_off()
    # Then
    assert doomed == []
    assert world.sync_states.get(account.id).is_read
    assert world.sync_states.get(account.id).last_error == ""
    assert not world.pending.is_any_left(account.id)
    world.assert_equal(account)


def test_a_huge_mail_stops_nothing(world: World, account: Account) -> None:
    """One mail of eight megabytes was more than an answer might be, and wedged a whole import."""
    # Given a mail of 14 MB among others
    huge = EmailMessage()
    huge["From"], huge["To"], huge["Subject"] = "ana@elsewhere.example", ADDRESS, "Huge"
    huge.set_content("See the film")
    huge.add_attachment(b"film" * 2_500_000, maintype="video", subtype="mp4", filename="film.mp4")
    _deliver(world, "Before")
    provider_id = world.simulator.deliver(ADDRESS, huge.as_bytes())
    _deliver(world, "After")
    # When
    sync(world, account)
    # Then it is there with all the others, and its file is named, not copied
    world.assert_equal(account)
    stored = world.stored(account.id)[provider_id]
    (film,) = stored.attachments
    assert film.filename == "film.mp4"
    assert film.size_bytes >= 10_000_000
    assert not world.pending.is_any_left(account.id)
