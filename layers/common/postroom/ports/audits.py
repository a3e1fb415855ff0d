"""Where it is kept how complete the copy of each account is."""

from datetime import datetime
from typing import Protocol

from postroom.domain.audit import AuditReport, FolderAudit
from postroom.domain.ids import AccountId
from postroom.domain.message import View
from postroom.domain.sync import Lease


class AuditStore(Protocol):
    """The last audit of each account.

    What is saved with a lease raises LeaseLost when a later one has saved before.
    """

    def get(self, account_id: AccountId) -> AuditReport:
        """Return the last audit, with all its folders; one that was never asked for is empty."""

    def is_due(self, account_id: AccountId) -> bool:
        """Whether an audit is asked for or goes on: as the report says, at the price of one row."""

    def ask(self, account_id: AccountId, *, at: datetime, whole: bool) -> None:
        """Ask for another audit; one that is under way goes on first.

        `whole` wants every folder looked at. Whatever was asked before it begins is one audit.
        """

    def save(self, lease: Lease, report: AuditReport) -> None:
        """Save how far an audit is, but for its folders and for what was asked."""

    def save_folder(self, lease: Lease, folder: FolderAudit) -> None:
        """Save what is known about a folder."""

    def forget_folder(self, account_id: AccountId, view: View) -> None:
        """Forget a folder that is gone; an unknown one is fine."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's audits."""
