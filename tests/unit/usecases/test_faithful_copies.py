"""What happens in a mailbox happens in its copy: moves, drafts, echoes, doubles, folders, times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.folder import FolderRole
from postroom.domain.message import Address, Message
from postroom.domain.send_request import SendRequest
from postroom.usecases.send_message import send_message
from tests.owners import Owner, owner_of
from tests.passing_time import pass_time, sync
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"
ANA = "ana@elsewhere.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with three mails, synced."""
    world.simulator.add_mailbox(ADDRESS)
    for subject in ("One", "Two", "Three"):
        mail = make_mail(to=ADDRESS, subject=subject, Message_ID=f"<{subject}@elsewhere.example>")
        world.simulator.deliver(ADDRESS, mail)
        world.clock.advance(timedelta(minutes=1))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


@pytest.fixture
def owner(world: World, account: Account) -> Owner:
    """The mailbox's owner, in another client."""
    return owner_of(ADDRESS, world.simulator)


def _sync(world: World, account: Account) -> None:
    sync(world, account)
    world.work_off()


def _called(world: World, account: Account, subject: str) -> Message:
    (found,) = (each for each in world.stored(account.id).values() if each.subject == subject)
    return found


@pytest.mark.parametrize("operation", ["read", "unread", "star", "unstar", "trash", "delete"])
def test_what_the_owner_does_elsewhere_is_seen_here(
    world: World, account: Account, operation: str
) -> None:
    """Mail that was read or deleted on a telephone stayed unread, or stayed, for good."""
    # Given mail of which half is read and starred already
    first, second, third = world.simulator.messages(ADDRESS)
    world.simulator.change(ADDRESS, {"op": "read", "id": first}, {"op": "star", "id": first})
    _sync(world, account)
    # When
    world.simulator.change(ADDRESS, *({"op": operation, "id": each} for each in (first, second)))
    _sync(world, account)
    # Then
    world.assert_equal(account)
    assert third in world.stored(account.id)


@pytest.mark.parametrize("role", ["junk", "archive", "trash"])
def test_a_mail_that_is_moved_stays_one_and_the_same(
    world: World, account: Account, role: str
) -> None:
    """Ids that changed with the folder made mail disappear, and come back as another one."""
    before = _called(world, account, "Two")
    world.simulator.change(ADDRESS, {"op": "move", "id": before.provider_id, "folder": role})
    _sync(world, account)
    after = _called(world, account, "Two")
    assert (after.id, after.thread_id) == (before.id, before.thread_id)
    assert after.folders != before.folders
    world.assert_equal(account)
    # And it can be read and changed by the id that applications know
    assert len(world.contents.get_many(account.id, [before.id])) == 1


def test_copies_of_a_mail_are_mails_of_their_own(world: World, account: Account) -> None:
    """The same Message-ID came by a list and directly; one of them was thrown away."""
    mail = make_mail(to=ADDRESS, subject="Twice", Message_ID="<same@elsewhere.example>")
    for folder in ("inbox", "inbox", "archive"):
        world.simulator.deliver(ADDRESS, mail, folder=folder)
    _sync(world, account)
    assert world.subjects(account.id).count("Twice") == 3
    world.assert_equal(account)


def test_a_mail_to_oneself_is_there_as_sent_and_as_received(world: World, account: Account) -> None:
    """Its two copies bear one Message-ID, in two folders of which both have to show it."""
    request = SendRequest(to=(Address(email=ADDRESS),), subject="Note to self", body="x")
    send_message(account=account, request=request, idempotency_key="", tools=world.send_tools)
    _sync(world, account)
    for role in (FolderRole.SENT, FolderRole.INBOX):
        folder = world.folder(account.id, role)
        assert "Note to self" in world.subjects(account.id, folder=folder)
    world.assert_equal(account)


def test_what_was_sent_here_does_not_come_twice(world: World, account: Account) -> None:
    """The provider tells of sent mail like of any other; it was stored once more."""
    request = SendRequest(to=(Address(email=ANA),), subject="Only once", body="x")
    sent = send_message(
        account=account, request=request, idempotency_key="", tools=world.send_tools
    ).mail.message
    pass_time(world, timedelta(minutes=30))
    echo = _called(world, account, "Only once")
    assert (echo.id, echo.internet_message_id) == (sent.id, sent.internet_message_id)
    world.assert_equal(account)


def test_what_was_sent_elsewhere_is_there(world: World, account: Account) -> None:
    """Answers from a telephone were missing, while the account was said to be in sync."""
    parent = _called(world, account, "One")
    mail = make_mail(
        to=ANA,
        sender=ADDRESS,
        subject="Re: One",
        In_Reply_To="<One@elsewhere.example>",
        References="<One@elsewhere.example>",
    )
    world.simulator.deliver(ADDRESS, mail, folder="sent", unread=False)
    _sync(world, account)
    answer = _called(world, account, "Re: One")
    assert answer.thread_id == parent.thread_id
    assert answer.folders == (world.folder(account.id, FolderRole.SENT),)


