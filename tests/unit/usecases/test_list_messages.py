"""Reading lists: newest first, stable, full pages where matches exist."""

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageFilter, MessagePage, Position
from postroom.usecases.find_folders import find_folders
from postroom.usecases.list_messages import RAW_PAGE_LIMIT, list_messages, read_raw_messages
from tests.world import MICROSOFT_ALONE, World, make_mail

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
) -> MessagePage[Position]:
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
    world.ring(account)
    world.work_off()
    assert _page(world, account, limit=10, after=first.next_position) == rest_before


@pytest.mark.parametrize(
    "wanted",
    [
        {"folder": FolderRole.INBOX},
        {"unread": True},
        {"unread": False},
        {"starred": True},
        {"has_attachment": True},
        {"subject": "RE"},
        {"folder": FolderRole.INBOX, "unread": True},
        {"folder": FolderRole.INBOX, "folders_too": frozenset({FolderId("UNREAD")})},
        {"unread": True, "starred": False, "has_attachment": False},
    ],
    ids=str,
)
def test_filters_find_all_matches(
    world: World, account: Account, wanted: dict[str, object]
) -> None:
    """A filtered list holds exactly the messages that match, over all its pages."""
    if isinstance(role := wanted.get("folder"), FolderRole):
        wanted = {**wanted, "folder": world.folder(account.id, role)}
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


def test_a_thread_is_a_list_of_its_own(world: World, account: Account) -> None:
    """Only its places are looked at, and they are all there."""
    by_thread: dict[str, set[str]] = {}
    for message in world.stored(account.id).values():
        if not message.is_draft:
            by_thread.setdefault(message.thread_id, set()).add(message.id)
    thread, expected = max(by_thread.items(), key=lambda each: len(each[1]))
    assert len(expected) > 1
    page = _page(world, account, limit=50, thread_id=thread)
    assert {message.id for message in page.messages} == expected
    assert page.next_position is None


def test_metadata_is_found(world: World, account: Account) -> None:
    """Rare matches are looked for through many pages; a cursor goes on where a page gave up."""
    oldest = min(
        (each for each in world.stored(account.id).values() if not each.is_draft),
        key=lambda each: each.received_at,
    )
    world.messages.note(account.id, oldest.id, {"key1": "case-17", "internal": "x"})
    page = _page(world, account, limit=5, metadata=frozenset({("key1", "case-17")}))
    assert [message.id for message in page.messages] == [oldest.id]
    assert page.messages[0].metadata == {"key1": "case-17", "internal": "x"}
    assert page.next_position is None
    assert _page(world, account, limit=5, metadata=frozenset({("key1", "x")})).messages == ()


def test_metadata_survives_a_new_reading_of_the_mailbox(world: World, account: Account) -> None:
    """The provider knows nothing of it: it is kept while all else is read again."""
    message = next(iter(world.stored(account.id).values()))
    world.messages.note(account.id, message.id, {"key1": "kept"})
    world.simulator.change(ADDRESS, {"op": "star", "id": message.provider_id})
    world.simulator.expire_cursors()
    world.ring(account)
    world.work_off()
    read = world.messages.get(account.id, message.id)
    assert (read.starred, read.metadata) == (True, {"key1": "kept"})


def test_raw_forms_come_in_short_pages(world: World, account: Account) -> None:
    """Each is a call to the provider; the pages still hold everything once."""
    seen: list[str] = []
    after: Position | None = None
    for _ in range(50):
        page = _page(world, account, limit=33, after=after)
        short, raw = read_raw_messages(
            account=account, page=page, mailboxes=world.mailboxes, downloads=world.downloads
        )
        assert set(raw) == {message.id for message in short.messages}
        assert len(raw) <= RAW_PAGE_LIMIT
        for message in short.messages:
            assert message.internet_message_id.encode() in raw[message.id].mime
        seen += [message.id for message in short.messages]
        if short.next_position is None:
            break
        after = short.next_position
    expected = [m.id for m in world.stored(account.id).values() if not m.is_draft]
    assert sorted(seen) == sorted(expected)


def test_a_raw_form_that_is_gone_is_left_out(world: World, account: Account) -> None:
    """It was deleted a moment ago: the next sync tells, and the others are shown."""
    page = _page(world, account, limit=3)
    gone = page.messages[1]
    world.simulator.change(ADDRESS, {"op": "delete", "id": gone.provider_id})
    short, raw = read_raw_messages(
        account=account, page=page, mailboxes=world.mailboxes, downloads=world.downloads
    )
    assert short == page
    assert set(raw) == {page.messages[0].id, page.messages[2].id}


def test_an_unknown_folder_is_named(world: World, account: Account) -> None:
    """Names are no ids; before the folders are known, nothing is."""

    def found(*names: str) -> list[FolderId]:
        return find_folders(
            account=account,
            names=names,
            field="in",
            folders=world.folders,
            mailboxes=world.mailboxes,
        )

    inbox = world.folder(account.id, FolderRole.INBOX)
    assert found(inbox, inbox) == [inbox, inbox]
    assert found() == []
    for name in ("Inbox folder", "nowhere"):
        with pytest.raises(InvalidRequest, match="in: "):
            found(inbox, name)
    world.folders.replace_all(account.id, [])
    assert found("nowhere") == ["nowhere"]


@MICROSOFT_ALONE
def test_outlooks_own_names_of_folders_will_do(world: World, account: Account) -> None:
    """Its ids are long and different for everybody, so that people write these."""
    for name, role in (("inbox", FolderRole.INBOX), ("SentItems", FolderRole.SENT)):
        assert find_folders(
            account=account,
            names=[name],
            field="in",
            folders=world.folders,
            mailboxes=world.mailboxes,
        ) == [world.folder(account.id, role)]
