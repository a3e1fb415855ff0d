"""Audits in memory."""

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from postroom.domain.audit import AuditReport, FolderAudit
from postroom.domain.errors import LeaseLost
from postroom.domain.ids import AccountId
from postroom.domain.message import View
from postroom.domain.sync import Lease


@dataclass(slots=True)
class _Row:
    report: AuditReport
    fence: int = 0
    fences: dict[View, int] = field(default_factory=dict)
    """Of the leases that saved the folders."""


class InMemoryAuditStore:
    """The last audit of each account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[AccountId, _Row] = {}

    def get(self, account_id: AccountId) -> AuditReport:
        """Return the last audit."""
        row = self._rows.get(account_id)
        return AuditReport(account_id=account_id) if row is None else row.report

    def is_due(self, account_id: AccountId) -> bool:
        """Whether an audit is asked for or goes on."""
        return self.get(account_id).is_due

    def ask(self, account_id: AccountId, *, at: datetime, whole: bool) -> None:
        """Ask for another audit."""
        with self._lock:
            row = self._rows.setdefault(account_id, _Row(AuditReport(account_id=account_id)))
            row.report = replace(row.report, asked_at=at)
            if whole:
                row.report = replace(row.report, whole_asked_at=at)

    def save(self, lease: Lease, report: AuditReport) -> None:
        """Save how far an audit is. Raises LeaseLost."""
        with self._lock:
            row = self._rows.get(lease.account_id)
            if row is None or row.fence > lease.fence:
                raise LeaseLost("another worker holds the lease")
            row.fence = lease.fence
            row.report = replace(
                row.report,
                phase=report.phase,
                began_at=report.began_at,
                is_whole=report.is_whole,
                look_again_at=report.look_again_at,
                finished_at=report.finished_at,
            )

    def save_folder(self, lease: Lease, folder: FolderAudit) -> None:
        """Save what is known about a folder. Raises LeaseLost."""
        with self._lock:
            row = self._rows.setdefault(
                lease.account_id, _Row(AuditReport(account_id=lease.account_id))
            )
            if row.fences.get(folder.view, 0) > lease.fence:
                raise LeaseLost("another worker holds the lease")
            row.fences[folder.view] = lease.fence
            folders = {**row.report.folders, folder.view: folder}
            row.report = replace(row.report, folders=folders)

    def forget_folder(self, account_id: AccountId, view: View) -> None:
        """Forget a folder."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is not None:
                row.fences.pop(view, None)
                left = {each: known for each, known in row.report.folders.items() if each != view}
                row.report = replace(row.report, folders=left)

    def erase(self, account_id: AccountId) -> None:
        """Forget all audits of an account."""
        with self._lock:
            self._rows.pop(account_id, None)
