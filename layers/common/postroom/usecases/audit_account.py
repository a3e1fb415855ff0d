"""The nightly audit: whether the copy holds what the mailbox holds.

It works under the backfill's lease, in steps, and asks where it must not guess:

    counts here and there ─ differ twice ─► ids here and there ─ differ ─► pending fetches
                                                                              │ the present rung
                                              stored, or removed ◄── fetched by its id

Nothing is stored or removed here. A message that the provider lists and we lack, one of ours that
it does not list, one in another folder: each becomes a pending fetch, and the holder of the
present's lease, who alone follows the mailbox, learns from the fetch what is true. So whatever
changes while the ids are being listed costs a fetch, and never a message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from postroom.domain.account import Account
from postroom.domain.audit import (
    NIGHTS_PER_ROUND,
    SECOND_LOOK_AFTER,
    AuditPhase,
    AuditReport,
    FolderAudit,
    FolderAuditState,
    MailboxTotals,
)
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId, new_token
from postroom.domain.message import ALL_MAIL, View
from postroom.domain.sync import STEP_LIMIT, Lease, SyncState
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.compare_ids import IdComparer
from postroom.usecases.sync_lanes import Heartbeat, SyncTools

_PATIENCE = timedelta(hours=1)
"""How long to wait for a present that does not come to its end; then what is there is looked at."""

_WAIT = timedelta(minutes=1)
"""Between two looks whether the present has come."""

_FOLLOWING = {
    AuditPhase.LOOKING: (AuditPhase.DOUBTING, (FolderAuditState.DOUBTED,)),
    AuditPhase.DOUBTING: (
        AuditPhase.COMPARING,
        (FolderAuditState.LISTING, FolderAuditState.SWEEPING),
    ),
    AuditPhase.COMPARING: (AuditPhase.MENDING, (FolderAuditState.MENDING,)),
}
"""The phase after a phase, and the states of those folders that it works on."""


def audit_account(
    *, lease: Lease, account: Account, mailbox: Mailbox, state: SyncState, tools: SyncTools
) -> timedelta | None:
    """Do a step of an audit that is due; answers when to go on, None when there is no more to do.

    Raises LeaseLost, and what the mailbox raises; whoever comes next goes on from the last
    checkpoint.
    """
    return _Step(lease, account, mailbox, state, tools).run()


class _Step:
    """One holder's work on the audit of one account."""

    def __init__(
        self,
        lease: Lease,
        account: Account,
        mailbox: Mailbox,
        state: SyncState,
        tools: SyncTools,
    ) -> None:
        self._lease = lease
        self._account_id = account.id
        self._mailbox = mailbox
        self._state = state
        self._tools = tools
        self._began_at = tools.clock.now()
        self._still_here = Heartbeat(lease, sync_states=tools.sync_states, clock=tools.clock)
        self._listed_apart = tools.mailboxes.traits(account).one_folder_per_message
        """Whether there is a list of each folder, but none of all mail."""
        self._report = tools.audits.get(account.id)
        self._known_folders: Mapping[FolderId, Folder] | None = None

    def run(self) -> timedelta | None:
        """Go on until the audit is done or has to wait, or the step's time is over."""
        if not self._report.is_due:
            return None
        if not self._report.is_running:
            self._save(self._report.begun(self._tools.clock.now()))
        return self._go_on()

    def _go_on(self) -> timedelta | None:
        work = {
            AuditPhase.LOOKING: self._look,
            AuditPhase.DOUBTING: self._look_again,
            AuditPhase.COMPARING: self._compare,
            AuditPhase.MENDING: self._look_at_last,
        }
        while self._has_time():
            phase = self._report.phase
            if phase is AuditPhase.DONE:
                return timedelta() if self._report.is_asked_for else None
            if wait := self._wait_for_the_present():
                return wait
            if work[phase]():
                self._leave(phase)
        return timedelta()

    # ── From phase to phase ──────────────────────────────────────────────────────────────────

    def _leave(self, phase: AuditPhase) -> None:
        """Go over to the next phase, or finish where it has no folder to work on."""
        following, states = _FOLLOWING.get(phase, (AuditPhase.DONE, ()))
        if not self._folders(*states):
            self._finish()
            return
        rings = following in {AuditPhase.DOUBTING, AuditPhase.MENDING}
        look_again_at = self._tools.clock.now() + SECOND_LOOK_AFTER if rings else None
        self._save(replace(self._report, phase=following, look_again_at=look_again_at))
        if rings:
            self._ring()

    def _finish(self) -> None:
        self._save(
            replace(
                self._report,
                phase=AuditPhase.DONE,
                look_again_at=None,
                finished_at=self._tools.clock.now(),
            )
        )
        seen = [folder for folder in self._report.folders.values() if self._report.seen(folder)]
        extra = {
            "account_id": self._account_id,
            "folders": len(seen),
            "drift": sum(abs(folder.drift) for folder in seen),
            "drifting": sum(not folder.is_settled for folder in seen),
        }
        logger.info("account_audited", extra=extra)
        count("AccountsAudited")

    def _wait_for_the_present(self) -> timedelta | None:
        """Return how long to wait until the present has come after it was rung, if at all."""
        look_again_at, now = self._report.look_again_at, self._tools.clock.now()
        if look_again_at is None:
            return None
        if now < look_again_at:
            return look_again_at - now
        rang_at = look_again_at - SECOND_LOOK_AFTER
        is_over = self._has_come_since(rang_at) or now >= rang_at + _PATIENCE
        return None if is_over else _WAIT

    def _has_come_since(self, rang_at: datetime) -> bool:
        synced_at = self._state.synced_at
        return synced_at is not None and synced_at >= rang_at

    def _ring(self) -> None:
        if self._tools.sync_states.ring(self._account_id):
            self._tools.work.sync(self._account_id)

    # ── Counts ───────────────────────────────────────────────────────────────────────────────

    def _look(self) -> bool:
        """Look for the first time; False when the step's time is over before."""
        totals = self._totals()
        counts = _counts(totals)
        for view in self._report.folders.keys() - {folder.id for folder in totals.folders}:
            if view != ALL_MAIL:
                self._forget(View(view))
        everything = counts.pop(ALL_MAIL, None)
        if everything is not None and self._unseen([ALL_MAIL]):
            self._look_at(ALL_MAIL, everything)
        for view in self._tonight(list(counts)):
            if not self._has_time():
                return False
            self._look_at(view, counts[view])
        return True

    def _tonight(self, views: Sequence[View]) -> Sequence[View]:
        """Return the folders that are still to be looked at in this audit.

        All of them where all mail differs and a folder has to be the cause.
        """
        known = self._report.folders
        everything = known.get(ALL_MAIL)
        doubted = everything is not None and everything.state is FolderAuditState.DOUBTED
        unseen = self._unseen(views)
        if self._report.is_whole or (self._listed_apart and doubted):
            return unseen
        urgent = [view for view in unseen if view in known and not known[view].is_settled]
        never = datetime.min.replace(tzinfo=self._began_at.tzinfo)
        in_turn = sorted(
            (view for view in unseen if view not in urgent),
            key=lambda view: (known[view].looked_at if view in known else never, view),
        )
        share = ceil(len(views) / NIGHTS_PER_ROUND) - (len(views) - len(unseen))
        return [*urgent, *in_turn[: max(share, 0)]]

    def _unseen(self, views: Sequence[View]) -> Sequence[View]:
        known, seen = self._report.folders, self._report.seen
        return [view for view in views if view not in known or not seen(known[view])]

    def _look_at(self, view: View, provider_count: int) -> None:
        at = max(self._tools.clock.now(), self._report.began_at or self._began_at)
        known = self._report.folders.get(view) or FolderAudit(
            view=view, looked_at=at, provider_count=0, stored_count=0
        )
        looked = self._with_uncounted(known).looked(
            at=at,
            provider_count=provider_count,
            stored_count=self._tools.stores.messages.count(self._account_id, view),
        )
        self._keep(looked)

    def _look_again(self) -> bool:
        """Look for the second time: what differs still is drift. False when time is over."""
        counts = _counts(self._totals())
        for folder in self._folders(FolderAuditState.DOUBTED):
            if not self._has_time():
                return False
            provider_count = counts.get(folder.view)
            if provider_count is None:
                self._forget(folder.view)
                continue
            self._look_at(folder.view, provider_count)
            again = self._report.folders[folder.view]
            if again.state is FolderAuditState.DOUBTED:
                is_listed = not (self._listed_apart and folder.view == ALL_MAIL)
                self._keep(again.confirmed(new_token(), is_listed=is_listed))
                if again.difference != 0:
                    self._tell_of_drift(again.difference)
        return True

    def _look_at_last(self) -> bool:
        """Look for the third time, at all mail last; False when the step's time is over before."""
        counts, is_all_fetched = _counts(self._totals()), self._is_all_fetched()
        mending = self._folders(FolderAuditState.MENDING)
        for folder in sorted(mending, key=lambda each: each.view == ALL_MAIL):
            if not self._has_time():
                return False
            provider_count = counts.get(folder.view)
            if provider_count is None:
                self._forget(folder.view)
                continue
            mended = self._with_uncounted(folder).mended(
                at=self._tools.clock.now(),
                provider_count=provider_count,
                stored_count=self._tools.stores.messages.count(self._account_id, folder.view),
                is_all_fetched=is_all_fetched,
            )
            self._keep(mended)
        return True

    def _is_all_fetched(self) -> bool:
        """Whether the present has come since the comparison, and left nothing for later."""
        look_again_at = self._report.look_again_at
        return (
            look_again_at is not None
            and self._has_come_since(look_again_at - SECOND_LOOK_AFTER)
            and not self._tools.stores.pending.is_any_left(self._account_id)
        )

    def _with_uncounted(self, audit: FolderAudit) -> FolderAudit:
        """Where all mail is the sum of its folders, so is what it counts beyond its lists."""
        if audit.view != ALL_MAIL or not self._listed_apart:
            return audit
        folders = self._report.folders.values()
        uncounted = sum(folder.uncounted for folder in folders if folder.view != ALL_MAIL)
        return replace(audit, uncounted=uncounted, uncounted_at=self._tools.clock.now())

    def _tell_of_drift(self, difference: int) -> None:
        extra = {"account_id": self._account_id, "drift": difference}
        logger.warning("mail_drift", extra=extra)
        count("MailDrift", abs(difference))

    # ── Ids ──────────────────────────────────────────────────────────────────────────────────

    def _compare(self) -> bool:
        """List and sweep, folder by folder; False when the step's time is over before."""
        comparer = IdComparer(
            account_id=self._account_id,
            mailbox=self._mailbox,
            folders=self._folders_by_id,
            began_at=self._report.began_at or self._began_at,
            tools=self._tools,
            still_here=self._still_here,
        )
        try:
            while audits := [
                *self._folders(FolderAuditState.LISTING),
                *self._folders(FolderAuditState.SWEEPING),
            ]:
                if not self._has_time():
                    return False
                compared = comparer.go_on(audits[0])
                if compared is None:
                    self._forget(audits[0].view)
                else:
                    self._keep(compared)
        finally:
            if comparer.has_asked:
                self._ring()
        return True

    # ── What the step works with ─────────────────────────────────────────────────────────────

    def _totals(self) -> MailboxTotals:
        totals = self._mailbox.totals()
        self._still_here()
        self._known_folders = {folder.id: folder for folder in totals.folders}
        return totals

    def _folders_by_id(self) -> Mapping[FolderId, Folder]:
        if self._known_folders is None:
            self._known_folders = {folder.id: folder for folder in self._mailbox.folders()}
        return self._known_folders

    def _folders(self, *states: FolderAuditState) -> list[FolderAudit]:
        """Return the folders of this audit that are in one of these states."""
        return [
            folder
            for folder in self._report.folders.values()
            if folder.state in states and self._report.seen(folder)
        ]

    def _keep(self, folder: FolderAudit) -> None:
        self._still_here()
        self._tools.audits.save_folder(self._lease, folder)
        folders = {**self._report.folders, folder.view: folder}
        self._report = replace(self._report, folders=folders)

    def _forget(self, view: View) -> None:
        self._tools.audits.forget_folder(self._account_id, view)
        left = {each: known for each, known in self._report.folders.items() if each != view}
        self._report = replace(self._report, folders=left)

    def _save(self, report: AuditReport) -> None:
        self._tools.audits.save(self._lease, report)
        self._report = report

    def _has_time(self) -> bool:
        return self._tools.clock.now() - self._began_at < STEP_LIMIT


def _counts(totals: MailboxTotals) -> dict[View, int]:
    """Return the provider's counts, as far as it could count, that of all mail among them."""
    counts = {
        View(folder.id): folder.total_count
        for folder in totals.folders
        if folder.total_count is not None
    }
    return counts if totals.messages is None else {**counts, ALL_MAIL: totals.messages}
