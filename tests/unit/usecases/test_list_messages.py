"""Reading lists: newest first, stable, full pages where matches exist."""

import pytest

from postroom.domain.account import Account
from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageFilter, MessagePage, Position
from postroom.usecases.list_messages import list_messages
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with 120 messages."""
    world.simulator.add_mailbox(ADDRESS, messages=120, seed=4)
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def _page(
    world: World, account: Account, *, limit: int, after: Position | None = None, **wanted: object
) -> MessagePage:
    return list_messages(
        account_id=account.id,
        wanted=MessageFilter(**wanted),  # type: ignore[arg-type]
        limit=limit,
        after=after,
        with_content=True,
        messages=world.messages,
        contents=world.contents,
    )


def test_pages_hold_everything_once_newest_first(world: World, account: Account) -> None:
    """Walking the pages meets every message once, in order, with its content."""
    seen: list[Message] = []
    after: Position | None = None
    while True:
        page = _page(world, account, limit=37, after=after)
        seen += page.messages
        assert len(page.messages) <= 37
        assert set(page.contents) == {message.id for message in page.messages}
        after = page.next_position
        if after is None:
            break
    times = [message.received_at for message in seen]
    assert times == sorted(times, reverse=True)
    expected = [m for m in world.stored(account.id).values() if not m.is_draft]
    assert sorted(message.id for message in seen) == sorted(message.id for message in expected)


def test_the_last_page_says_so(world: World, account: Account) -> None:
    """A page that ends exactly at the last message names no next one."""
    total = len(_page(world, account, limit=10_000).messages)
    assert _page(world, account, limit=total).next_position is None
    assert _page(world, account, limit=total - 1).next_position is not None


def test_a_page_goes_on_after_new_arrivals(world: World, account: Account) -> None:
    """Mail that arrives between two pages neither shifts nor repeats anything."""
    first = _page(world, account, limit=10)
    rest_before = _page(world, account, limit=10, after=first.next_position)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="New"))
    world.work.sync(account.id)
    world.work_off()
    assert _page(world, account, limit=10, after=first.next_position) == rest_before


@pytest.mark.parametrize(
    "wanted",
    [
        {"folder": FolderId("INBOX")},
        {"unread": True},
        {"unread": False},
        {"starred": True},
        {"has_attachment": True},
        {"subject": "RE"},
        {"folder": FolderId("INBOX"), "unread": True},
    ],
    ids=str,
)
def test_filters_find_all_matches(
    world: World, account: Account, wanted: dict[str, object]
) -> None:
    """A filtered list holds exactly the messages that match, over all its pages."""
    found: list[Message] = []
    after: Position | None = None
    while True:
        page = _page(world, account, limit=20, after=after, **wanted)
        found += page.messages
        after = page.next_position
        if after is None:
            break
    matches = MessageFilter(**wanted).matches  # type: ignore[arg-type]
    expected = [message.id for message in world.stored(account.id).values() if matches(message)]
    assert sorted(message.id for message in found) == sorted(expected)
    assert expected, "the sample has a match for every filter"
