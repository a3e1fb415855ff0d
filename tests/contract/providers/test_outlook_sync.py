"""What Outlook alone does while its folders are followed: moves, hidden folders, limits, cuts."""

import re
from typing import Any

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import View
from tests.contract.providers.service import ADA, Connected, Service, make_service, ref_of, told


@pytest.fixture
def service() -> Service:
    return make_service(ProviderName.MICROSOFT)


@pytest.fixture
def ada(service: Service) -> Connected:
    """Ada's mailbox, connected and empty."""
    return service.connect()


def folder_named(ada: Connected, name: str) -> FolderId:
    return next(folder.id for folder in ada.mailbox.folders() if folder.name == name)


def test_a_move_is_told_by_both_folders_and_ends_nothing(ada: Connected) -> None:
    """The message left one folder and came into the other, with the id that it had."""
    # Given
    moved = ada.deliver()
    ada.listed()
    inbox = ada.folder(FolderRole.INBOX).id
    # When
    ada.service.simulator.change(ADA, {"op": "move", "id": moved, "folder": "archive"})
    pages = ada.changes()
    # Then
    assert [entry for page in pages for entry in page.left] == [(moved, inbox)]
    (came,) = (full for page in pages for full in page.fetched.messages)
    assert came.message.provider_id == moved
    assert came.message.folders == (ada.folder(FolderRole.ARCHIVE).id,)
    assert not any(page.removed for page in pages)


def test_there_and_back_again_is_where_it_was(ada: Connected) -> None:
    """Whatever is told on the way, the last word is that it is here."""
    # Given
    moved = ada.deliver()
    ada.listed()
    # When
    for folder in ("archive", "inbox"):
        ada.service.simulator.change(ADA, {"op": "move", "id": moved, "folder": folder})
    pages = ada.changes()
    # Then
    inbox = ada.folder(FolderRole.INBOX).id
    assert (moved, inbox) not in [entry for page in pages for entry in page.left]
    assert ada.message(moved).folders == (inbox,)


@pytest.mark.parametrize("items", ["partial", "whole"])
def test_flags_are_told_by_halves_or_wholes(ada: Connected, items: str) -> None:
    """Outlook gives what changed, at least; both lead to the same."""
    # Given
    ada.service.simulator.control("POST", "settings", json={"delta_items": items})
    message = ada.message(ada.deliver())
    ada.listed()
    # When
    changed = {"id": message.provider_id}
    ada.service.simulator.change(
        ADA,
        {"op": "read", **changed},
        {"op": "star", **changed},
        {"op": "label", "folder": "Red category", **changed},
    )
    pages = ada.changes()
    # Then
    edits = [edit for page in pages for edit in page.edits]
    fetched = [full.message for page in pages for full in page.fetched.messages]
    assert (len(edits), len(fetched)) == ((1, 0) if items == "partial" else (0, 1))
    after = message.edited(edits[0]) if edits else fetched[0]
    assert after == ada.message(message.provider_id)
    assert (after.unread, after.starred, after.categories) == (False, True, ("Red category",))


def test_a_new_folder_is_told_and_becomes_a_unit(ada: Connected) -> None:
    """Its mail is found by reading it, since no cursor reaches back before its beginning."""
    # Given
    moved = ada.deliver()
    ada.listed()
    known = {unit.id for unit in ada.mailbox.sync_units()}
    # When
    ada.service.simulator.change(ADA, {"op": "move", "id": moved, "folder": "Projects"})
    pages = ada.changes()
    # Then
    assert any(page.folders_changed for page in pages)
    (new,) = (unit for unit in ada.mailbox.sync_units() if unit.id not in known)
    assert new.view == View(folder_named(ada, "Projects"))
    page = ada.mailbox.backfill({new.id: ""}).pages[new.id]
    assert [ref.provider_id for ref in told(page)] == [moved]
    assert (page.next_position, page.total_estimate) == (None, 1)


