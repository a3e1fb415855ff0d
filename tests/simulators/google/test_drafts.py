"""Drafts with Google's own client: a stable id around messages that come and go."""

import base64
import io
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import letter


def body(subject: str = "Plans", thread_id: str = "", **headers: str) -> dict[str, Any]:
    raw = letter(sender=OWNER, to=FRIEND, subject=subject, **headers)
    message = {"raw": base64.urlsafe_b64encode(raw).decode()}
    return {"message": {**message, "threadId": thread_id} if thread_id else message}


def raw_of(gmail: Any, draft_id: str) -> Message:
    found = gmail.drafts().get(userId="me", id=draft_id, format="raw").execute()
    return message_from_bytes(base64.urlsafe_b64decode(found["message"]["raw"]))


def history(gmail: Any, since: str) -> list[tuple[str, str]]:
    page = gmail.history().list(userId="me", startHistoryId=since).execute()
    kinds = ("messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved")
    return [
        (kind, entry["message"]["id"])
        for record in page.get("history", ())
        for kind in kinds
        for entry in record.get(kind, ())
    ]


def test_an_update_replaces_the_message_and_keeps_the_draft(gmail: Any) -> None:
    """The message id changes, draft id and thread stay; the labels it had are gone."""
    made = gmail.drafts().create(userId="me", body=body()).execute()
    old = made["message"]
    assert old["labelIds"] == ["DRAFT"]
    gmail.messages().modify(userId="me", id=old["id"], body={"addLabelIds": ["STARRED"]}).execute()
    since = gmail.getProfile(userId="me").execute()["historyId"]

    written = gmail.drafts().update(userId="me", id=made["id"], body=body("Better")).execute()

    new = written["message"]
    assert written["id"] == made["id"]
    assert new["id"] != old["id"]
    assert (new["threadId"], new["labelIds"]) == (old["threadId"], ["DRAFT"])
    assert raw_of(gmail, made["id"])["Subject"] == "Better"
    assert history(gmail, since) == [("messagesAdded", new["id"]), ("messagesDeleted", old["id"])]
    with pytest.raises(HttpError) as gone:
        gmail.messages().get(userId="me", id=old["id"]).execute()
    assert gone.value.status_code == 404


def test_drafts_are_listed_with_the_ids_of_their_messages(gmail: Any) -> None:
    """Newest first, in pages, searched by Message-ID; one in the trash only when asked for."""
    made = [
        gmail.drafts().create(userId="me", body=body(message_id=f"<d{n}@x.example>")).execute()
        for n in range(3)
    ]

    first = gmail.drafts().list(userId="me", maxResults=2).execute()
    rest = gmail.drafts().list_next(gmail.drafts().list(userId="me", maxResults=2), first).execute()
    found = gmail.drafts().list(userId="me", q="rfc822msgid:d1@x.example").execute()["drafts"]
    gmail.messages().trash(userId="me", id=made[0]["message"]["id"]).execute()

    listed = [*first["drafts"], *rest["drafts"]]
    assert [each["id"] for each in listed] == [each["id"] for each in reversed(made)]
    assert listed[0]["message"].keys() == {"id", "threadId"}
    assert "nextPageToken" not in rest
    assert [each["id"] for each in found] == [made[1]["id"]]
    assert len(gmail.drafts().list(userId="me").execute()["drafts"]) == 2
    everywhere = gmail.drafts().list(userId="me", includeSpamTrash=True).execute()
    assert len(everywhere["drafts"]) == 3


def test_a_sent_draft_is_gone_and_another_message_is_sent(control: Control, gmail: Any) -> None:
    """Sending again is a 404; the copy has another id, SENT, and the draft's thread."""
    made = gmail.drafts().create(userId="me", body=body(message_id="<d@x.example>")).execute()
    since = gmail.getProfile(userId="me").execute()["historyId"]

    sent = gmail.drafts().send(userId="me", body={"id": made["id"]}).execute()

    assert sent["id"] != made["message"]["id"]
    assert (sent["threadId"], sent["labelIds"]) == (made["message"]["threadId"], ["SENT"])
    assert history(gmail, since) == [
        ("messagesDeleted", made["message"]["id"]),
        ("messagesAdded", sent["id"]),
    ]
    arrived = control.get(f"mailboxes/{FRIEND}")["messages"]
    assert [each["internet_message_id"] for each in arrived] == ["<d@x.example>"]
    with pytest.raises(HttpError) as twice:
        gmail.drafts().send(userId="me", body={"id": made["id"]}).execute()
    assert twice.value.status_code == 404
    assert len(control.get(f"mailboxes/{FRIEND}")["messages"]) == 1


