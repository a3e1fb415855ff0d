"""Changing a message: at the provider first, then in the store, so a reader sees its own write."""

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import FolderId, MessageId
from postroom.domain.message import FullMessage, Message, MessageChange, MessageEdit
from postroom.domain.sync import MessageRef
from postroom.ports import Clock, FolderStore, Mailbox, SyncStateStore, WorkQueue
from postroom.usecases.list_messages import read_message
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, fetch_and_store, remove_message

_SHOWN_ID_LENGTH = 40
"""How much of an unknown folder id is repeated to whoever sent it."""


def change_message(
    *,
    account: Account,
    message_id: MessageId,
    change: MessageChange,
    mailboxes: Mailboxes,
    stores: MailStores,
    folders: FolderStore,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> FullMessage:
    """Change flags and folders; a failed provider call changes nothing.

    A change without any part asks nobody and answers the message as it is.

    Raises NotFound, InvalidRequest for an unknown folder, and ProviderError.
    """
    message = stores.messages.get(account.id, message_id)
    if change == MessageChange():
        return read_message(
            account_id=account.id,
            message_id=message_id,
            messages=stores.messages,
            contents=stores.contents,
        )
    if change.folders is not None:
        known = {folder.id for folder in folders.all(account.id)}
        for folder_id in change.folders:
            if folder_id not in known:
                raise InvalidRequest(
                    f"There is no folder '{_shortened(folder_id)}'.", field="folders"
                )
    with mailboxes.open(account) as mailbox:
        _write(message, mailbox.apply(message, change), mailbox, stores, clock)
    _ring(account, sync_states, work)
    return read_message(
        account_id=account.id,
        message_id=message_id,
        messages=stores.messages,
        contents=stores.contents,
    )


def delete_message(
    *,
    account: Account,
    message_id: MessageId,
    for_good: bool,
    mailboxes: Mailboxes,
    stores: MailStores,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> None:
    """Move a message to the trash, or delete it for good. Raises NotFound, ProviderError."""
    message = stores.messages.get(account.id, message_id)
    with mailboxes.open(account) as mailbox:
        if for_good:
            mailbox.delete(message)
            remove_message(account_id=account.id, ref=_ref(message), version=None, stores=stores)
        else:
            _write(message, mailbox.trash(message), mailbox, stores, clock)
    _ring(account, sync_states, work)


def _write(
    message: Message, edit: MessageEdit, mailbox: Mailbox, stores: MailStores, clock: Clock
) -> None:
    """Write the change on top of what it was made from, or what the provider has now.

    When the sync stored a newer version at the same moment, nobody here knows which of the two
    changes the provider made last.
    """
    (outcome,) = stores.messages.put([message.edited(edit)])
    if not outcome.won:
        fetch_and_store(
            account_id=message.account_id,
            refs=[_ref(message)],
            mailbox=mailbox,
            stores=stores,
            clock=clock,
        )


def _shortened(folder_id: FolderId) -> str:
    return folder_id if len(folder_id) <= _SHOWN_ID_LENGTH else f"{folder_id[:_SHOWN_ID_LENGTH]}…"


def _ref(message: Message) -> MessageRef:
    return MessageRef(
        provider_id=message.provider_id, provider_thread_id=message.provider_thread_id
    )


def _ring(account: Account, sync_states: SyncStateStore, work: WorkQueue) -> None:
    sync_states.ring(account.id)
    work.sync(account.id)
