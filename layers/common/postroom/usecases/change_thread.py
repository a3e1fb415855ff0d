"""Changing a thread: all of its messages, at the provider first, then in the store.

    the messages that seem to need it ─► a bunch at the provider ─► the store ─► the next bunch …
                                              │
                                              └─ some of them failed, or the rest cannot be asked:
                                                 what was done is stored, and an error tells of it

Whoever repeats a change that failed half-way gets further, since what is done comes last then. A
draft is marked like any message, and goes to the trash with its thread; but no folder other than
that is for drafts, so it is moved to none.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.errors import NotFound, PostroomError, ProviderError
from postroom.domain.ids import ThreadId
from postroom.domain.message import Message, MessageChange
from postroom.domain.thread import ManyEdits, ShownThread
from postroom.ports import Clock, FolderStore, Mailbox, SyncStateStore, ThreadStore, WorkQueue
from postroom.usecases.list_threads import messages_of_thread, read_thread
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores
from postroom.usecases.write_through import look_again, named_folders, ring, store_edits


def change_thread(
    *,
    account: Account,
    thread_id: ThreadId,
    change: MessageChange,
    mailboxes: Mailboxes,
    stores: MailStores,
    threads: ThreadStore,
    folders: FolderStore,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> ShownThread:
    """Change flags of all messages of a thread, and folders of those that are no drafts.

    A change without any part asks nobody. Raises NotFound, InvalidRequest for an unknown folder,
    and ProviderError, which tells how many messages were not changed; the others stay changed.
    """
    mail = _messages(account, thread_id, stores)
    if change != MessageChange():
        named = named_folders(change, account, mailboxes=mailboxes, folders=folders)
        moved = replace(change, folders=tuple(named) if change.folders is not None else None)
        flags = replace(change, folders=None)
        ordered = sorted(mail, key=lambda message: _seems_done(message, moved))
        others = [message for message in ordered if not message.is_draft]
        marked = flags != MessageChange()
        drafts = [message for message in ordered if message.is_draft and marked]

        def apply(mailbox: Mailbox) -> Iterator[ManyEdits]:
            yield from mailbox.apply_to_all(others, moved, folders=named)
            yield from mailbox.apply_to_all(drafts, flags, folders={})

        asked = [*others, *drafts]
        _change(account, asked, apply, mailboxes, stores, sync_states, work, clock)
    return read_thread(
        account_id=account.id,
        thread_id=thread_id,
        messages=stores.messages,
        threads=threads,
        contents=stores.contents,
    )


def delete_thread(
    *,
    account: Account,
    thread_id: ThreadId,
    mailboxes: Mailboxes,
    stores: MailStores,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> None:
    """Move all messages and drafts of a thread to the trash. Raises as `change_thread`."""
    mail = _messages(account, thread_id, stores)

    def trash(mailbox: Mailbox) -> Iterator[ManyEdits]:
        return mailbox.trash_all(mail)

    _change(account, mail, trash, mailboxes, stores, sync_states, work, clock)


def _messages(account: Account, thread_id: ThreadId, stores: MailStores) -> list[Message]:
    mail = messages_of_thread(account_id=account.id, thread_id=thread_id, messages=stores.messages)
    if not mail:
        raise NotFound("There is no such thread.")
    return mail


def _change(
    account: Account,
    asked: Sequence[Message],
    make: Callable[[Mailbox], Iterator[ManyEdits]],
    mailboxes: Mailboxes,
    stores: MailStores,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> None:
    """Make changes bunch by bunch. Those of messages that are gone are the sync's business."""
    edited: list[Message] = []
    done = missing = 0
    failures: list[PostroomError] = []
    try:
        with mailboxes.open(account) as mailbox:
            try:
                for bunch in make(mailbox):
                    store_edits(bunch.edits, mailbox=mailbox, stores=stores, clock=clock)
                    edited += [message for message, _ in bunch.edits]
                    done += sum(message.id not in bunch.failed for message, _ in bunch.edits)
                    missing += len(bunch.missing)
                    failures += bunch.failed.values()
            except ProviderError as error:
                failures.insert(0, error)
            if failures:
                raise _told(failures[0], left=len(asked) - done - missing, of=len(asked))
    finally:
        if edited:
            look_again(account, edited, mailboxes=mailboxes, stores=stores, clock=clock)
            ring(account, sync_states=sync_states, work=work)
    if asked and missing == len(asked):
        ring(account, sync_states=sync_states, work=work)
        raise NotFound("The provider does not have this thread any more.")


def _told(failure: PostroomError, *, left: int, of: int) -> PostroomError:
    """Return the failure as it is, or, where a part was done, with how many messages are left."""
    if left == of:
        return failure
    told = copy.copy(failure)
    told.args = (f"{left} of the thread's {of} messages were not changed: {failure}",)
    return told


def _seems_done(message: Message, change: MessageChange) -> bool:
    return (
        change.unread in (None, message.unread)
        and change.starred in (None, message.starred)
        and (change.folders is None or set(change.folders) <= set(message.folders))
    )
