"""Drafts over HTTP: written, listed, sent; what is wrong is named and leaves nothing behind."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.functions.conftest import ADDRESS, ADMINISTRATOR_KEY, SAMPLE_GRANT, Deployment

SAMPLE_DRAFT = "d0W8s3l1Zr5Vt7bXy2Na4Kc6Dee"
CHARLES = {"email": "charles@example.org"}
Body = dict[str, Any]


@pytest.fixture
def path(deployment: Deployment) -> str:
    """Where Ada's drafts are."""
    return f"/v3/grants/{deployment.names[SAMPLE_GRANT]}/drafts"


def _there(simulator: httpx.Client) -> list[dict[str, Any]]:
    answer = simulator.get(f"/_sim/mailboxes/{ADDRESS}", params={"page_size": 1000}).json()
    return [each for each in answer["messages"] if each["draft"]]


def _form(parts: list[tuple[str, str, str, bytes]]) -> Body:
    """Return a form as the SDKs send it: (name, filename, type, content)."""
    body = b""
    for name, filename, kind, content in parts:
        named = f'; filename="{filename}"' if filename else ""
        typed = f"\r\nContent-Type: {kind}" if kind else ""
        head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}{typed}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return {
        "body": base64.b64encode(body + b"--edge--\r\n").decode(),
        "isBase64Encoded": True,
        "headers": {
            "authorization": f"Bearer {ADMINISTRATOR_KEY}",
            "content-type": "multipart/form-data; boundary=edge",
        },
    }


def test_the_event_files_tell_a_drafts_life(deployment: Deployment) -> None:
    """Made, found in the list, read, changed, deleted; and another one is made and sent."""
    made = deployment.answer("drafts.create")["data"]
    assert (made["object"], made["starred"]) == ("draft", True)
    assert made["from"] == [{"email": ADDRESS, "name": "Ada"}]
    assert made["metadata"] == {"key1": "order 1842"}
    deployment.names[SAMPLE_DRAFT] = made["id"]
    listed = deployment.answer("drafts.list", rawQueryString="any_email=charles@example.org")
    assert [each["id"] for each in listed["data"]] == [made["id"]]
    assert deployment.answer("drafts.get")["data"] == made
    changed = deployment.answer("drafts.update")["data"]
    assert (changed["id"], changed["subject"]) == (made["id"], "Notes on the engine, again")
    assert [file["filename"] for file in changed["attachments"]] == ["small.txt"]
    sent = deployment.answer("drafts.send")
    assert sent["data"]["object"] == "message"
    assert sent["data"]["subject"] == "Notes on the engine, again"
    again = deployment.answer("drafts.send")
    assert again["data"]["id"] == sent["data"]["id"]
    for case in ("drafts.get", "drafts.update", "drafts.delete"):
        deployment.answer(case, status=404)


def test_a_repeated_key_answers_with_the_same_draft(
    deployment: Deployment, simulator: httpx.Client
) -> None:
    """It says so; the same key with another body is a conflict."""
    event = deployment.event("drafts.create")
    headers = event["headers"] | {"idempotency-key": "letter-1"}
    first = deployment.invoke("drafts.create", headers=headers)
    before = len(_there(simulator))
    again = deployment.invoke("drafts.create", headers=headers)
    assert json.loads(again["body"])["data"]["id"] == json.loads(first["body"])["data"]["id"]
    replay = {name.lower(): value for name, value in again["headers"].items()}
    assert replay["idempotent-response"] == "true"
    other = json.dumps({"subject": "Another"})
    deployment.answer("drafts.create", headers=headers, body=other, status=409)
    assert len(_there(simulator)) == before


@pytest.mark.parametrize("part", ["message", "draft"])
def test_forms_are_read_under_either_name(deployment: Deployment, part: str) -> None:
    """With the files in any field, an unknown name being a content id; and on a change, too."""
    message = json.dumps({"to": [CHARLES], "subject": "Film", "from_": [{"email": ADDRESS}]})
    form = _form(
        [
            (part, "", "application/json", message.encode()),
            ("file0", "film.mp4", "video/mp4", b"\0" * 5_000),
            ("attachment", "plan.txt", "text/plain", b"plan"),
            ("logo", "logo.png", "image/png", b"\x89PNG"),
        ]
    )
    made = deployment.answer("drafts.create", **form)["data"]
    files = {each["filename"]: each.get("content_id") for each in made["attachments"]}
    assert files.keys() == {"film.mp4", "plan.txt", "logo.png"}
    deployment.names[SAMPLE_DRAFT] = made["id"]
    form = _form([(part, "", "", b'{"subject": "Plan"}'), ("file0", "b.txt", "text/plain", b"b")])
    changed = deployment.answer("drafts.update", **form)["data"]
    assert changed["subject"] == "Plan"
    assert [each["filename"] for each in changed["attachments"]] == ["b.txt"]