def test_a_draft_can_be_replaced_as_it_is_sent(control: Control, gmail: Any) -> None:
    """`drafts.send` takes another message along."""
    made = gmail.drafts().create(userId="me", body=body()).execute()

    gmail.drafts().send(userId="me", body={"id": made["id"], **body("The last word")}).execute()

    arrived = control.get(f"mailboxes/{FRIEND}")["messages"]
    assert [each["subject"] for each in arrived] == ["The last word"]


def test_a_draft_without_recipients_is_kept_but_not_sent(gmail: Any) -> None:
    """A refusal leaves the draft where it is."""
    raw = base64.urlsafe_b64encode(b"Subject: Nobody\r\n\r\nYet").decode()
    made = gmail.drafts().create(userId="me", body={"message": {"raw": raw}}).execute()

    with pytest.raises(HttpError) as refused:
        gmail.drafts().send(userId="me", body={"id": made["id"]}).execute()

    assert refused.value.status_code == 400
    assert raw_of(gmail, made["id"])["Subject"] == "Nobody"


def test_a_deleted_draft_is_gone_for_ever(control: Control, gmail: Any) -> None:
    """Not in the trash; its id is unknown."""
    made = gmail.drafts().create(userId="me", body=body()).execute()

    gmail.drafts().delete(userId="me", id=made["id"]).execute()

    assert control.get(f"mailboxes/{OWNER}")["messages"] == []
    with pytest.raises(HttpError) as gone:
        gmail.drafts().get(userId="me", id=made["id"]).execute()
    assert gone.value.status_code == 404


def test_a_reply_is_drafted_in_its_thread(gmail: Any, control: Control) -> None:
    """The thread holds when subject and references fit; it is unknown when there is none."""
    question = letter(sender=FRIEND, to=OWNER, subject="When?", message_id="<q@x.example>")
    control.deliver(OWNER, question)
    (asked,) = gmail.messages().list(userId="me").execute()["messages"]
    reply = body("Re: When?", asked["threadId"], answers="<q@x.example>")

    made = gmail.drafts().create(userId="me", body=reply).execute()
    kept = gmail.drafts().update(userId="me", id=made["id"], body=reply).execute()

    assert made["message"]["threadId"] == kept["message"]["threadId"] == asked["threadId"]
    with pytest.raises(HttpError) as nowhere:
        gmail.drafts().create(userId="me", body=body("Re: When?", "1234567890abcdef")).execute()
    assert nowhere.value.status_code == 404


@pytest.mark.parametrize("resumable", [False, True])
def test_large_drafts_are_uploaded(gmail: Any, *, resumable: bool) -> None:
    """Create, update and send take an upload, with the thread beside it."""

    def media(subject: str) -> MediaIoBaseUpload:
        raw = letter(sender=OWNER, to=FRIEND, subject=subject)
        return MediaIoBaseUpload(io.BytesIO(raw), "message/rfc822", resumable=resumable)

    made = gmail.drafts().create(userId="me", body={}, media_body=media("One")).execute()
    thread = {"message": {"threadId": made["message"]["threadId"]}}
    written = (
        gmail.drafts()
        .update(userId="me", id=made["id"], body=thread, media_body=media("One"))
        .execute()
    )
    assert written["id"] == made["id"]
    assert raw_of(gmail, made["id"])["Subject"] == "One"
    sent = (
        gmail.drafts().send(userId="me", body={"id": made["id"]}, media_body=media("Two")).execute()
    )
    assert sent["labelIds"] == ["SENT"]
