"""A mailbox of many folders, each followed by itself: moves, ends, returns, lost cursors."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.folder import FolderRole
from postroom.domain.message import View
from postroom.domain.sync import BackfillPhase, SyncUnitId
from postroom.providers.http_calls import LARGEST_ANSWER_BYTES
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.owners import Owner, owner_of
from tests.world import MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"

pytestmark = MICROSOFT_ALONE


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with a folder 'Work' and mail in three folders, synced."""
    world.simulator.add_mailbox(ADDRESS)
    work = owner_of(ADDRESS, world.simulator).create_folder("Work")
    for number in range(3):
        for folder in ("inbox", "archive", work):
            mail = make_mail(to=ADDRESS, subject=f"{number} in {folder[:8]}")
            world.simulator.deliver(ADDRESS, mail, folder=folder)
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


@pytest.fixture
def owner(world: World) -> Owner:
    """The mailbox's owner, in another client."""
    return owner_of(ADDRESS, world.simulator)


def _later(world: World) -> None:
    for _ in range(3):
        world.clock.advance(timedelta(minutes=31))
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()


def _named(world: World, name: str) -> str:
    folders = world.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
    return next(str(each["id"]) for each in folders if each["name"] == name)


def _mail_in(world: World, folder: str) -> list[str]:
    mail = world.simulator.messages(ADDRESS).values()
    return [each["id"] for each in mail if each["folders"] == [folder]]


def _looking(store: Any, look: Callable[[], None]) -> Any:
    """Wrap a store so that somebody looks at it after every write."""

    class Watched:
        def __getattr__(self, name: str) -> Any:
            attribute = getattr(store, name)
            if name not in {"put", "remove"}:
                return attribute

            def write(*args: Any, **named: Any) -> Any:
                answer = attribute(*args, **named)
                look()
                return answer

            return write

    return Watched()


@pytest.mark.parametrize(
    ("first", "then"),
    [("Inbox", "Junk Email"), ("Junk Email", "Inbox"), ("Inbox", "Work"), ("Work", "Archive")],
)
def test_a_moved_message_is_there_at_every_moment(
    world: World, account: Account, first: str, then: str
) -> None:
    """Whether the folder that is left or the one that is entered is read first."""
    world.simulator.control("POST", "settings", json={"page_size": 1})
    (moved, *_) = _mail_in(world, _named(world, first)) or [
        world.simulator.deliver(ADDRESS, folder=_named(world, first))
    ]
    world.sync(account)
    for _ in range(5):  # pages between the two that tell of the move
        world.simulator.deliver(ADDRESS, folder=_named(world, then))
    world.simulator.change(ADDRESS, {"op": "move", "id": moved, "folder": _named(world, then)})
    seen: list[bool] = []
    world.messages = _looking(
        world.messages, lambda: seen.append(moved in world.stored(account.id))
    )

    world.sync(account)

    assert seen
    assert all(seen)
    world.assert_equal(account)


def test_a_lost_cursor_has_that_folder_alone_read_again(world: World, account: Account) -> None:
    """What was deleted meanwhile goes, what was moved stays, what is new comes."""
    work = _named(world, "Work")
    gone, moved, _ = _mail_in(world, work)
    before = world.sync_states.get(account.id).units
    world.simulator.change(
        ADDRESS, {"op": "delete", "id": gone}, {"op": "move", "id": moved, "folder": "archive"}
    )
    came = world.simulator.deliver(ADDRESS, folder=work)
    world.simulator.fail({"path": f"{work}.*/messages/delta", "status": 410, "times": 1})

    world.ring(account)
    world.work_off()

    after = world.sync_states.get(account.id).units
    again = {each for each in after if after[each].generation != before[each].generation}
    assert again == {SyncUnitId(work)}
    stored = world.stored(account.id)
    assert gone not in stored
    assert {moved, came} <= set(stored)
    world.assert_equal(account)


@pytest.mark.parametrize("number", [2, 12])
def test_cursors_of_several_folders_are_lost_at_once(
    world: World, account: Account, number: int
) -> None:
    """Two of them, or all, the list of folders included."""
    doomed = list(world.simulator.messages(ADDRESS))[::2]
    world.simulator.change(ADDRESS, *({"op": "delete", "id": each} for each in doomed))
    world.simulator.deliver(ADDRESS)
    if number == 12:
        world.simulator.expire_cursors()
    else:
        world.simulator.fail_calls("changes", status=410, times=number)
    world.ring(account)
    world.work_off()
    _later(world)
    world.assert_equal(account)


def _renamed(world: World, owner: Owner) -> None:
    owner.rename_folder(_named(world, "Work"), "Leisure")


def _nested(world: World, owner: Owner) -> None:
    inside = owner.create_folder("Inside", _named(world, "Work"))
    world.simulator.deliver(ADDRESS, folder=inside)


def _binned(world: World, owner: Owner) -> None:
    owner.delete_folder(_named(world, "Work"))


def _purged(world: World, owner: Owner) -> None:
    owner.purge_folder(_named(world, "Work"))


def _made_again(world: World, owner: Owner) -> None:
    owner.purge_folder(_named(world, "Work"))
    world.simulator.deliver(ADDRESS, folder=owner.create_folder("Work"))


