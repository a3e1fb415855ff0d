"""AuditStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.audit import AuditPhase, AuditReport, Comparison, FolderAudit, FolderAuditState
from postroom.domain.errors import LeaseLost
from postroom.domain.ids import AccountId
from postroom.domain.message import ALL_MAIL, Position, View
from postroom.domain.sync import Lane, Lease
from postroom.ports import AuditStore
from postroom.storage.dynamodb.audits import DynamoAuditStore
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_message
from tests.fakes import InMemoryAuditStore

LATER = NOW + timedelta(minutes=5)


@pytest.fixture(params=["memory", "dynamodb"])
def audits(request: pytest.FixtureRequest) -> AuditStore:
    if request.param == "memory":
        return InMemoryAuditStore()
    return DynamoAuditStore(request.getfixturevalue("table"))


def make_lease(fence: int = 1, account_id: AccountId = ACCOUNT_ID) -> Lease:
    """A lease of the lane that audits."""
    return Lease(account_id=account_id, lane=Lane.BACKFILL, fence=fence, dirty=0)


def make_folder_audit(view: View = ALL_MAIL) -> FolderAudit:
    """A folder in which nothing is wrong."""
    return FolderAudit(view=view, looked_at=NOW, provider_count=7, stored_count=7)


class TestAuditStore:
    """What was asked, how far it is, and what it has found."""

    def test_an_account_that_was_never_audited_has_an_empty_report(
        self, audits: AuditStore
    ) -> None:
        """Nothing was asked and nothing is due."""
        assert audits.get(ACCOUNT_ID) == AuditReport(account_id=ACCOUNT_ID)
        assert not audits.get(ACCOUNT_ID).is_due

    def test_what_was_asked_is_remembered(self, audits: AuditStore) -> None:
        """A nightly wish does not make a whole audit a small one."""
        audits.ask(ACCOUNT_ID, at=NOW, whole=True)
        audits.ask(ACCOUNT_ID, at=LATER, whole=False)

        report = audits.get(ACCOUNT_ID)
        assert (report.asked_at, report.whole_asked_at) == (LATER, NOW)
        assert report.is_asked_for
        assert report.begun(LATER).is_whole
        assert not audits.get(OTHER_ACCOUNT_ID).is_due

    def test_an_audit_is_saved_whole(self, audits: AuditStore) -> None:
        """Times to the microsecond, every folder, and a comparison in the middle of its way."""
        audits.ask(ACCOUNT_ID, at=NOW, whole=False)
        saved = AuditReport(
            account_id=ACCOUNT_ID,
            asked_at=NOW,
            phase=AuditPhase.COMPARING,
            began_at=NOW + timedelta(microseconds=1),
            is_whole=True,
            look_again_at=LATER,
            folders={
                ALL_MAIL: make_folder_audit(),
                View("Label 1/é"): replace(
                    make_folder_audit(View("Label 1/é")),
                    state=FolderAuditState.SWEEPING,
                    drift=-3,
                    repaired=2,
                    uncounted=1,
                    uncounted_at=NOW,
                    comparison=Comparison(
                        generation="g",
                        position="https://next",
                        swept=Position(received_at=LATER, message_id=make_message().id),
                        counted=7,
                        listed=6,
                    ),
                ),
            },
        )
        audits.save(make_lease(), saved)
        for folder in saved.folders.values():
            audits.save_folder(make_lease(), folder)

        assert audits.get(ACCOUNT_ID) == saved

    def test_whether_an_audit_is_due_is_told_without_its_folders(self, audits: AuditStore) -> None:
        """Due from the wish until the audit that answers it is done, and of this account alone."""
        due = [audits.is_due(ACCOUNT_ID)]
        audits.ask(ACCOUNT_ID, at=NOW, whole=False)
        due.append(audits.is_due(ACCOUNT_ID))
        begun = audits.get(ACCOUNT_ID).begun(LATER)
        audits.save(make_lease(), begun)
        audits.save_folder(make_lease(), make_folder_audit())
        due.append(audits.is_due(ACCOUNT_ID))
        audits.save(make_lease(), replace(begun, phase=AuditPhase.DONE, finished_at=LATER))
        due.append(audits.is_due(ACCOUNT_ID))

        assert due == [False, True, True, False]
        assert not audits.is_due(OTHER_ACCOUNT_ID)

    def test_what_ends_is_unset(self, audits: AuditStore) -> None:
        """The second look is not due any more, a comparison is over."""
        audits.ask(ACCOUNT_ID, at=NOW, whole=False)
        begun = audits.get(ACCOUNT_ID).begun(LATER)
        audits.save(make_lease(), replace(begun, look_again_at=LATER))
        comparing = replace(
            make_folder_audit(), comparison=Comparison(generation="g", counted=1, listed=None)
        )
        audits.save_folder(make_lease(), comparing)

        finished = replace(begun, phase=AuditPhase.DONE, finished_at=LATER)
        audits.save(make_lease(), finished)
        audits.save_folder(make_lease(), make_folder_audit())

        assert audits.get(ACCOUNT_ID) == replace(finished, folders={ALL_MAIL: make_folder_audit()})
        assert not audits.get(ACCOUNT_ID).is_due

    def test_whoever_comes_late_saves_nothing(self, audits: AuditStore) -> None:
        """Another worker has taken over and saved; its own successor may save again."""
        audits.ask(ACCOUNT_ID, at=NOW, whole=False)
        newest = replace(audits.get(ACCOUNT_ID), began_at=LATER)
        audits.save(make_lease(2), newest)
        audits.save_folder(make_lease(2), make_folder_audit())

        with pytest.raises(LeaseLost):
            audits.save(make_lease(1), replace(newest, finished_at=LATER))
        with pytest.raises(LeaseLost):
            audits.save_folder(make_lease(1), replace(make_folder_audit(), drift=9))

        assert audits.get(ACCOUNT_ID).finished_at is None
        assert audits.get(ACCOUNT_ID).folders == {ALL_MAIL: make_folder_audit()}
        audits.save(make_lease(3), replace(newest, finished_at=LATER))
        assert audits.get(ACCOUNT_ID).finished_at == LATER

    def test_saving_does_not_undo_a_wish(self, audits: AuditStore) -> None:
        """Somebody asks while an audit goes on: there will be another one."""
        audits.ask(ACCOUNT_ID, at=NOW, whole=False)
        begun = audits.get(ACCOUNT_ID).begun(NOW)
        audits.save(make_lease(), begun)
        audits.ask(ACCOUNT_ID, at=LATER, whole=True)

        audits.save(make_lease(), replace(begun, phase=AuditPhase.DONE, finished_at=LATER))

        report = audits.get(ACCOUNT_ID)
        assert report.is_asked_for
        assert report.begun(LATER).is_whole

    def test_a_folder_that_is_gone_is_forgotten(self, audits: AuditStore) -> None:
        """It alone; forgetting it twice is fine."""
        audits.save_folder(make_lease(), make_folder_audit())
        audits.save_folder(make_lease(), make_folder_audit(View("gone")))

        audits.forget_folder(ACCOUNT_ID, View("gone"))
        audits.forget_folder(ACCOUNT_ID, View("gone"))

        assert audits.get(ACCOUNT_ID).folders == {ALL_MAIL: make_folder_audit()}

    def test_an_account_is_erased_with_its_audits(self, audits: AuditStore) -> None:
        """No other account's, and nobody who comes late brings the report back."""
        for account_id in (ACCOUNT_ID, OTHER_ACCOUNT_ID):
            audits.ask(account_id, at=NOW, whole=False)
            audits.save_folder(make_lease(account_id=account_id), make_folder_audit())

        audits.erase(ACCOUNT_ID)
        audits.erase(ACCOUNT_ID)

        assert audits.get(ACCOUNT_ID) == AuditReport(account_id=ACCOUNT_ID)
        assert audits.get(OTHER_ACCOUNT_ID).folders
        with pytest.raises(LeaseLost):
            audits.save(make_lease(), AuditReport(account_id=ACCOUNT_ID, began_at=NOW))
