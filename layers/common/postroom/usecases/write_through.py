"""What the provider has changed is changed in the store at once, so a reader sees its own write."""

from collections.abc import Sequence

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageChange, MessageEdit
from postroom.domain.sync import MessageRef
from postroom.ports import LOOKUP_LIMIT, Clock, FolderStore, Mailbox, SyncStateStore, WorkQueue
from postroom.usecases.find_folders import find_folder
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, ask_for, fetch_and_store

_SHOWN_ID_LENGTH = 40
"""How much of an unknown folder id is repeated to whoever sent it."""


def store_edits(
    edits: Sequence[tuple[Message, MessageEdit]],
    *,
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
) -> None:
    """Write changes on top of what is stored, or what the provider has now.

    Somebody else's change of the same version stays. When the sync stored a newer version at the
    same moment, nobody here knows which of the two changes the provider made last.
    """
    changed: list[Message] = []
    for begin in range(0, len(edits), LOOKUP_LIMIT):
        some = edits[begin : begin + LOOKUP_LIMIT]
        stored = stores.messages.get_many(some[0][0].account_id, [each.id for each, _ in some])
        for message, edit in some:
            now = stored.get(message.id, message)
            changed.append((now if now.version == message.version else message).edited(edit))
    outcomes = stores.messages.put(changed)
    lost = [message for (message, _), put in zip(edits, outcomes, strict=True) if not put.won]
    if lost:
        fetch_and_store(
            account_id=lost[0].account_id,
            refs=[MessageRef.to(message) for message in lost],
            mailbox=mailbox,
            stores=stores,
            clock=clock,
        )


def look_again(
    account: Account,
    messages: Sequence[Message],
    *,
    mailboxes: Mailboxes,
    stores: MailStores,
    clock: Clock,
) -> None:
    """Have the next sync fetch what was changed, where versions cannot tell which change was last.

    Somebody may have changed it as well, and a sync may have stored that before we stored ours.
    """
    if not mailboxes.traits(account).exact_versions:
        ask_for(
            account_id=account.id,
            messages=messages,
            reason="changed",
            stores=stores,
            clock=clock,
        )


def ring(account: Account, *, sync_states: SyncStateStore, work: WorkQueue) -> None:
    """Say that the account has changed."""
    sync_states.ring(account.id)
    work.sync(account.id)


def named_folders(
    change: MessageChange, account: Account, *, mailboxes: Mailboxes, folders: FolderStore
) -> dict[FolderId, Folder]:
    """Return the folders that a change names. Raises InvalidRequest."""
    if change.folders is None:
        return {}
    known = folders.all(account.id)
    named: dict[FolderId, Folder] = {}
    for name in change.folders:
        folder = find_folder(name, account=account, known=known, mailboxes=mailboxes)
        if folder is None:
            raise InvalidRequest(f"There is no folder '{_shortened(name)}'.", field="folders")
        named[folder.id] = folder
    if mailboxes.traits(account).one_folder_per_message and len(named) != 1:
        raise InvalidRequest(
            "A message of this account lies in exactly one folder.", field="folders"
        )
    return named


def _shortened(folder_id: FolderId) -> str:
    return folder_id if len(folder_id) <= _SHOWN_ID_LENGTH else f"{folder_id[:_SHOWN_ID_LENGTH]}…"