@pytest.mark.parametrize("change", [_renamed, _nested, _binned, _purged, _made_again])
@pytest.mark.parametrize("page_size", [None, 1])
def test_folders_change_with_all_that_they_hold(
    world: World,
    account: Account,
    owner: Owner,
    change: Callable[[World, Owner], None],
    page_size: int | None,
) -> None:
    """Renamed, nested, put below the deleted items, deleted for good with mail, made again."""
    world.simulator.control("POST", "settings", json={"page_size": page_size})
    change(world, owner)
    world.ring(account)
    world.work_off()
    _later(world)
    world.assert_equal(account)
    truth = world.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
    names = {folder.provider_id: folder.name for folder in world.folders.all(account.id)}
    assert names == {each["id"]: each["name"] for each in truth}


def test_mail_that_is_kept_out_of_sight_counts_as_gone(world: World, account: Account) -> None:
    """What was deleted for good lies among the recoverable items; from there it may come back."""
    (hidden, *_) = _mail_in(world, _named(world, "Inbox"))
    away = {"op": "move", "id": hidden, "folder": "Team Chat"}
    call = {"method": "POST", "path": "/v1.0/me/mailFolders"}
    body = {"displayName": "Team Chat", "isHidden": True}
    assert world.simulator.owner_call(ADDRESS, **call, body=body).is_success
    world.simulator.change(ADDRESS, away)
    world.sync(account)
    assert hidden not in world.stored(account.id)
    # Within the same second, which is all that tells the versions apart
    world.simulator.change(ADDRESS, {"op": "move", "id": hidden, "folder": "inbox"})
    world.sync(account)
    world.assert_equal(account)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ErrorInvalidRequest"), (403, "ErrorAccessDenied")]
)
def test_a_folder_that_outlook_refuses_keeps_no_other_from_being_followed(
    world: World, account: Account, status: int, code: str
) -> None:
    """One refusal parked the whole account: no new mail, for as long as the folder was refused."""
    refused = {"path": f"{_named(world, 'Work')}.*/messages/delta", "status": status}
    world.simulator.fail({**refused, "body": {"error": {"code": code, "message": "no"}}})
    (here, there) = (_named(world, name) for name in ("Archive", "Work"))
    came = world.simulator.deliver(ADDRESS, folder=here)
    world.simulator.deliver(ADDRESS, folder=there)
    world.sync(account)
    assert came in world.stored(account.id)
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    # When Outlook shows the folder again
    world.simulator.control("DELETE", "faults")
    _later(world)
    world.assert_equal(account)


def test_one_mail_whose_files_outlook_refuses_stops_only_itself(
    world: World, account: Account
) -> None:
    """It took the account out of service, since it was the only one whose files were asked for."""
    refused = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, text="see cid:1"))
    denied = {"error": {"code": "ErrorAccessDenied", "message": "no"}}
    world.simulator.fail({"path": f"{refused}/attachments", "status": 403, "body": denied})
    came = world.simulator.deliver(ADDRESS)
    world.ring(account)
    world.work_off()
    assert came in world.stored(account.id)
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    _later(world)
    assert "unreadable" in world.stored(account.id)[refused].defects


def test_a_mail_that_nobody_can_hold_is_described_and_stops_nothing(
    world: World, account: Account
) -> None:
    """It stopped the account for ever: each page with it was too large, also that of it alone."""
    text = ("x" * 998 + "\n") * (LARGEST_ANSWER_BYTES // 999 + 1)
    large = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="All of it", text=text))
    came = world.simulator.deliver(ADDRESS)
    world.ring(account)
    world.work_off()
    assert came in world.stored(account.id)
    _later(world)
    described = world.stored(account.id)[large]
    assert described.subject == "All of it"
    assert "unreadable" in described.defects


def test_the_inbox_is_read_before_the_archive(world: World) -> None:
    """A first reading begins with what people look at first."""
    world.simulator.add_mailbox(ADDRESS)
    for folder in ("archive", "inbox"):
        for _ in range(120):
            world.simulator.deliver(ADDRESS, folder=folder, quiet=True)
    account = world.connect(ADDRESS)
    world.do_next(WorkKind.SYNC)
    units = list(world.sync_states.get(account.id).units.values())
    inbox = world.folder(account.id, FolderRole.INBOX)
    assert units[0].view == View(inbox)
    world.work_off()
    world.assert_equal(account)


def test_three_hundred_folders_are_read_and_followed(world: World) -> None:
    """Each was followed whenever another had been read: 2,352 calls for the mail of 48."""
    world.simulator.add_mailbox(ADDRESS)
    owner = owner_of(ADDRESS, world.simulator)
    for number in range(300):
        folder = owner.create_folder(f"Folder {number}")
        world.simulator.deliver(ADDRESS, folder=folder, quiet=True)
    account = world.connect(ADDRESS)
    world.work_off()
    world.assert_equal(account)
    assert world.simulator.calls_made()["messages.delta"] < 5 * 300
    world.simulator.deliver(ADDRESS, folder="Folder 299")
    world.ring(account)
    world.work_off()
    world.assert_equal(account)


def test_a_whole_reading_goes_on_while_its_owner_is_at_work(
    world: World, account: Account, owner: Owner
) -> None:
    """Between all steps of a full sync mail comes, moves and goes, and a folder with it."""
    world.simulator.control("POST", "settings", json={"page_size": 1})
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    for number in range(12):
        if (work := world.work.take()) is None:
            break
        world.do(work)
        first, *_, last = world.simulator.messages(ADDRESS)
        world.simulator.deliver(ADDRESS)
        world.simulator.change(
            ADDRESS, {"op": "move", "id": first, "folder": "Work"}, {"op": "delete", "id": last}
        )
        if number == 1:
            owner.delete_folder(_named(world, "Work"))
    _later(world)
    phases = {unit.reading.phase for unit in world.sync_states.get(account.id).units.values()}
    assert phases == {BackfillPhase.DONE}
    world.assert_equal(account)
