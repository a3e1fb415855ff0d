"""Changing threads: every message at the provider first, then seen at once by readers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import (
    InvalidRequest,
    NotFound,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
)
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId, ThreadId
from postroom.domain.message import Message, MessageChange
from postroom.domain.thread import ShownThread
from postroom.usecases.change_thread import change_thread, delete_thread
from postroom.usecases.list_threads import messages_of_thread
from postroom.usecases.mailboxes import Mailboxes
from tests.interruptions import interrupted
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"


def converse(world: World, count: int, **last: Any) -> None:
    """Put a conversation of some mails into the mailbox, the last of them delivered so."""
    for number in range(count):
        answered = {"In_Reply_To": "<0@x.example>", "References": "<0@x.example>"}
        mail = make_mail(
            to=ADDRESS,
            subject="Plan" if number == 0 else "Re: Plan",
            Message_ID=f"<{number}@x.example>",
            **(answered if number else {}),
        )
        how = last if number == count - 1 else {}
        world.simulator.deliver(ADDRESS, mail, **how)
        world.clock.advance(timedelta(seconds=10))


@pytest.fixture
def account(world: World, request: pytest.FixtureRequest) -> Account:
    """A connected mailbox with a conversation of three unread mails, or of as many as asked for."""
    world.simulator.add_mailbox(ADDRESS)
    converse(world, getattr(request, "param", 3))
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def mail_of(world: World, account: Account) -> list[Message]:
    """The messages of the only thread."""
    (thread_id,) = {each.thread_id for each in world.stored(account.id).values()}
    return messages_of_thread(account_id=account.id, thread_id=thread_id, messages=world.messages)


def change(
    world: World,
    account: Account,
    thread_id: str = "",
    *,
    mailboxes: Mailboxes | None = None,
    **parts: Any,
) -> ShownThread:
    """Change the only thread, or another one."""
    return change_thread(
        account=account,
        thread_id=ThreadId(thread_id) if thread_id else mail_of(world, account)[0].thread_id,
        change=MessageChange(**parts),
        mailboxes=mailboxes or world.mailboxes,
        stores=world.stores,
        threads=world.threads,
        folders=world.folders,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def delete(world: World, account: Account, thread_id: str = "") -> None:
    """Delete the only thread, or another one."""
    delete_thread(
        account=account,
        thread_id=ThreadId(thread_id) if thread_id else mail_of(world, account)[0].thread_id,
        mailboxes=world.mailboxes,
        stores=world.stores,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def assert_equal_now_and_later(world: World, account: Account) -> None:
    """The copy is right before the doorbell's sync, and after it."""
    world.assert_equal(account)
    world.clock.advance(timedelta(minutes=2))
    world.work_off()
    world.assert_equal(account)


MORE_THAN_A_BUNCH = pytest.mark.parametrize("account", [1, 3, 45], indirect=True)
"""A single message, a few, and more than two of Graph's batches."""


@MORE_THAN_A_BUNCH
@pytest.mark.parametrize("parts", [{"unread": False}, {"starred": True}])
def test_flags_are_those_of_all_messages(
    world: World, account: Account, parts: dict[str, Any]
) -> None:
    """At the provider and here, however many they are."""
    changed = change(world, account, **parts)
    for name, value in parts.items():
        assert getattr(changed.thread, name) is value
        assert {getattr(each, name) for each in mail_of(world, account)} == {value}
    assert_equal_now_and_later(world, account)


@MORE_THAN_A_BUNCH
@pytest.mark.parametrize("role", [FolderRole.TRASH, FolderRole.SPAM, FolderRole.INBOX])
def test_a_thread_moves_with_all_its_messages(
    world: World, account: Account, role: FolderRole
) -> None:
    """Flags with it, in one change."""
    folder = world.folder(account.id, role)
    changed = change(world, account, folders=(folder,), starred=True)
    assert folder in changed.thread.folders
    assert all(folder in each.folders for each in mail_of(world, account))
    assert all(each.starred for each in mail_of(world, account))
    assert_equal_now_and_later(world, account)