def test_mail_in_a_hidden_folder_is_none(ada: Connected) -> None:
    """It can be fetched by its id; whoever stored it so showed chats among the mail."""
    # Given
    moved, kept = ada.deliver(), ada.deliver()
    ada.listed()
    # When
    hidden = "Conversation Action Settings"
    ada.service.simulator.change(ADA, {"op": "move", "id": moved, "folder": hidden})
    pages = ada.changes()
    result = ada.mailbox.fetch([ref_of(moved), ref_of(kept)])
    # Then
    assert [entry[0] for page in pages for entry in page.left] == [moved]
    assert [ref.provider_id for ref in result.missing] == [moved]
    assert [full.message.provider_id for full in result.messages] == [kept]


def test_many_folders_at_once_stay_within_the_limits_of_a_mailbox(ada: Connected) -> None:
    """Four calls at a time is all that Outlook allows, batches included."""
    # Given
    simulator = ada.service.simulator
    simulator.control("POST", f"mailboxes/{ADA}/fill", json={"messages": 60, "seed": 3})
    truth = simulator.messages(ADA)
    simulator.control("POST", "settings", json={"enforce_quota": True, "latency_ms": 5})
    # When
    found = ada.everything()
    pages = ada.changes()
    # Then
    assert set(found) == set(truth)
    assert all(page.is_empty for page in pages)
    for provider_id, real in truth.items():
        assert len(found[provider_id].message.attachments) == len(real["attachments"])


def test_an_emptied_folder_costs_few_requests(ada: Connected) -> None:
    """Each missing mail broke the chain that it was asked for in, and cost a request of its own."""
    # Given
    simulator = ada.service.simulator
    emptied = [ada.deliver() for _ in range(60)]
    kept = ada.deliver()
    simulator.change(ADA, *({"op": "delete", "id": each} for each in emptied))
    simulator.control("POST", "settings", json={"enforce_quota": True})
    before = simulator.calls_made()["batch"]
    # When
    result = ada.mailbox.fetch([ref_of(each) for each in (*emptied, kept)])
    # Then
    assert {ref.provider_id for ref in result.missing} == set(emptied)
    assert [full.message.provider_id for full in result.messages] == [kept]
    assert simulator.calls_made()["batch"] - before < 36


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"drop": True}, {"status": 429, "headers": {"Retry-After": "3"}}]
)
def test_trouble_in_the_middle_of_a_page_loses_nothing(
    ada: Connected, fault: dict[str, Any]
) -> None:
    """Either the page comes whole the next time, or what it lacks is known by id."""
    # Given
    mail = (
        b"Subject: Files\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
        b"Content-Disposition: attachment\r\n\r\nx\r\n--b--\r\n"
    )
    ada.listed()
    delivered = {ada.deliver(mail) for _ in range(3)}
    victim = min(delivered)
    ada.fail(path=rf"messages/{re.escape(victim)}/attachments$", times=1, **fault)
    # When
    pages = ada.changes()
    # Then
    fetched = {full.message.provider_id: full for page in pages for full in page.fetched.messages}
    failed = {failure.ref.provider_id for page in pages for failure in page.fetched.failed}
    assert fetched.keys() | failed == delivered
    assert not fetched.keys() & failed
    assert all(len(full.message.attachments) == 1 for full in fetched.values())


def test_an_expired_link_in_mid_reading_ends_that_reading_alone(ada: Connected) -> None:
    """The folder is read again from its beginning; the others are not."""
    # Given
    simulator = ada.service.simulator
    for _ in range(4):
        ada.deliver()
    simulator.control("POST", "settings", json={"page_size": 3})
    (inbox, archive, *_) = sorted(ada.mailbox.sync_units(), key=lambda unit: unit.rank)
    position: str | None = ""
    for _ in range(2):  # the first page is an empty one
        assert position is not None
        position = ada.mailbox.backfill({inbox.id: position}).pages[inbox.id].next_position
    assert position
    # When
    simulator.control("POST", "expire", json={"what": "delta"})
    answer = ada.mailbox.backfill({inbox.id: position, archive.id: ""})
    # Then
    assert answer.expired == {inbox.id}
    assert set(answer.pages) == {archive.id}
    assert answer.problem is None
