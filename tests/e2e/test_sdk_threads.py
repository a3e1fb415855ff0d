"""Threads through the official SDK: listed by every parameter, found, changed and destroyed."""

import uuid
from collections.abc import Callable

import pytest
from nylas import Client
from nylas.models.drafts import Draft
from nylas.models.errors import NylasApiError
from nylas.models.messages import Message
from nylas.models.threads import Thread

from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.world import make_mail

FOLDERS = ("inbox", "sent", "inbox", "drafts")
BEGUN_AT = 1_790_000_000
"""The first mail; one comes every minute."""

ANA, BEN, CLEO = (f"{name}@elsewhere.example" for name in ("ana", "ben", "cleo"))


@pytest.fixture
def address(provider: SimulatedProvider) -> str:
    """A mailbox with a talk of three mails and a draft, a single mail, and a star."""
    made = provider.address(f"threads-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": made})
    question = f"<{uuid.uuid4().hex}@elsewhere.example>"
    answers = {"In_Reply_To": question, "References": question}
    first, *others = (
        make_mail(to=made, sender=CLEO, subject="Invoice", Cc=BEN),
        make_mail(to=made, sender=ANA, subject="Lunch", Message_ID=question),
        make_mail(to=ANA, sender=made, subject="Re: Lunch", **answers),
        make_mail(to=made, sender=BEN, subject="Re: Lunch", **answers),
        make_mail(to=BEN, sender=made, subject="Re: Lunch", **answers),
    )
    provider.deliver(made, first, unread="false", received_at=str(BEGUN_AT))
    talk = [
        provider.deliver(
            made,
            mail,
            folder=folder,
            unread=str(folder == "inbox"),
            received_at=str(BEGUN_AT + 60 * number),
        )
        for number, (mail, folder) in enumerate(zip(others, FOLDERS, strict=True), start=1)
    ]
    star = {"op": "star", "id": talk[0]}
    provider.call("POST", f"mailboxes/{made}/changes", json=[star])
    return made


@pytest.fixture
def grant(
    provider: SimulatedProvider, address: str, connect: Callable[[SimulatedProvider, str], str]
) -> str:
    """The connected mailbox."""
    return connect(provider, address)


def lunch_of(postroom: Client, grant: str) -> Thread | None:
    """The talk, once all of it is there, and the single mail beside it."""
    threads = {thread.subject: thread for thread in postroom.threads.list(grant).data}
    lunch = threads.get("Lunch")
    whole = lunch and len(lunch.message_ids) == 3 and lunch.has_drafts
    return lunch if whole and "Invoice" in threads else None