@GOOGLE_ALONE
def test_labels_of_messages_that_differ_become_alike(world: World, account: Account) -> None:
    """One is archived, one starred, one read: each gets and loses what it has to."""
    first, second, third = (each.provider_id for each in mail_of(world, account))
    world.simulator.change(
        ADDRESS,
        {"op": "move", "id": first, "folder": "archive"},
        {"op": "star", "id": second},
        {"op": "read", "id": third},
    )
    world.sync(account)
    change(world, account, folders=(FolderId("IMPORTANT"),), unread=True)
    assert_equal_now_and_later(world, account)
    for each in mail_of(world, account):
        assert {"IMPORTANT", "UNREAD"} <= set(each.folders)
        assert "INBOX" not in each.folders


@MICROSOFT_ALONE
@pytest.mark.parametrize("roles", [(), (FolderRole.INBOX, FolderRole.TRASH)])
def test_where_a_message_has_one_folder_a_thread_needs_one(
    world: World, account: Account, roles: Sequence[FolderRole]
) -> None:
    """A client that knows labels is told what it may ask for; nothing moves."""
    folders = tuple(world.folder(account.id, role) for role in roles)
    with pytest.raises(InvalidRequest, match="exactly one folder") as refusal:
        change(world, account, folders=folders)
    assert refusal.value.field == "folders"
    assert_equal_now_and_later(world, account)


@MORE_THAN_A_BUNCH
def test_a_deleted_thread_lies_in_the_trash(world: World, account: Account) -> None:
    """All of it, also a draft that answers it."""
    converse(world, 1)
    draft = make_mail(
        to="ana@elsewhere.example",
        sender=ADDRESS,
        subject="Re: Plan",
        In_Reply_To="<0@x.example>",
        References="<0@x.example>",
    )
    world.simulator.deliver(ADDRESS, draft, folder="drafts", unread=False)
    world.sync(account)
    asked = next(each.thread_id for each in world.stored(account.id).values() if each.is_draft)

    delete(world, account, asked)

    trash = world.folder(account.id, FolderRole.TRASH)
    mail = messages_of_thread(account_id=account.id, thread_id=asked, messages=world.messages)
    assert any(each.is_draft for each in mail)
    assert all(trash in each.folders for each in mail)
    assert_equal_now_and_later(world, account)


def test_a_draft_is_marked_with_its_thread_and_moved_to_no_folder(
    world: World, account: Account
) -> None:
    """Filing a conversation hid the answer that its owner was writing."""
    draft = make_mail(
        to="ana@elsewhere.example",
        sender=ADDRESS,
        subject="Re: Plan",
        In_Reply_To="<0@x.example>",
        References="<0@x.example>",
    )
    drafted = world.simulator.deliver(ADDRESS, draft, folder="drafts", unread=False)
    world.sync(account)
    before = world.message(account.id, drafted)
    folder = world.folder(account.id, FolderRole.SPAM)
    changed = change(world, account, folders=(folder,), starred=True)
    after = world.message(account.id, drafted)
    assert after.starred
    assert set(before.folders) <= set(after.folders)
    assert folder not in after.folders
    assert changed.thread.has_drafts
    assert_equal_now_and_later(world, account)
    # And folders alone ask nothing of it
    change(world, account, folders=(world.folder(account.id, FolderRole.INBOX),))
    assert_equal_now_and_later(world, account)


def test_a_change_of_nothing_asks_nobody(world: World, account: Account) -> None:
    """It answers the thread as it is."""
    world.simulator.fail_calls("any", status=500)
    assert change(world, account).thread.unread


def test_unknown_threads_and_folders_are_refused(world: World, account: Account) -> None:
    """Before the provider is asked."""
    world.simulator.fail_calls("any", status=500)
    for action in (change, delete):
        with pytest.raises(NotFound):
            action(world, account, "nothing")
    with pytest.raises(InvalidRequest) as refusal:
        change(world, account, folders=(FolderId("nowhere"),))
    assert refusal.value.field == "folders"


def test_a_provider_that_is_down_changes_nothing(world: World, account: Account) -> None:
    """What failed at once is told as it is."""
    world.simulator.fail_calls("any", status=503)
    with pytest.raises(Retryable) as failure:
        change(world, account, starred=True)
    assert "were not changed" not in str(failure.value)
    world.simulator.control("DELETE", "faults")
    world.assert_equal(account)


def test_an_account_without_consent_is_not_asked(world: World, account: Account) -> None:
    """Its owner has to come first; nothing is queued for it."""
    world.simulator.fail_calls("token", status=400, body={"error": "invalid_grant"})
    world.simulator.fail_calls("any", status=401)
    world.clock.advance(timedelta(hours=2))
    with pytest.raises(ProviderError):
        change(world, account, starred=True)
    world.clock.advance(timedelta(hours=2))
    with pytest.raises(ReauthRequired):
        change(world, world.accounts.get(account.id), starred=True)


