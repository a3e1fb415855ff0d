"""Changing a message: at the provider first, then in the store, so a reader sees its own write."""

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import MessageId
from postroom.domain.message import FullMessage, Message, MessageChange, MessageEdit
from postroom.domain.sync import MessageRef
from postroom.ports import FolderStore, SyncStateStore, WorkQueue
from postroom.usecases.list_messages import read_message
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, remove_message

_WRITE_ATTEMPTS = 3
"""The sync may store a newer version at the same moment; the edit then goes on top of that."""


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
) -> FullMessage:
    """Change flags and folders; a failed provider call changes nothing.

    Raises NotFound, InvalidRequest for an unknown folder, and ProviderError.
    """
    message = stores.messages.get(account.id, message_id)
    if change.folders is not None:
        known = {folder.id for folder in folders.all(account.id)}
        for folder_id in change.folders:
            if folder_id not in known:
                raise InvalidRequest(f"There is no folder '{folder_id}'.", field="folders")
    with mailboxes.open(account) as mailbox:
        edit = mailbox.apply(message, change)
    _write(message, edit, stores)
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
) -> None:
    """Move a message to the trash, or delete it for good. Raises NotFound, ProviderError."""
    message = stores.messages.get(account.id, message_id)
    with mailboxes.open(account) as mailbox:
        if for_good:
            mailbox.delete(message)
        else:
            edit = mailbox.trash(message)
    if for_good:
        ref = MessageRef(
            provider_id=message.provider_id, provider_thread_id=message.provider_thread_id
        )
        remove_message(account_id=account.id, ref=ref, version=None, stores=stores)
    else:
        _write(message, edit, stores)
    _ring(account, sync_states, work)


def _write(message: Message, edit: MessageEdit, stores: MailStores) -> None:
    for _ in range(_WRITE_ATTEMPTS):
        (outcome,) = stores.messages.put([message.edited(edit)])
        if outcome.won:
            return
        message = stores.messages.get(message.account_id, message.id)


def _ring(account: Account, sync_states: SyncStateStore, work: WorkQueue) -> None:
    sync_states.ring(account.id)
    work.sync(account.id)