def test_threads_are_listed_and_found(
    postroom: Client, provider: SimulatedProvider, address: str, grant: str
) -> None:
    """Typed threads, by each filter that the SDK knows; what it finds is what it lists."""
    lunch = wait_for(lambda: lunch_of(postroom, grant))
    assert (lunch.object, lunch.grant_id, lunch.subject) == ("thread", grant, "Lunch")
    assert lunch.unread
    assert lunch.starred
    assert lunch.has_attachments is False
    assert {person["email"] for person in lunch.participants or ()} == {address, ANA, BEN}
    assert isinstance(lunch.latest_draft_or_message, Draft)
    assert lunch.draft_ids == [lunch.latest_draft_or_message.id]
    assert lunch.earliest_message_date == BEGUN_AT + 60
    assert lunch.latest_message_sent_date == BEGUN_AT + 120
    assert lunch.latest_message_received_date == BEGUN_AT + 180
    assert postroom.threads.find(grant, lunch.id).data.message_ids == lunch.message_ids

    folders = {folder.name: folder.id for folder in postroom.folders.list(grant).data}
    inbox = folders[provider.folder_name(address, "inbox")]
    sent = folders[provider.folder_name(address, "sent")]

    def subjects(**query: object) -> list[str | None]:
        return [each.subject for each in postroom.threads.list(grant, query_params=query).data]

    both = ["Lunch", "Invoice"]
    assert subjects() == both
    assert subjects(limit=1) == ["Lunch"]
    assert subjects(subject="unc") == ["Lunch"]
    assert subjects(any_email=[CLEO, ANA]) == both
    assert subjects(**{"from": CLEO}) == ["Invoice"]
    assert subjects(to=ANA) == ["Lunch"]
    assert subjects(cc=BEN) == ["Invoice"]
    assert subjects(bcc=BEN) == []
    assert subjects(**{"in": inbox}) == both
    assert subjects(**{"in": [inbox, sent]}) == ["Lunch"]
    assert subjects(unread=True) == ["Lunch"]
    assert subjects(unread=False) == ["Invoice"]
    assert subjects(starred=True) == ["Lunch"]
    assert subjects(starred=False) == ["Invoice"]
    assert subjects(thread_id=lunch.id) == ["Lunch"]
    assert subjects(earliest_message_date=BEGUN_AT + 1) == ["Lunch"]
    assert subjects(latest_message_before=BEGUN_AT + 1) == ["Invoice"]
    assert subjects(latest_message_after=BEGUN_AT) == ["Lunch"]
    assert subjects(has_attachment=True) == []
    assert subjects(has_attachment=False) == both
    assert subjects(search_query_native="subject:lunch", limit=5) == ["Lunch"]

    page = postroom.threads.list(grant, query_params={"limit": 1, "select": "id,subject"})
    (first,) = page.data
    assert (first.id, first.subject, first.snippet) == (lunch.id, "Lunch", None)
    rest = postroom.threads.list(grant, query_params={"limit": 5, "page_token": page.next_cursor})
    (invoice,) = rest.data
    assert rest.next_cursor is None
    assert isinstance(invoice.latest_draft_or_message, Message)
    assert invoice.latest_draft_or_message.body
    assert invoice.message_ids == [invoice.latest_draft_or_message.id]
    with pytest.raises(NylasApiError) as unknown:
        postroom.threads.find(grant, "no-such-thread")
    assert unknown.value.status_code == 404
    postroom.grants.destroy(grant)


def test_threads_are_changed_and_destroyed(
    postroom: Client, provider: SimulatedProvider, address: str, grant: str
) -> None:
    """Every message of one at the provider, and here at once; the other thread stays as it is."""
    lunch = wait_for(lambda: lunch_of(postroom, grant))

    def talk(name: str, *, of_drafts: bool = True) -> set[object]:
        return {
            tuple(each[name]) if isinstance(each[name], list) else each[name]
            for each in provider.messages(address)
            if each["subject"] != "Invoice" and (of_drafts or not each["draft"])
        }

    changed = postroom.threads.update(grant, lunch.id, {"unread": False, "starred": True}).data
    assert (changed.unread, changed.starred) == (False, True)
    assert talk("unread") == {False}
    assert talk("starred") == {True}
    assert postroom.threads.find(grant, lunch.id).data == changed

    folder = postroom.folders.create(grant, {"name": "Work"}).data
    moved = postroom.threads.update(grant, lunch.id, {"folders": [folder.id]}).data
    assert folder.id in moved.folders
    names = provider.folder_names(address)
    for folders in talk("folders", of_drafts=False):
        assert isinstance(folders, tuple)
        assert "Work" in {names[each] for each in folders}
    with pytest.raises(NylasApiError) as refused:
        postroom.threads.update(grant, lunch.id, {"folders": ["nowhere"]})
    assert refused.value.status_code == 400
    assert "folders" in str(refused.value)

    assert postroom.threads.destroy(grant, lunch.id).request_id
    trash = provider.folder_name(address, "trash")
    for folders in talk("folders"):
        assert isinstance(folders, tuple)
        assert trash in {names[each] for each in folders}
    ids = {folder.name: folder.id for folder in postroom.folders.list(grant).data}
    assert ids[trash] in postroom.threads.find(grant, lunch.id).data.folders
    (invoice,) = postroom.threads.list(grant, query_params={"subject": "Invoice"}).data
    assert ids[trash] not in invoice.folders
    with pytest.raises(NylasApiError) as unknown:
        postroom.threads.destroy(grant, "no-such-thread")
    assert unknown.value.status_code == 404
    postroom.grants.destroy(grant)
