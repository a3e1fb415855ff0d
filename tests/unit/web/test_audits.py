"""An audit as the API shows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.audit import AuditPhase, AuditReport, FolderAudit, FolderAuditState
from postroom.domain.message import ALL_MAIL, View
from postroom.web.schemas.audits import AuditOut
from tests.builders import ACCOUNT_ID, NOW, make_folder

NEVER = AuditReport(account_id=ACCOUNT_ID)
ASKED = replace(NEVER, asked_at=NOW)
RUNNING = ASKED.begun(NOW)
DONE = replace(RUNNING, phase=AuditPhase.DONE, finished_at=NOW + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (NEVER, "never"),
        (ASKED, "waiting"),
        (RUNNING, "running"),
        (replace(RUNNING, asked_at=NOW + timedelta(hours=1)), "running"),
        (DONE, "done"),
        (replace(DONE, asked_at=NOW + timedelta(hours=1)), "waiting"),
    ],
)
def test_states_are_told_in_a_word(report: AuditReport, state: str) -> None:
    """Whoever waits for an audit looks at one word."""
    assert AuditOut.from_domain(report, []).state == state


def test_drift_is_shown_with_both_counts() -> None:
    """Folders come by their names, all mail by itself; times are seconds."""
    inbox, other = make_folder(), make_folder(id="Label_9", name="Accounts")
    audit = FolderAudit(
        view=View(inbox.id),
        looked_at=NOW,
        provider_count=12,
        stored_count=12,
        state=FolderAuditState.REPAIRED,
        drift=-2,
        repaired=3,
    )
    everything = replace(audit, view=ALL_MAIL, drift=0, state=FolderAuditState.EQUAL)
    gone = replace(audit, view=View("unknown"))
    audits = [audit, everything, replace(audit, view=View(other.id)), gone]
    report = replace(DONE, folders={each.view: each for each in audits})

    shown = AuditOut.from_domain(report, [inbox, other])

    assert shown.grant_id == ACCOUNT_ID
    assert (shown.began_at, shown.finished_at) == (
        int(NOW.timestamp()),
        int(NOW.timestamp()) + 60,
    )
    assert shown.all_mail is not None
    assert shown.all_mail.state == "equal"
    assert [each.name for each in shown.folders] == ["", "Accounts", inbox.name]
    last = shown.folders[-1]
    assert (last.provider_count, last.drift, last.repaired, last.state) == (12, -2, 3, "repaired")
