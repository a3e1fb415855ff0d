"""Attachments of messages and drafts, and upload sessions."""

import base64
from email.message import EmailMessage
from typing import Any

import pytest

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import PICTURE, letter, letter_with_everything
from tests.simulators.microsoft.conftest import Graph, segment

FILE: dict[str, Any] = {"@odata.type": "#microsoft.graph.fileAttachment"}
CAST = "microsoft.graph.fileAttachment/"
HOST = "http://graph.example/"


def draft(graph: Graph) -> str:
    made = graph.post(
        "messages", {"subject": "Files", "toRecipients": [{"emailAddress": {"address": FRIEND}}]}
    )
    return f"messages/{made['id']}"


def session(graph: Graph, path: str, size: int, **item: Any) -> str:
    item = {"attachmentType": "file", "name": "large.bin", "size": size, **item}
    made = graph.post(f"{path}/attachments/createUploadSession", {"AttachmentItem": item})
    assert made["nextExpectedRanges"] == ["0-"]
    return str(made["uploadUrl"])


def put(control: Control, url: str, start: int, content: bytes, total: int) -> Any:
    reach = f"bytes {start}-{start + len(content) - 1}/{total}"
    return control.http.put(url, content=content, headers={"Content-Range": reach})


def test_the_files_of_a_message(control: Control, graph: Graph) -> None:
    """Inline pictures and files, with bytes; their ids follow the preference."""
    message_id = control.deliver(OWNER, letter_with_everything())
    path = f"messages/{message_id}/attachments"

    files = graph.get(path)["value"]
    passing = graph.get(path, "odata.maxpagesize=9")["value"]

    assert [(f["name"], f["contentType"], f["size"], f["isInline"]) for f in files] == [
        ("ATT00001", "image/png", len(PICTURE), True),
        ("großes bild.png", "image/png", len(PICTURE), False),
        ("table.csv", "text/csv", 4, False),
    ]
    assert {f["@odata.type"] for f in files} == {"#microsoft.graph.fileAttachment"}
    assert base64.b64decode(files[1]["contentBytes"]) == PICTURE
    assert files[0]["contentId"] == "logo"
    assert files[1]["id"] != passing[1]["id"]
    for attachment_id in (files[1]["id"], passing[1]["id"]):
        content = graph.call("GET", f"{path}/{segment(attachment_id)}/$value")
        assert (content.content, content.headers["Content-Type"]) == (PICTURE, "image/png")
    assert graph.refused("GET", f"{path}/nonsense") == (404, "ErrorItemNotFound")


def test_what_only_files_have_is_selected_with_a_cast(control: Control, graph: Graph) -> None:
    """As with the real one, a plain `contentId` or `contentBytes` in `$select` is an error."""
    path = f"messages/{control.deliver(OWNER, letter_with_everything())}/attachments"
    select = f"name,size,{CAST}contentId"

    thin = graph.get(path, **{"$select": select})["value"][0]

    names = {name for name in thin if not name.startswith("@")}
    assert names == {"id", "name", "size", "contentId"}
    assert graph.refused("GET", f"{path}?$select=name,contentId")[0] == 400
    whole = graph.get(path, **{"$select": f"{CAST}contentBytes"})["value"][1]
    assert base64.b64decode(whole["contentBytes"]) == PICTURE


def test_a_message_inside_a_message(control: Control, graph: Graph) -> None:
    """It is an item attachment without a content type, whose value is its MIME."""
    inner = letter("Inside", message_id="<inner@x.example>")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = FRIEND, "Outside"
    outer.set_content("See attached")
    outer.add_attachment(inner, "application", "x-placeholder")
    raw = outer.as_bytes().replace(b"application/x-placeholder", b"message/rfc822")
    raw = raw.replace(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: 7bit")
    raw = raw.replace(base64.encodebytes(inner), inner)
    message_id = control.deliver(OWNER, raw)

    item = graph.get(f"messages/{message_id}/attachments")["value"][0]
    content = graph.call("GET", f"messages/{message_id}/attachments/{item['id']}/$value").content

    assert (item["@odata.type"], item["name"]) == ("#microsoft.graph.itemAttachment", "Inside")
    assert (item["contentType"], "contentBytes" in item) == (None, False)
    assert b"<inner@x.example>" in content
    forwarded = graph.post(f"messages/{message_id}/createForward")
    again = graph.get(f"messages/{forwarded['id']}/attachments")["value"]
    assert again[0]["@odata.type"] == "#microsoft.graph.itemAttachment"
    assert b"<inner@x.example>" in graph.call("GET", f"messages/{forwarded['id']}/$value").content


def test_files_are_added_and_removed(control: Control, graph: Graph) -> None:
    """A draft takes small files; numbers are not given twice."""
    path = draft(graph)
    made = [
        graph.post(f"{path}/attachments", {**FILE, "name": name, "contentBytes": "YQ=="})
        for name in ("a", "b")
    ]
    removed = graph.call("DELETE", f"{path}/attachments/{made[0]['id']}")
    third = graph.post(f"{path}/attachments", {**FILE, "name": "c", "contentBytes": "Yw=="})

    names = [each["name"] for each in graph.get(f"{path}/attachments")["value"]]
    assert removed.status_code == 204
    assert names == ["b", "c"]
    assert third["id"] not in {each["id"] for each in made}
    assert graph.get(path)["hasAttachments"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**FILE, "contentBytes": "YQ=="}, 400),
        ({**FILE, "name": "x", "contentBytes": "!"}, 400),
        ({"name": "x", "contentBytes": "YQ=="}, 400),
        ({**FILE, "name": "x", "contentBytes": base64.b64encode(bytes(3_145_729)).decode()}, 413),
    ],
)
def test_files_that_are_refused(graph: Graph, body: dict[str, Any], status: int) -> None:
    """Without name, type or sound content; and above 3 MB, which needs a session."""
    path = draft(graph)

    answer = graph.call("POST", f"{path}/attachments", json=body)

    assert answer.status_code == status
    if status == 413:
        assert answer.json()["error"]["code"] == "ErrorMessageSizeExceeded"
    assert graph.get(f"{path}/attachments")["value"] == []