def test_lists_are_filtered_and_paged(deployment: Deployment, path: str) -> None:
    """By every filter that drafts have; a cursor belongs to its list."""
    made = [
        deployment.call("POST", path, {"subject": f"Page {n}", "cc": [CHARLES]})["data"]
        for n in range(3)
    ]
    thread = made[0]["thread_id"]

    def ids(query: str) -> list[str]:
        found = deployment.call("GET", path, query=f"subject=Page&{query}")
        return [each["id"] for each in found["data"]]

    everything = [each["id"] for each in reversed(made)]
    assert ids("") == everything
    for fitting in (
        "cc=charles@example.org",
        "any_email=charles@example.org",
        f"from={ADDRESS.replace('+', '%2B')}",
        "in=DRAFT",
        "starred=False",
        "unread=false",
        "has_attachment=false",
        "page_token=None",
    ):
        assert ids(fitting) == everything, fitting
    for other in ("to=charles@example.org", "bcc=a@b.example", "starred=True", "unread=True"):
        assert ids(other) == [], other
    assert ids(f"thread_id={thread}") == [made[0]["id"]]
    assert ids("metadata_pair=key1:none") == []
    page = deployment.call("GET", path, query="subject=Page&limit=2&select=id,subject")
    assert [each["subject"] for each in page["data"]] == ["Page 2", "Page 1"]
    assert page["data"][0].keys() == {"id", "grant_id", "object", "subject"}
    following = f"subject=Page&limit=1&page_token={page['next_cursor']}"
    assert [each["subject"] for each in deployment.call("GET", path, query=following)["data"]] == [
        "Page 0"
    ]
    messages = path.replace("/drafts", "/messages")
    token = f"subject=Page&page_token={page['next_cursor']}"
    deployment.call("GET", messages, query=token, status=400)
    for query in ("limit=0", "in=nowhere", "fields=raw_mime", "search_query_native=x", "limit=x"):
        answer = deployment.call("GET", path, query=query, status=400)
        assert query.partition("=")[0] in answer["error"]["message"]


def _bad() -> Iterator[tuple[Body, str]]:
    person = CHARLES
    for name in ("to", "cc", "bcc", "reply_to", "from"):
        yield {name: "charles@example.org"}, name
        yield {name: [None]}, f"{name}.0"
        yield {name: [{}]}, f"{name}.0.email"
        yield {name: [{"email": "nobody"}]}, f"{name}.0.email"
        yield {name: [{"email": "a@b.example\r\nBcc: c@d.example"}]}, f"{name}.0.email"
        yield {name: [{"email": "a@b.example", "name": "A\r\nBcc: c@d.example"}]}, f"{name}.0.name"
        yield {name: [{"email": f"{'x' * 300}@b.example"}]}, f"{name}.0.email"
        yield {name: [person] * 10_000}, name
    yield {"to": [person] * 300, "cc": [person] * 300}, "to"
    yield {"from": [person, person]}, "from"
    yield {"from": []}, "from"
    yield {"from": [person]}, "from"
    yield {"from_": [person]}, "from"
    yield {"subject": "a\r\nBcc: c@d.example"}, "subject"
    yield {"subject": "x" * 1_000}, "subject"
    yield {"subject": 7}, "subject"
    yield {"body": ["x"]}, "body"
    yield {"is_plaintext": "perhaps"}, "is_plaintext"
    yield {"starred": "perhaps"}, "starred"
    yield {"attachments": {}}, "attachments"
    yield {"attachments": [{"content": "not base64!"}]}, "attachments.0.content"
    yield {"attachments": [{"filename": "a.txt"}]}, "attachments.0.content"
    yield {"attachments": [{"content": "", "filename": "a\nb"}]}, "attachments.0.filename"
    yield {"attachments": [{"content": "", "content_type": "x"}]}, "attachments.0.content_type"
    yield {"attachments": [{"content": "", "content_id": "a b"}]}, "attachments.0.content_id"
    yield {"attachments": [{"content": ""}] * 101}, "attachments"
    yield {"custom_headers": [{"name": "Bcc", "value": "a@b.example"}]}, "custom_headers.0.name"
    yield {"custom_headers": [{"name": "X-A", "value": "a\r\nB: c"}]}, "custom_headers.0.value"
    yield {"custom_headers": [{"name": "X A", "value": "a"}]}, "custom_headers.0.name"
    yield {"custom_headers": "X-A: b"}, "custom_headers"
    yield {"reply_to_message_id": "nowhere"}, "reply_to_message_id"
    yield {"reply_to_message_id": 7}, "reply_to_message_id"
    yield {"reply_to_message_id": "x" * 300}, "reply_to_message_id"
    yield {"reply_to_message_id": "a", "forward_message_id": "b"}, "forward_message_id"
    yield {"metadata": {"key1": 7}}, "metadata"
    yield {"metadata": "key1"}, "metadata"
    for name in ("send_at", "use_draft", "template", "signature_id"):
        yield {name: 1_800_000_000}, name
    yield {"tracking_options": {"opens": True}}, "tracking_options"


