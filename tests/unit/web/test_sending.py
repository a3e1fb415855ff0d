"""Reading what is to be sent, in the forms that were recorded from the official SDKs."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.errors import InvalidRequest, PostroomError, TooLarge
from postroom.web.errors import UnsupportedMediaType
from postroom.web.schemas.sending import SendBody, SendQuery, addresses, idempotency_key
from postroom.web.sending import read_send
from tests.unit.web.conftest import event

Read = Callable[[str], APIGatewayProxyEventV2]
TO = [{"email": "charles@example.org"}]


def _nested(levels: int) -> dict[str, Any]:
    """A value that was once 500: reading it went deeper than Python does."""
    value: dict[str, Any] = {"opens": True}
    for _ in range(levels):
        value = {"a": value}
    return value


def _send(body: Any, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    request = event("POST", "/send", body=text, **({"content_type": "application/json"} | headers))
    return read_send(APIGatewayProxyEventV2(request))


def test_json_as_both_sdks_write_it(read: Read) -> None:
    """The message and its files, whatever size the caller claims."""
    body, files = read_send(read("send.message"))
    assert [person.email for person in addresses(body.to)] == ["charles@example.org"]
    assert body.subject == "Re: Notes on the engine — sé"
    assert [(file.filename, file.content, file.is_inline) for file in files] == [
        ("small.txt", b"hello", False)
    ]


def test_the_form_of_the_python_sdk(read: Read) -> None:
    """`message` has an empty file name; a part named otherwise than file<N> is shown inline."""
    body, files = read_send(read("send.multipart_python"))
    assert body.subject == "sé"
    assert [(file.filename, file.content_type, file.content) for file in files] == [
        ("big file é.bin", "application/octet-stream", b"\xaa\r\n\xff"),
        ("small.txt", "text/plain", b"hello"),
    ]
    assert [(file.content_id, file.is_inline) for file in files] == [("", False), ("cid-1", True)]


def test_the_form_of_the_node_sdk(read: Read) -> None:
    """`message` has neither a file name nor a type."""
    body, files = read_send(read("send.multipart_node"))
    assert body.to[0].name == "Bé"
    assert [(file.filename, file.content) for file in files] == [("grafik ü.png", b"\x89PNG")]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"to": []}, "to"),
        ({"to": "charles@example.org"}, "to"),
        ({"to": [{"email": "no address"}]}, "to.0.email"),
        ({"to": [{"email": "a@x.io\r\nBcc: spy@x.io"}]}, "to.0.email"),
        ({"to": [{"email": "a@x.io,b@x.io"}]}, "to.0.email"),
        ({"to": [{"email": "a@" + "x" * 64 + ".io"}]}, "to.0.email"),
        ({"to": [{"email": "a" * 65 + "@x.io"}]}, "to.0.email"),
        ({"to": [{"email": "a@x..io"}]}, "to.0.email"),
        ({"to": [{"email": "a@x.io", "name": "A\nB"}]}, "to.0.name"),
        ({"to": [{}]}, "to.0.email"),
        ({"cc": [{"email": "a@x.io"}, {"email": "b"}]}, "cc.1.email"),
        ({"to": [{"email": f"p{n}@x.io"} for n in range(501)]}, "to"),
        ({"bcc": [{"email": f"p{n}@x.io"} for n in range(500)]}, "to"),
        ({"subject": "a\r\nBcc: x@y.example"}, "subject"),
        ({"subject": "x" * 999}, "subject"),
        ({"subject": 7}, "subject"),
        ({"body": ["x"]}, "body"),
        ({"custom_headers": [{"name": "X-A", "value": "1\n2"}]}, "custom_headers.0.value"),
        ({"custom_headers": [{"name": "X A", "value": "1"}]}, "custom_headers.0.name"),
        ({"custom_headers": [{"name": "Bcc", "value": "x@y.z"}]}, "custom_headers.0.name"),
        ({"attachments": [{"filename": "a", "content": "%%%"}]}, "attachments.0.content"),
        ({"attachments": [{"filename": "a\r\nb", "content": ""}]}, "attachments.0.filename"),
        ({"attachments": [{"filename": "a"}]}, "attachments.0.content"),
        *(
            (
                {"attachments": [{"filename": "a", "content": "", "content_type": each}]},
                "attachments.0.content_type",
            )
            for each in ("png", "image/", "image/p ng", "multipart/mixed", "message/partial")
        ),
        *(
            ({"custom_headers": [{"name": each, "value": "1"}]}, "custom_headers.0.name")
            for each in ("Received", "Return-Path", "DKIM-Signature", "Resent-From", "ARC-Seal")
        ),
        ({"tracking_options": _nested(60)}, "tracking_options"),
        ({"tracking_options": _nested(900)}, "body"),
        (
            {"attachments": [{"filename": "a", "content": "", "content_id": "a b"}]},
            "attachments.0.content_id",
        ),
        ({"send_at": 1_800_000_000}, "send_at"),
        ({"use_draft": True}, "use_draft"),
        ({"tracking_options": {"opens": True}}, "tracking_options"),
        ({"metadata": {"key1": "v"}}, "metadata"),
    ],
)
def test_bad_input_is_named_and_nothing_is_lost_silently(
    change: dict[str, Any], named: str
) -> None:
    """Whatever could inject a header or be ignored is refused with its path."""
    with pytest.raises(InvalidRequest) as refusal:
        _send({"to": TO, "body": "x", **change})
    assert refusal.value.field == named
    assert "x@y" not in str(refusal.value)


def test_what_asks_for_nothing_is_taken() -> None:
    """SDKs write null and false for what nobody asked for; unknown fields belong to newer ones."""
    body, files = _send(
        {
            "to": TO,
            "cc": None,
            "subject": None,
            "attachments": None,
            "send_at": None,
            "use_draft": False,
            "tracking_options": {"opens": False, "label": ""},
            "metadata": {},
            "is_plaintext": None,
            "something_new": 1,
        }
    )
    assert files == ()
    assert body.answered() is None


def test_addresses_of_every_country_are_taken() -> None:
    """International domains and names stay as they are; bcc alone is enough."""
    body, _ = _send({"bcc": [{"email": "zoë@bücher.example", "name": 'Zoë "Z" <é>'}]})
    (person,) = addresses(body.bcc)
    assert (person.email, person.name) == ("zoë@bücher.example", 'Zoë "Z" <é>')


@pytest.mark.parametrize(
    ("fields", "is_inline"),
    [
        ({"content_id": "c"}, True),
        ({"content_id": "c", "is_inline": False}, False),
        ({"content_disposition": "inline"}, True),
        ({"content_id": "c", "content_disposition": "attachment"}, False),
        ({}, False),
    ],
)
def test_a_file_is_inline_when_it_says_so(fields: dict[str, Any], is_inline: bool) -> None:  # noqa: FBT001
    """Its own word first, then the disposition, then the content id."""
    _, (file,) = _send({"to": TO, "attachments": [{"filename": "a", "content": "", **fields}]})
    assert file.is_inline == is_inline


def test_four_megabytes_is_the_end() -> None:
    """Bodies and files together; the message says how much there was."""
    content = base64.b64encode(b"x" * 4_000_000).decode()
    body = {"to": TO, "attachments": [{"filename": "a", "content": content}]}
    assert len(_send(body)[1][0].content) == 4_000_000
    with pytest.raises(TooLarge, match="4,000,001"):
        _send({**body, "body": "x"})


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        ("x", "text/plain", UnsupportedMediaType),
        (b"\xff\xfe", "application/json", InvalidRequest),
        (b"--b--", "multipart/form-data", InvalidRequest),
        (b"nonsense", "multipart/form-data; boundary=b", InvalidRequest),
        (b"--b--", f"multipart/form-data; boundary={'b' * 300}", InvalidRequest),
        (b"--b\r\n", "multipart/form-data; boundary=b", InvalidRequest),
        (
            b'--b\r\nContent-Disposition: form-data; name="file0"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            InvalidRequest,
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{"to":[{"emai',
            "multipart/form-data; boundary=b",
            InvalidRequest,
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n\xff\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            InvalidRequest,
        ),
    ],
)
def test_unreadable_bodies_are_refused(
    body: str | bytes, content_type: str, error: type[PostroomError]
) -> None:
    """A form that ends early is refused too: half a file must not be sent."""
    with pytest.raises(error):
        _send(body, content_type=content_type)


def test_a_file_of_a_form_is_checked_under_its_own_name() -> None:
    """A part's type is checked like one in the JSON, and the part is named."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n'
        b'{"to": [{"email": "charles@example.org"}]}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file0"; filename="a"\r\n'
        b"Content-Type: multipart/mixed\r\n\r\nx\r\n--b--\r\n"
    )
    with pytest.raises(InvalidRequest) as refusal:
        _send(form, content_type="multipart/form-data; boundary=b")
    assert refusal.value.field == "file0.content_type"


@pytest.mark.parametrize("given", ["text/plain; charset=utf-8", "Message/RFC822", "", None])
def test_ordinary_types_are_taken(given: str | None) -> None:
    """Parameters do not matter, and a mail can be attached."""
    files = [{"filename": "a", "content": "", "content_type": given}]
    assert len(_send({"to": TO, "attachments": files})[1]) == 1


@pytest.mark.parametrize("key", ["k" * 257, "a\nb", "clé", "\x00"])
def test_an_idempotency_key_is_short_and_plain(key: str) -> None:
    """Anything else is 400 naming the header."""
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        idempotency_key(key)


def test_ordinary_idempotency_keys_are_taken() -> None:
    """Up to 256 characters; none is none."""
    assert idempotency_key("k" * 256) == "k" * 256
    assert idempotency_key("") == ""


def test_mime_is_for_later() -> None:
    """`?type=mime` is refused by name; a SendBody is JSON."""
    with pytest.raises(InvalidRequest, match="type"):
        SendQuery.model_validate({"type": "mime"})
    assert SendBody.model_validate({"to": TO}).to[0].email == "charles@example.org"
