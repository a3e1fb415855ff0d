"""Audits: whether the copy of a mailbox is complete, folder by folder."""

from collections.abc import Sequence
from datetime import datetime

from postroom.domain.audit import AuditReport, FolderAudit
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId
from postroom.domain.message import ALL_MAIL
from postroom.web.schemas.fields import Output, unix_seconds


class CountsOut(Output):
    """What the provider counts and what is stored.

    `drift`: how many messages the provider was ahead, before anything was repaired; below zero
    where there were too many. `repaired`: messages that were looked up because of it. `uncounted`:
    how many the provider counts beyond those that it lists. `state`: `equal`; `doubted` (counts
    differed, and are looked at again); `listing`, `sweeping`, `mending` (ids are being compared,
    and what differs is fetched); `repaired`; `drifting` (differs still; the next audit goes on).
    """

    provider_count: int
    stored_count: int
    drift: int
    repaired: int
    uncounted: int
    state: str
    looked_at: int

    @classmethod
    def from_domain(cls, audit: FolderAudit) -> "CountsOut":
        """Render what is known about all mail, or about a folder."""
        return cls(
            provider_count=audit.provider_count,
            stored_count=audit.stored_count,
            drift=audit.drift,
            repaired=audit.repaired,
            uncounted=audit.uncounted,
            state=audit.state,
            looked_at=unix_seconds(audit.looked_at),
        )


class FolderAuditOut(CountsOut):
    """The same of one folder. `name` is empty for one that came since the folders were read."""

    folder_id: str
    name: str


class AuditOut(Output):
    """The last audit of a grant; times are Unix seconds.

    `state`: `never`, `waiting` (to begin), `running` or `done`. What is told of a folder may be of
    an earlier night: `looked_at` says.
    """

    grant_id: str
    state: str
    asked_at: int | None
    began_at: int | None
    finished_at: int | None
    all_mail: CountsOut | None
    folders: list[FolderAuditOut]

    @classmethod
    def from_domain(cls, report: AuditReport, folders: Sequence[Folder]) -> "AuditOut":
        """Render a report; folders in the order of their names."""
        names = {folder.id: folder.name for folder in folders}
        everything = report.folders.get(ALL_MAIL)
        audits = [audit for view, audit in report.folders.items() if view != ALL_MAIL]
        rendered = [
            FolderAuditOut(
                folder_id=audit.view,
                name=names.get(FolderId(audit.view), ""),
                **CountsOut.from_domain(audit).model_dump(),
            )
            for audit in audits
        ]
        return cls(
            grant_id=report.account_id,
            state=_state(report),
            asked_at=_seconds(report.asked_at),
            began_at=_seconds(report.began_at),
            finished_at=_seconds(report.finished_at),
            all_mail=None if everything is None else CountsOut.from_domain(everything),
            folders=sorted(rendered, key=lambda each: (each.name.casefold(), each.folder_id)),
        )


def _state(report: AuditReport) -> str:
    if report.is_running:
        return "running"
    if report.is_asked_for:
        return "waiting"
    return "never" if report.began_at is None else "done"


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else unix_seconds(time)
