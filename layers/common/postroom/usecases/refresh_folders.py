"""Keeping an account's folders as the provider has them, names, counts and all."""

from collections.abc import Callable
from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.ids import AccountId, FolderId
from postroom.domain.message import Position, View
from postroom.ports import LOOKUP_LIMIT, Clock, FolderStore, Mailbox
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, ask_for


def refresh_folders(
    *,
    account: Account,
    mailbox: Mailbox,
    mailboxes: Mailboxes,
    folders: FolderStore,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None] = lambda: None,
) -> None:
    """Read the folders again; messages leave those that are gone.

    Those stay that mail was stored in meanwhile, or that were changed through us, until the next
    reading.
    """
    # Before the provider is asked, so that a folder that comes meanwhile is not taken for gone.
    known = {folder.id: folder for folder in folders.all(account.id, with_hidden=True)}
    # A folder of the provider's own is never deleted: a list without it is a broken answer.
    current = {folder.id: folder for folder in known.values() if folder.is_system}
    asked_at = clock.now()
    current |= {folder.id: folder for folder in mailbox.folders()}
    still_here()  # whoever was away for longer than the lease stores nothing
    nowhere_is_gone = mailboxes.traits(account).one_folder_per_message
    for folder_id in known.keys() - current.keys():
        _leave_folder(
            account_id=account.id,
            folder_id=folder_id,
            nowhere_is_gone=nowhere_is_gone,
            stores=stores,
            clock=clock,
            still_here=still_here,
        )
    folders.replace_all(account.id, list(current.values()), known=known.keys(), asked_at=asked_at)


def _leave_folder(
    *,
    account_id: AccountId,
    folder_id: FolderId,
    nowhere_is_gone: bool,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None],
) -> None:
    """Take all messages out of a folder that was deleted: changes do not name each of them.

    With `nowhere_is_gone` a message that lies in no other folder is asked for: it has moved, or it
    went with its folder.
    """
    after: Position | None = None
    while places := stores.messages.positions(
        account_id, View(folder_id), limit=LOOKUP_LIMIT, after=after
    ):
        after, read_at = places[-1], clock.now()
        found = stores.messages.get_many(account_id, [place.message_id for place in places])
        inside = [message for message in found.values() if folder_id in message.folders]
        doubtful = [message for message in inside if nowhere_is_gone and len(message.folders) == 1]
        others = [message for message in inside if message not in doubtful]
        outcomes = stores.messages.put(
            [
                replace(
                    message, folders=tuple(each for each in message.folders if each != folder_id)
                )
                for message in others
            ],
            seen_at=read_at,
        )
        # Somebody has changed it meanwhile, as one that lies in the folder.
        doubtful += [each for each, put in zip(others, outcomes, strict=True) if not put.won]
        ask_for(
            account_id=account_id,
            messages=doubtful,
            reason="its folder is gone",
            stores=stores,
            clock=clock,
        )
        still_here()
