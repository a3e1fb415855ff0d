"""Comparing a folder id by id: what stands on one side alone is asked for by its id.

    LISTING   the provider's ids, page by page:  marked, and looked up in the store
    SWEEPING  our messages of the folder:        those without a mark are in doubt

Each page is a checkpoint. A page that is done again after a crash marks and asks the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from postroom.domain.audit import Comparison, FolderAudit, FolderAuditState
from postroom.domain.errors import CursorExpired, NotFound
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, MessageId, message_id
from postroom.domain.message import ALL_MAIL, Message, View
from postroom.domain.sync import MessageRef, PendingFetch
from postroom.observability import logger
from postroom.ports import LOOKUP_LIMIT, Mailbox
from postroom.usecases.store_mail import ask_for
from postroom.usecases.sync_lanes import SyncTools

_REASON = "audit"


class IdComparer:
    """Compares the folders of one account, whose audit began at a time."""

    def __init__(
        self,
        *,
        account_id: AccountId,
        mailbox: Mailbox,
        folders: Callable[[], Mapping[FolderId, Folder]],
        began_at: datetime,
        tools: SyncTools,
        still_here: Callable[[], None],
    ) -> None:
        self._account_id = account_id
        self._mailbox = mailbox
        self._folders = folders
        self._audit_began_at = began_at
        self._tools = tools
        self._still_here = still_here
        self.has_asked = False
        """Whether anything waits to be fetched now."""

    def go_on(self, audit: FolderAudit) -> FolderAudit | None:
        """Compare the next page; answers the checkpoint behind it, None for a folder that is gone.

        Raises what the mailbox raises, and LeaseLost.
        """
        if audit.comparison is None:
            return None
        if audit.state is FolderAuditState.LISTING:
            return self._list_page(audit, audit.comparison)
        return self._sweep_page(audit, audit.comparison)

    def _list_page(self, audit: FolderAudit, comparison: Comparison) -> FolderAudit | None:
        """Ask for what the next ids of the list name and we have not stored as such."""
        folder = None if audit.view == ALL_MAIL else self._folders().get(FolderId(audit.view))
        if folder is None and audit.view != ALL_MAIL:
            return None
        try:
            page = self._mailbox.listed_ids(folder, comparison.position)
        except NotFound:
            return None
        except CursorExpired:  # tomorrow's audit lists it anew
            logger.warning("listing_expired", extra={"account_id": self._account_id})
            return replace(audit, state=FolderAuditState.DRIFTING, comparison=None)
        self._still_here()  # whoever was away for longer than the lease asks for nothing
        found = 0
        for start in range(0, len(page.refs), LOOKUP_LIMIT):
            some = page.refs[start : start + LOOKUP_LIMIT]
            found += self._ask_for_listed(audit.view, some, comparison.generation)
            self._still_here()
        is_last = page.next_position is None
        return replace(
            audit,
            state=FolderAuditState.SWEEPING if is_last else FolderAuditState.LISTING,
            repaired=audit.repaired + found,
            comparison=replace(
                comparison,
                position=page.next_position or "",
                listed=(comparison.listed or 0) + len(page.refs),
            ),
        )

    def _ask_for_listed(self, view: View, refs: Sequence[MessageRef], generation: str) -> int:
        """Ask for what is not stored, lies elsewhere, or is lacking in its list; answers how many.

        An end that was noted before the audit began is none: the message has been listed since.
        """
        account_id, stores, now = self._account_id, self._tools.stores, self._tools.clock.now()
        by_id = {message_id(account_id, ref.provider_id): ref for ref in refs}
        stores.listed.mark(account_id, generation, list(by_id))
        stored = stores.messages.get_many(account_id, list(by_id))
        missing = [each for each in by_id if each not in stored]
        stores.messages.let_ends_lapse(account_id, missing, noted_before=self._audit_began_at)
        fetches = [
            PendingFetch(ref=by_id[each], attempts=0, reason=_REASON, retry_at=now)
            for each in missing
        ]
        stores.pending.put(account_id, fetches)
        inside = [message for message in stored.values() if view in message.views()]
        doubtful = [message for message in stored.values() if view not in message.views()]
        doubtful += stores.messages.unplaced(view, inside)
        self._ask_for(doubtful)
        self.has_asked |= bool(missing)
        return len(missing) + len(doubtful)

    def _sweep_page(self, audit: FolderAudit, comparison: Comparison) -> FolderAudit:
        """Ask for those stored messages of a folder that the provider does not list in it.

        A place whose message is gone is left alone: whoever removes one takes its places away, and
        does it again after a crash.
        """
        account_id, stores = self._account_id, self._tools.stores
        places = stores.messages.positions(
            account_id, audit.view, limit=LOOKUP_LIMIT, after=comparison.swept
        )
        if not places:
            return replace(audit, state=FolderAuditState.MENDING)
        ids: Sequence[MessageId] = [place.message_id for place in places]
        if comparison.listed is not None:
            ids = stores.listed.unmarked(account_id, comparison.generation, ids)
        doubtful = list(stores.messages.get_many(account_id, ids).values())
        if comparison.listed is None:
            known = self._folders().keys()
            doubtful = [message for message in doubtful if known.isdisjoint(message.folders)]
        self._still_here()
        self._ask_for(doubtful)
        return replace(
            audit,
            repaired=audit.repaired + len(doubtful),
            comparison=replace(comparison, swept=places[-1]),
        )

    def _ask_for(self, messages: Sequence[Message]) -> None:
        tools = self._tools
        ask_for(
            account_id=self._account_id,
            messages=messages,
            reason=_REASON,
            stores=tools.stores,
            clock=tools.clock,
        )
        self.has_asked |= bool(messages)
