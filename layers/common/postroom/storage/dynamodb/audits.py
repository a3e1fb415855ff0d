"""Audits: a row for each account's last one, and one for each folder that it has looked at.

`ask` writes `asked_at` and `whole_asked_at` alone, `save` everything else, so that neither undoes
the other. Each row remembers the fence of the lease that saved it: whoever comes late finds a
higher one, or, once the account is erased, no row to save.

A quiet night writes a row for all mail, one for each folder that is looked at, and twice the
audit's own: some six write units for a mailbox of twenty folders.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from postroom.domain.audit import AuditPhase, AuditReport, Comparison, FolderAudit, FolderAuditState
from postroom.domain.errors import LeaseLost
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import Position, View
from postroom.domain.sync import Lease
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

_NO_LATER_FENCE = "(attribute_not_exists(#fence) OR #fence <= :fence)"


class DynamoAuditStore:
    """Audits in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, account_id: AccountId) -> AuditReport:
        """Return the last audit with its folders."""
        rows = {row["sk"]: row for row in self._table.query(keys.audits(account_id))}
        report = rows.pop(keys.audit(account_id).sk, {})
        folders = [_folder(row) for row in rows.values()]
        return _report(account_id, report, folders)

    def is_due(self, account_id: AccountId) -> bool:
        """Whether an audit is asked for or goes on."""
        return _report(account_id, self._table.get(keys.audit(account_id)) or {}, []).is_due

    def ask(self, account_id: AccountId, *, at: datetime, whole: bool) -> None:
        """Ask for another audit."""
        changes = "SET #v = :v, #asked_at = :at"
        if whole:
            changes += ", #whole_asked_at = :at"
        self._table.update(keys.audit(account_id), changes, {"v": SHAPE_VERSION, "at": to_text(at)})

    def save(self, lease: Lease, report: AuditReport) -> None:
        """Save how far an audit is. Raises LeaseLost."""
        times = {"began_at": report.began_at, "look_again_at": report.look_again_at}
        times["finished_at"] = report.finished_at
        values: dict[str, Any] = {
            "phase": report.phase,
            "is_whole": report.is_whole,
            "fence": lease.fence,
        }
        values |= {name: to_text(time) for name, time in times.items() if time is not None}
        changes = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        unset = [f"#{name}" for name, time in times.items() if time is None]
        if unset:
            changes += " REMOVE " + ", ".join(unset)
        try:
            self._table.update(
                keys.audit(lease.account_id),
                changes,
                values,
                condition=f"attribute_exists(#pk) AND {_NO_LATER_FENCE}",
            )
        except ConditionFailed:
            raise LeaseLost("another worker holds the lease") from None

    def save_folder(self, lease: Lease, folder: FolderAudit) -> None:
        """Save what is known about a folder. Raises LeaseLost."""
        row = _row(folder) | {"fence": lease.fence}
        try:
            self._table.put(
                keys.folder_audit(lease.account_id, folder.view),
                row,
                _NO_LATER_FENCE,
                {"fence": lease.fence},
            )
        except ConditionFailed:
            raise LeaseLost("another worker holds the lease") from None

    def forget_folder(self, account_id: AccountId, view: View) -> None:
        """Forget a folder that is gone."""
        self._table.delete(keys.folder_audit(account_id, view))

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's audits."""
        rows = self._table.query(keys.audits(account_id))
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])


def _report(account_id: AccountId, row: Row, folders: Sequence[FolderAudit]) -> AuditReport:
    return AuditReport(
        account_id=account_id,
        asked_at=_moment(row, "asked_at"),
        whole_asked_at=_moment(row, "whole_asked_at"),
        phase=AuditPhase(row.get("phase", AuditPhase.DONE)),
        began_at=_moment(row, "began_at"),
        is_whole=row.get("is_whole", False),
        look_again_at=_moment(row, "look_again_at"),
        finished_at=_moment(row, "finished_at"),
        folders={folder.view: folder for folder in folders},
    )


def _row(folder: FolderAudit) -> Row:
    row: Row = {
        "looked_at": to_text(folder.looked_at),
        "provider_count": folder.provider_count,
        "stored_count": folder.stored_count,
        "state": folder.state,
        "drift": folder.drift,
        "repaired": folder.repaired,
        "uncounted": folder.uncounted,
    }
    if folder.uncounted_at is not None:
        row["uncounted_at"] = to_text(folder.uncounted_at)
    comparison = folder.comparison
    if comparison is not None:
        swept = comparison.swept
        row["comparison"] = {
            "generation": comparison.generation,
            "position": comparison.position,
            "swept": swept and {"at": to_text(swept.received_at), "id": swept.message_id},
            "counted": comparison.counted,
            "listed": comparison.listed,
        }
    return row


def _folder(row: Row) -> FolderAudit:
    return FolderAudit(
        view=keys.view_of_audit(row["sk"]),
        looked_at=from_text(row["looked_at"]),
        provider_count=row["provider_count"],
        stored_count=row["stored_count"],
        state=FolderAuditState(row["state"]),
        drift=row["drift"],
        repaired=row["repaired"],
        uncounted=row["uncounted"],
        uncounted_at=_moment(row, "uncounted_at"),
        comparison=_comparison(row["comparison"]) if "comparison" in row else None,
    )


def _comparison(row: Row) -> Comparison:
    swept = row["swept"]
    return Comparison(
        generation=row["generation"],
        position=row["position"],
        swept=None if swept is None else _position(swept),
        counted=row["counted"],
        listed=row["listed"],
    )


def _position(row: Row) -> Position:
    return Position(received_at=from_text(row["at"]), message_id=MessageId(row["id"]))


def _moment(row: Row, name: str) -> datetime | None:
    return from_text(row[name]) if name in row else None