@MICROSOFT_ALONE
@pytest.mark.parametrize("account", [45], indirect=True)
def test_what_was_done_before_a_failure_is_kept_and_told(world: World, account: Account) -> None:
    """Of three batches the second fails: twenty messages are changed, and the error says so.

    Whoever repeats it begins with those that are left.
    """
    messages = world.messages

    def provider_goes_down() -> None:
        world.simulator.fail_calls("batch", status=503)

    world.messages = interrupted(messages, before="put", by=provider_goes_down)
    with pytest.raises(Retryable, match="25 of the thread's 45 messages were not changed"):
        change(world, account, starred=True)
    world.messages = messages
    assert sum(each.starred for each in mail_of(world, account)) == 20
    world.assert_equal(account)

    left = "|".join(each.provider_id for each in mail_of(world, account) if each.starred)
    world.simulator.control("DELETE", "faults")
    world.simulator.fail({"path": f"/messages/({left})$", "method": "PATCH", "status": 503})
    with pytest.raises(Retryable, match="20 of the thread's 45 messages were not changed"):
        change(world, account, starred=True)
    assert all(each.starred for each in mail_of(world, account))
    world.simulator.control("DELETE", "faults")
    assert_equal_now_and_later(world, account)


@MICROSOFT_ALONE
def test_messages_that_the_provider_refuses_leave_the_others_changed(
    world: World, account: Account
) -> None:
    """One of three is refused for good: two are changed, and the error is the refusal."""
    refused = mail_of(world, account)[1].provider_id
    world.simulator.fail(
        {"path": f"/messages/{refused}$", "method": "PATCH", "status": 400, "times": 9}
    )
    with pytest.raises(Rejected, match="1 of the thread's 3 messages were not changed"):
        change(world, account, starred=True)
    assert [each.starred for each in mail_of(world, account)] == [True, False, True]
    assert_equal_now_and_later(world, account)


def test_messages_that_are_gone_meanwhile_are_passed_over(world: World, account: Account) -> None:
    """Deleted elsewhere a moment ago: the others are changed, and the sync hears of the rest."""
    gone, *_ = mail_of(world, account)
    world.simulator.change(ADDRESS, {"op": "delete", "id": gone.provider_id})
    change(world, account, starred=True)
    world.clock.advance(timedelta(minutes=2))
    world.work_off()
    assert [each.starred for each in mail_of(world, account)] == [True, True]
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_thread_that_is_gone_at_the_provider_is_not_found(world: World, account: Account) -> None:
    """And so it is here, once the sync has seen it."""
    mail = mail_of(world, account)
    world.simulator.change(ADDRESS, *({"op": "delete", "id": each.provider_id} for each in mail))
    with pytest.raises(NotFound):
        change(world, account, mail[0].thread_id, starred=True)
    world.clock.advance(timedelta(minutes=2))
    world.work_off()
    world.assert_equal(account)


@GOOGLE_ALONE
@pytest.mark.parametrize("account", [45], indirect=True)
def test_many_messages_are_one_call(world: World, account: Account) -> None:
    """Fifty units for up to a thousand messages, instead of five each."""
    before = world.simulator.calls_made()
    change(world, account, unread=False)
    after = world.simulator.calls_made()
    made = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: count for name, count in made.items() if count} == {"messages.batchModify": 1}


@GOOGLE_ALONE
@pytest.mark.parametrize("account", [3, 45], indirect=True)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"starred": True}, {"unread": False}),
        ({"unread": False}, {"starred": True}),
        ({"folders": (FolderId("IMPORTANT"),)}, {"unread": False}),
        ({"starred": True}, {"folders": (FolderId("IMPORTANT"),)}),
    ],
)
def test_of_two_who_change_a_thread_at_once_neither_undoes_the_other(
    world: World, account: Account, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Both had read it before: whoever stored last took the other's star away, until a sync."""

    def somebody_is_quicker() -> None:
        change(world, account, **first)
        world.assert_equal(account)

    mailboxes = interrupted(world.mailboxes, before="open", by=somebody_is_quicker)
    change(world, account, mailboxes=mailboxes, **second)
    assert_equal_now_and_later(world, account)