@pytest.mark.parametrize(("body", "field"), list(_bad()), ids=lambda value: str(value)[:60])
def test_bad_input_is_named_and_changes_nothing(
    deployment: Deployment, simulator: httpx.Client, path: str, body: Body, field: str
) -> None:
    """Of every field, when a draft is made and when it is changed."""
    before = _there(simulator)
    draft = before[0] if before else None
    if draft is None:
        deployment.call("POST", path, {"subject": "Kept"})
        before = _there(simulator)
    (first, *_) = deployment.call("GET", path)["data"]
    for method, place in (("POST", path), ("PUT", f"{path}/{first['id']}")):
        answer = deployment.call(method, place, body, status=400)
        assert answer["error"]["type"] == "invalid_request_error"
        assert answer["error"]["message"].partition(":")[0].startswith(field), answer
    assert _there(simulator) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("null", 400),
        ("{", 400),
        ('{"subject": NaN}', 400),
        ('{"subject": "\\ud800"}', 400),
        ("[" * 2_000, 400),
        (json.dumps({"body": "x" * 4_000_001}), 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_draft_is_refused(deployment: Deployment, body: str, status: int) -> None:
    """JSON that is none, no object, too deep, or too much."""
    deployment.answer("drafts.create", body=body, status=status)


def test_other_types_than_json_and_forms_are_refused(deployment: Deployment) -> None:
    """And forms without the part that is the draft, or with two."""
    event = deployment.event("drafts.create")
    headers = event["headers"] | {"content-type": "text/plain"}
    deployment.answer("drafts.create", headers=headers, status=415)
    two = [("message", "", "", b"{}"), ("draft", "", "", b"{}")]
    for parts in ([], two, [("message", "", "", b"\xff")]):
        deployment.answer("drafts.create", status=400, **_form(parts))


def test_nothing_to_change_changes_nothing(
    deployment: Deployment, simulator: httpx.Client, path: str
) -> None:
    """Null is left out; the provider is not asked."""
    made = deployment.call("POST", path, {"subject": "Kept", "cc": [CHARLES]})["data"]
    before = _there(simulator)
    nothing = {"subject": None, "cc": None, "attachments": None}
    for body in ({}, nothing):
        assert deployment.call("PUT", f"{path}/{made['id']}", body)["data"] == made
    assert _there(simulator) == before


@pytest.mark.parametrize("body", [{"send_at": 1_800_000_000}, {"signature_id": "s"}, [], "{"])
def test_what_cannot_come_with_a_sending_is_named(
    deployment: Deployment, simulator: httpx.Client, path: str, body: Any
) -> None:
    """The draft stays; with `{}`, as one SDK sends it, it leaves."""
    made = deployment.call("POST", path, {"subject": "Sent", "to": [CHARLES]})["data"]
    place = f"{path}/{made['id']}"
    deployment.call("POST", place, body, status=400)
    assert deployment.call("GET", place)["data"] == made
    assert deployment.call("POST", place, {})["data"]["subject"] == "Sent"


def test_a_key_that_may_write_may_not_send(deployment: Deployment, path: str) -> None:
    """And the other way round; both are told which scope is missing."""

    def key(scope: str) -> str:
        made = deployment.call(
            "POST", "/v3/api-keys", {"name": scope, "scopes": [scope]}, status=201
        )
        return str(made["data"]["api_key"])

    writer, sender = key("mail.write"), key("mail.send")
    made = deployment.call("POST", path, {"to": [CHARLES]}, bearer=writer)["data"]
    place = f"{path}/{made['id']}"
    for bearer, method, where, scope in (
        (writer, "POST", place, "mail.send"),
        (writer, "GET", place, "mail.read"),
        (sender, "POST", path, "mail.write"),
        (sender, "PUT", place, "mail.write"),
        (sender, "DELETE", place, "mail.write"),
    ):
        answer = deployment.call(method, where, {}, bearer=bearer, status=403)
        assert scope in answer["error"]["message"]
    deployment.call("POST", place, {}, bearer=sender)
