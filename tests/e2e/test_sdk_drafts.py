"""Drafts through the official SDK: every method, with every parameter it knows."""

import io
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for

Connect = Callable[[SimulatedProvider, str], str]
FRIEND = "friend@elsewhere.example"


@pytest.fixture
def mailbox(provider: SimulatedProvider) -> str:
    """The address of an empty mailbox."""
    address = provider.address(f"drafts-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    return address


@pytest.fixture
def grant(postroom: Client, provider: SimulatedProvider, mailbox: str, connect: Connect) -> str:
    """The mailbox, connected and read."""
    connected = connect(provider, mailbox)
    wait_for(lambda: postroom.folders.list(connected).data)
    return connected


def test_a_drafts_life(
    postroom: Client, provider: SimulatedProvider, mailbox: str, grant: str
) -> None:
    """Made, found, changed with its files kept and replaced, sent; another one is deleted."""
    made = postroom.drafts.create(
        grant,
        {
            "to": [{"email": FRIEND, "name": "A friend"}],
            "cc": [{"email": "cc@elsewhere.example"}],
            "bcc": [{"email": "bcc@elsewhere.example"}],
            "reply_to": [{"email": mailbox}],
            "from_": [{"email": mailbox, "name": "Me"}],
            "subject": "Olá",
            "body": "<p>Olá!</p>",
            "starred": True,
            "attachments": [
                {
                    "filename": "maçã.txt",
                    "content_type": "text/plain",
                    "content": io.BytesIO(b"apple"),
                    "size": 5,
                }
            ],
            "custom_headers": [{"name": "X-Order", "value": "17"}],
            "metadata": {"key1": "order 17"},
        },
    ).data
    assert (made.object, made.grant_id, made.subject) == ("draft", grant, "Olá")
    assert made.starred
    assert [file.filename for file in made.attachments or []] == ["maçã.txt"]
    there = provider.message(mailbox, subject="Olá")
    assert there
    assert there["draft"]

    found = postroom.drafts.find(grant, made.id).data
    assert (found.id, found.to, found.metadata) == (made.id, made.to, {"key1": "order 17"})
    shown = postroom.drafts.find(grant, made.id, query_params={"select": "id,subject"}).data
    assert (shown.id, shown.subject, shown.body) == (made.id, "Olá", None)

    changed = postroom.drafts.update(grant, made.id, {"subject": "Até já"}).data
    assert (changed.id, changed.subject, changed.starred) == (made.id, "Até já", True)
    assert [file.filename for file in changed.attachments or []] == ["maçã.txt"]
    assert changed.cc == made.cc
    photo = {"filename": "p.png", "content_type": "image/png", "content": "iVBORw==", "size": 4}
    replaced = postroom.drafts.update(grant, made.id, {"attachments": [photo], "cc": []}).data
    assert [file.filename for file in replaced.attachments or []] == ["p.png"]
    assert not replaced.cc
    assert [each.id for each in postroom.drafts.list(grant).data] == [made.id]

    sent = postroom.drafts.send(grant, made.id)
    assert (sent.data.object, sent.data.subject) == ("message", "Até já")
    assert postroom.messages.find(grant, sent.data.id).data.subject == "Até já"
    again = postroom.drafts.send(grant, made.id)
    assert again.data.id == sent.data.id
    mails = [each for each in provider.messages(mailbox) if each["subject"] == "Até já"]
    assert [each["draft"] for each in mails] == [False]
    with pytest.raises(NylasApiError) as gone:
        postroom.drafts.find(grant, made.id)
    assert gone.value.status_code == 404

    other = postroom.drafts.create(grant, {"to": [{"email": FRIEND}], "subject": "Never"}).data
    assert postroom.drafts.destroy(grant, other.id).request_id
    for call in (postroom.drafts.find, postroom.drafts.send, postroom.drafts.destroy):
        with pytest.raises(NylasApiError) as unknown:
            call(grant, other.id)
        assert unknown.value.status_code == 404
    assert postroom.drafts.list(grant).data == []
    postroom.grants.destroy(grant)


def test_drafts_are_listed_by_every_parameter(
    postroom: Client, provider: SimulatedProvider, mailbox: str, grant: str
) -> None:
    """Those of the SDK's own type; each finds the one it should, and no other."""
    plain = postroom.drafts.create(grant, {"to": [{"email": FRIEND}], "subject": "Plain"}).data
    # Outlook's times have whole seconds: of two drafts of one, either is the newer.
    wait_for(lambda: time.time() >= (plain.date or 0) + 1)
    rich = postroom.drafts.create(
        grant,
        {
            "to": [{"email": "to@elsewhere.example"}],
            "cc": [{"email": "cc@elsewhere.example"}],
            "bcc": [{"email": "bcc@elsewhere.example"}],
            "subject": "Rich",
            "starred": True,
            "metadata": {"key1": "v1", "key2": "v2"},
            "attachments": [
                {"filename": "a.txt", "content_type": "text/plain", "content": "YQ==", "size": 1}
            ],
        },
    ).data
    drafts_folder = next(iter(set(plain.folders or []) & set(rich.folders or [])))

    def ids(**query: object) -> list[str]:
        return [each.id for each in postroom.drafts.list(grant, query_params=query).data]

    assert ids(limit=10, page_token=None) == [rich.id, plain.id]
    only_rich: list[dict[str, object]] = [
        {"subject": "Rich"},
        {"any_email": ["cc@elsewhere.example", "nobody@elsewhere.example"]},
        {"to": ["to@elsewhere.example"]},
        {"cc": ["cc@elsewhere.example"]},
        {"bcc": ["bcc@elsewhere.example"]},
        {"starred": True},
        {"thread_id": rich.thread_id},
        {"has_attachment": True},
        {"metadata_pair": {"key1": "v1", "key2": "v2"}},
    ]
    for query in only_rich:
        assert ids(**query) == [rich.id], query
    for both in ({"from": [mailbox]}, {"in": [drafts_folder]}, {"unread": False}):
        assert ids(**both) == [rich.id, plain.id], both
    assert ids(starred=False, has_attachment=False) == [plain.id]
    assert ids(unread=True) == []
    first = postroom.drafts.list(grant, query_params={"limit": 1, "select": "id,subject"})
    assert [each.subject for each in first.data] == ["Rich"]
    last = postroom.drafts.list(grant, query_params={"limit": 1, "page_token": first.next_cursor})
    assert ([each.subject for each in last.data], last.next_cursor) == (["Plain"], None)
    assert [m.subject for m in postroom.messages.list(grant).data] == []
    postroom.grants.destroy(grant)


def test_a_large_draft_is_made_once_although_the_sdk_fails(
    postroom: Client, provider: SimulatedProvider, mailbox: str, grant: str
) -> None:
    """From 3 MiB on the SDK sends a form, and then fails on any answer with a TypeError.

    That is a fault of its own (`_execute` answers a pair, which it takes for a mapping): whoever
    meets it asks again. With the same key there is one draft all the same, and it is whole; and
    what the SDK reads afterwards is right.
    """
    film = b"\0\1\2\3" * 800_000

    def body(filename: str) -> dict[str, object]:
        file = {"filename": filename, "content_type": "video/mp4", "size": len(film)}
        return {"attachments": [{**file, "content": io.BytesIO(film)}]}

    key = {"headers": {"Idempotency-Key": "film-1"}}
    said = {"to": [{"email": FRIEND}], "subject": "Filme"}
    for _ in range(2):
        with pytest.raises(TypeError):
            postroom.drafts.create(grant, {**said, **body("film.mp4")}, overrides=key)

    (made,) = postroom.drafts.list(grant).data
    assert [(file.filename, file.content_type) for file in made.attachments or []] == [
        ("film.mp4", "video/mp4")
    ]
    there = [each for each in provider.messages(mailbox) if each["draft"]]
    assert [(file["filename"], file["size"]) for file in there[0]["attachments"]] == [
        ("film.mp4", len(film))
    ]
    assert len(there) == 1

    with pytest.raises(TypeError):
        postroom.drafts.update(grant, made.id, body("b.mp4"))
    changed = postroom.drafts.find(grant, made.id).data
    assert (changed.id, changed.subject) == (made.id, "Filme")
    assert [file.filename for file in changed.attachments or []] == ["b.mp4"]
    sent = postroom.drafts.send(grant, made.id).data
    assert [file.filename for file in sent.attachments or []] == ["b.mp4"]
    postroom.grants.destroy(grant)


def test_a_draft_of_another_client_is_found_and_sent(
    postroom: Client, http: httpx.Client, provider: SimulatedProvider, mailbox: str, grant: str
) -> None:
    """As soon as the sync has met it; bad input is named."""
    mail = f"From: {mailbox}\r\nTo: {FRIEND}\r\nSubject: De fora\r\n\r\nOi"
    provider.deliver(mailbox, mail.encode(), folder="drafts", unread="false")
    http.post(f"/v3/grants/{grant}/sync", json={"mode": "incremental"}).raise_for_status()
    named = {"subject": "De fora"}
    found = wait_for(lambda: postroom.drafts.list(grant, query_params=named).data)[0]
    with pytest.raises(NylasApiError) as refused:
        postroom.drafts.update(grant, found.id, {"subject": "a\r\nBcc: b@c.example"})
    assert refused.value.status_code == 400
    assert "subject" in str(refused.value)
    sent = postroom.drafts.send(grant, found.id).data
    assert sent.subject == "De fora"
    postroom.grants.destroy(grant)
