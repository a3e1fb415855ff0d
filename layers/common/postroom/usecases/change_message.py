"""Changing a message: at the provider first, then in the store, so a reader sees its own write."""

from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import MessageId
from postroom.domain.message import FullMessage, MessageChange
from postroom.domain.sync import MessageRef
from postroom.ports import Clock, FolderStore, SyncStateStore, WorkQueue
from postroom.usecases.list_messages import read_message
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, remove_message
from postroom.usecases.write_through import look_again, named_folders, ring, store_edits


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
    """Change flags, folders, categories and metadata; a failed provider call changes nothing.

    A change without any part asks nobody and answers the message as it is; metadata is ours, and
    concerns no provider.

    Raises NotFound, ProviderError, and InvalidRequest for an unknown folder, or for categories
    where there are none.
    """
    message = stores.messages.get(account.id, message_id)
    if replace(change, metadata=None) != MessageChange():
        if change.categories and not mailboxes.traits(account).has_categories:
            raise InvalidRequest(
                "Messages of this account have no categories; use folders.", field="categories"
            )
        named = named_folders(change, account, mailboxes=mailboxes, folders=folders)
        moved = replace(change, folders=tuple(named) if change.folders is not None else None)
        with mailboxes.open(account) as mailbox:
            edit = mailbox.apply(message, moved, folders=named)
            store_edits([(message, edit)], mailbox=mailbox, stores=stores, clock=clock)
        look_again(account, [message], mailboxes=mailboxes, stores=stores, clock=clock)
        ring(account, sync_states=sync_states, work=work)
    if change.metadata is not None:
        stores.messages.note(account.id, message_id, change.metadata)
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
            remove_message(
                account_id=account.id, ref=MessageRef.to(message), version=None, stores=stores
            )
        else:
            edit = mailbox.trash(message)
            store_edits([(message, edit)], mailbox=mailbox, stores=stores, clock=clock)
    if not for_good:
        look_again(account, [message], mailboxes=mailboxes, stores=stores, clock=clock)
    ring(account, sync_states=sync_states, work=work)