def test_a_session_takes_a_large_file_in_parts(control: Control, graph: Graph) -> None:
    """Each part says where the next begins; the last one attaches, and the address ends."""
    path = draft(graph)
    content = bytes(range(256)) * 20_000
    part = 3_000_000
    url = session(graph, path, len(content), contentId="big", isInline=True)

    first = put(control, url, 0, content[:part], len(content))
    asked = control.http.get(url)
    last = put(control, url, part, content[part:], len(content))

    assert (first.status_code, first.json()["nextExpectedRanges"]) == (200, [str(part)])
    assert asked.json()["nextExpectedRanges"] == [str(part)]
    assert (last.status_code, last.content) == (201, b"")
    assert "/Attachments('" in last.headers["Location"]
    attached = graph.get(f"{path}/attachments")["value"][0]
    assert base64.b64decode(attached["contentBytes"]) == content
    assert (attached["contentId"], attached["isInline"]) == ("big", True)
    assert control.http.get(url).status_code == 404
    graph.call("POST", f"{path}/send")
    arrived = control.get(f"mailboxes/{FRIEND}")["messages"][0]
    assert arrived["attachments"][0]["size"] == len(content)


def test_a_session_is_exact(control: Control, graph: Graph) -> None:
    """No token, no gaps, no repetition, no lies about lengths; and no other key."""
    url = session(graph, draft(graph), 10)
    token = {"Authorization": f"Bearer {graph.token}", "Content-Range": "bytes 0-9/10"}

    assert control.http.put(url, content=bytes(10), headers=token).status_code == 401
    assert control.http.put(url[:-1], content=bytes(10)).status_code == 401
    assert control.http.put(url, content=bytes(10)).status_code == 400
    assert put(control, url, 5, bytes(5), 10).status_code == 416
    assert put(control, url, 0, bytes(5), 11).status_code == 400
    assert put(control, url, 0, bytes(5), 10).status_code == 200
    assert put(control, url, 0, bytes(5), 10).status_code == 416
    assert control.http.delete(url).status_code == 204
    assert put(control, url, 5, bytes(5), 10).status_code == 404


def test_a_session_ends(control: Control, graph: Graph) -> None:
    """After its time, or with its draft."""
    path = draft(graph)
    late, lost = session(graph, path, 10), session(graph, draft(graph), 10)
    other = graph.get("mailFolders/drafts/messages")["value"][0]["id"]
    graph.call("POST", f"messages/{other}/permanentDelete")

    assert put(control, lost, 0, bytes(10), 10).status_code == 404
    control.post("clock", {"advance_seconds": 8 * 24 * 3600})
    assert put(control, late, 0, bytes(10), 10).status_code == 404


@pytest.mark.parametrize(
    "item",
    [
        None,
        {"attachmentType": "file", "name": "x"},
        {"attachmentType": "file", "size": 5},
        {"attachmentType": "item", "name": "x", "size": 5},
        {"attachmentType": "file", "name": "x", "size": 0},
        {"attachmentType": "file", "name": "x", "size": 160_000_000},
    ],
)
def test_sessions_that_are_refused(graph: Graph, item: dict[str, Any] | None) -> None:
    """Without name, size or type; and above 150 MB."""
    path = f"{draft(graph)}/attachments/createUploadSession"

    assert graph.refused("POST", path, json={"AttachmentItem": item})[0] in {400, 413}