def test_a_draft_that_is_written_for_long_is_one_draft(
    world: World, account: Account, owner: Owner
) -> None:
    """Each time that it was saved another draft appeared; sent, it stayed a draft as well."""
    # Given
    mail = make_mail(to=ANA, sender=ADDRESS, subject="Draft")
    draft = world.simulator.deliver(ADDRESS, mail, folder="drafts", unread=False)
    # When it is saved again and again
    for number in range(4):
        owner.edit_draft(draft, f"Draft {number}")
        (draft,) = (
            each["id"] for each in world.simulator.messages(ADDRESS).values() if each["draft"]
        )
        _sync(world, account)
    # Then
    assert [each.subject for each in world.stored(account.id).values() if each.is_draft] == [
        "Draft 3"
    ]
    # And sent
    owner.send_draft(draft)
    _sync(world, account)
    assert not any(each.is_draft for each in world.stored(account.id).values())
    assert not _called(world, account, "Draft 3").is_draft
    world.assert_equal(account)


def test_mail_of_one_subject_is_not_one_conversation(world: World, account: Account) -> None:
    """Everybody's 'Invoice' was shown as one thread; only the provider's own threads count."""
    for sender in ("a@shop.example", "b@bank.example"):
        mail = make_mail(to=ADDRESS, sender=sender, subject="Invoice", text=f"from {sender}")
        world.simulator.deliver(ADDRESS, mail)
    _sync(world, account)
    threads = [
        each.thread_id for each in world.stored(account.id).values() if each.subject == "Invoice"
    ]
    assert len(set(threads)) == 2
    world.assert_equal(account)


def _made(world: World, owner: Owner) -> None:
    folder = owner.create_folder("Travel")
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Ticket"), folder=folder)


def _renamed(world: World, owner: Owner) -> None:
    owner.rename_folder(_folder(world, "Work"), "Leisure")


def _deleted(world: World, owner: Owner) -> None:
    owner.delete_folder(_folder(world, "Work"))


def _purged(world: World, owner: Owner) -> None:
    owner.purge_folder(_folder(world, "Work"))


def _folder(world: World, name: str) -> str:
    folders = world.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
    return next(str(each["id"]) for each in folders if each["name"] == name)


@pytest.mark.parametrize("change", [_made, _renamed, _deleted, _purged])
def test_folders_change_elsewhere(
    world: World, account: Account, owner: Owner, change: Callable[[World, Owner], None]
) -> None:
    """A renamed folder kept its old name, a deleted one its mail, and a new one stayed empty."""
    # Given a folder that holds a mail
    folder = owner.create_folder("Work")
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Task"), folder=folder)
    pass_time(world, timedelta(hours=2))
    assert world.subjects(account.id, folder=_ours(world, account, "Work")) == ["Task"]
    # When
    change(world, owner)
    pass_time(world, timedelta(hours=2))
    # Then
    truth = world.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
    names = {each.provider_id: each.name for each in world.folders.all(account.id)}
    assert names == {each["id"]: each["name"] for each in truth}
    world.assert_equal(account)


def _ours(world: World, account: Account, name: str) -> str:
    (found,) = (each.id for each in world.folders.all(account.id) if each.name == name)
    return found


def test_mail_that_gets_into_a_folder_late_is_in_it(
    world: World, account: Account, owner: Owner
) -> None:
    """Mail that was older than the folder which it was put in never came to be listed there."""
    old = _called(world, account, "One")
    folder = owner.create_folder("Work")
    world.simulator.change(ADDRESS, {"op": "move", "id": old.provider_id, "folder": folder})
    pass_time(world, timedelta(hours=2))
    assert world.subjects(account.id, folder=_ours(world, account, "Work")) == ["One"]
    world.assert_equal(account)


def test_mail_stands_at_the_time_that_its_provider_gives(world: World, account: Account) -> None:
    """Ordered by the time of the import, or by senders' clocks, last year's mail came first."""
    # Given mail that is imported now, from before, and one whose sender's clock is years ahead
    for subject, year in (("Old", 2019), ("Older", 2003)):
        received_at = datetime(year, 5, 1, tzinfo=UTC).timestamp()
        mail = make_mail(to=ADDRESS, subject=subject)
        world.simulator.deliver(ADDRESS, mail, received_at=received_at)
    ahead = make_mail(to=ADDRESS, subject="Ahead", Date="Fri, 01 Jan 2038 00:00:00 +0000")
    world.simulator.deliver(ADDRESS, ahead)
    world.clock.advance(timedelta(minutes=1))
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Newest"))
    # When
    _sync(world, account)
    # Then
    assert world.subjects(account.id) == [
        "Newest", "Ahead", "Three", "Two", "One", "Old", "Older"
    ]  # fmt: skip
