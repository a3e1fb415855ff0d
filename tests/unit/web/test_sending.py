"""Reading what is to be sent, in the forms that were recorded from the official SDKs."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import ValidationError

from postroom.domain.errors import InvalidRequest, PostroomError, TooLarge
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.web.bodies import json_object
from postroom.web.error_kinds import UnsupportedMediaType
from postroom.web.schemas.sending import SendBody, SendQuery, idempotency_key, send_request
from postroom.web.schemas.writing import addresses
from postroom.web.sending import read_mime, read_send
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


def _whole(files: tuple[OutgoingAttachment | UploadedFile, ...]) -> list[OutgoingAttachment]:
    return [file for file in files if isinstance(file, OutgoingAttachment)]


def test_json_as_both_sdks_write_it(read: Read) -> None:
    """The message and its files, whatever size the caller claims."""
    body, files = read_send(read("send.message"))
    assert [person.email for person in addresses(body.to)] == ["charles@example.org"]
    assert body.subject == "Re: Notes on the engine — sé"
    assert [(file.filename, file.content, file.is_inline) for file in _whole(files)] == [
        ("small.txt", b"hello", False)
    ]


def test_the_form_of_the_python_sdk(read: Read) -> None:
    """`message` has an empty file name; a part named otherwise than file<N> is shown inline."""
    body, files = read_send(read("send.multipart_python"))
    assert body.subject == "sé"
    assert [(file.filename, file.content_type, file.content) for file in _whole(files)] == [
        ("big file é.bin", "application/octet-stream", b"\xaa\r\n\xff"),
        ("small.txt", "text/plain", b"hello"),
    ]
    assert [(file.content_id, file.is_inline) for file in _whole(files)] == [
        ("", False),
        ("cid-1", True),
    ]


def test_the_form_of_the_node_sdk(read: Read) -> None:
    """`message` has neither a file name nor a type."""
    body, files = read_send(read("send.multipart_node"))
    assert [person.name for person in addresses(body.to)] == ["Bé"]
    assert [(file.filename, file.content) for file in _whole(files)] == [
        ("grafik ü.png", b"\x89PNG")
    ]


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
        (
            {"attachments": [{"filename": "a", "content": "", "content_id": "c" * 989}]},
            "attachments.0.content_id",
        ),
        ({"send_at": "tomorrow"}, "send_at"),
        ({"send_at": -1}, "send_at"),
        ({"send_at": 1e300}, "send_at"),
        ({"reply_to_message_id": "a", "forward_message_id": "b"}, "forward_message_id"),
        ({"forward_message_id": "x" * 257}, "forward_message_id"),
        ({"use_draft": True, "send_at": 1_800_000_000}, "use_draft"),
        ({"use_draft": "yes"}, "use_draft"),
        ({"template": {"id": "welcome"}}, "template"),
        ({"signature_id": "s"}, "signature_id"),
        ({"tracking_options": {"opens": True}}, "tracking_options"),
        ({"metadata": {"key1": 7}}, "metadata"),
        ({"metadata": ["v"]}, "metadata"),
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


def test_time_and_notes_come_along() -> None:
    """A time as Unix seconds, and metadata in the order of its keys, so that a repeat is one."""
    body, files = _send({"to": TO, "send_at": 1_800_000_000, "metadata": {"b": "2", "a": "1"}})
    request = send_request(body, files)
    assert request.send_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert request.metadata == (("a", "1"), ("b", "2"))


def test_what_asks_for_nothing_is_taken() -> None:
    """SDKs write null and false for what nobody asked for."""
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
        }
    )
    assert files == ()
    assert send_request(body, files).reply_to_message_id is None


def test_a_send_through_a_draft_is_the_same_send() -> None:
    """`use_draft` says how it leaves; the same key with and without it is the same request."""
    one, two = (send_request(*_send({"to": TO, **more})) for more in ({}, {"use_draft": True}))
    assert one == two
    assert one.digest() == two.digest()


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


@pytest.mark.parametrize(("inside", "beside"), [(0, 101), (100, 1), (1, 100)])
def test_files_of_a_form_count_like_those_of_the_json(inside: int, beside: int) -> None:
    """A form could bring any number of files, where a hundred were the limit of the JSON."""
    # Given
    files = [{"content": "", "filename": "a"}] * inside

    def form(count: int) -> bytes:
        parts = [
            b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n'
            + json.dumps({"to": TO, "attachments": files}).encode(),
            *[
                b'--b\r\nContent-Disposition: form-data; name="file%d"; filename="f"\r\n\r\nx' % n
                for n in range(count)
            ],
        ]
        return b"\r\n".join([*parts, b"--b--\r\n"])

    # When / Then
    with pytest.raises(InvalidRequest) as refusal:
        _send(form(beside), content_type="multipart/form-data; boundary=b")
    assert refusal.value.field == "attachments"
    _, sent = _send(form(beside - 1), content_type="multipart/form-data; boundary=b")
    assert len(sent) == 100


def test_null_recipients_are_left_out() -> None:
    """`to: null` was no list, where `cc: null` was no `cc`."""
    body, _ = _send({"to": None, "cc": TO, "bcc": None})
    assert body.recipients() == 1
    with pytest.raises(InvalidRequest) as refusal:
        _send({"to": None})
    assert refusal.value.field == "to"


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


@pytest.mark.parametrize("kind", ["MIME", "raw", "json "])
def test_there_are_two_types(kind: str) -> None:
    """JSON, also with files beside it, and MIME; SDKs write an empty one for none."""
    with pytest.raises(ValidationError, match="type"):
        SendQuery.model_validate({"type": kind})
    for known in ("json", "mime", None):
        assert SendQuery.model_validate({"type": known}).type == known
    assert SendQuery.model_validate({"type": ""}).type is None


# ── In MIME ──────────────────────────────────────────────────────────────────────────────────

LETTER = b"From: ada@example.com\r\nTo: charles@example.org\r\n\r\nhi"


def _mime(content: bytes, *, name: str = "mime", more: bytes = b"") -> SendRequest:
    """Read a message in MIME out of a form."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename="message.eml"\r\n'
        b"Content-Type: message/rfc822\r\n\r\n%s\r\n%s--b--\r\n"
    ) % (name.encode(), content, more)
    request = event("POST", "/send", body=form, content_type="multipart/form-data; boundary=b")
    return read_mime(APIGatewayProxyEventV2(request))


def test_mime_as_the_python_sdk_writes_it(read: Read) -> None:
    """One part, whose bytes are the message."""
    request = read_mime(read("send.mime_python"))
    assert request.written is not None
    assert request.written.content.startswith(b"From: Ada Lovelace")
    assert request.written.content.endswith(b"originate anything.")
    assert [each.email for each in (*request.to, *request.bcc)] == [
        "charles@example.org",
        "mary@example.org",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"From: ada@example.com\r\n\r\nhi",
        b"From: ada@example.com\r\nTo: nobodies:;\r\n\r\nhi",
        b"From: ada@example.com\r\nTo: charles\r\n\r\nhi",
        b"From: ada@example.com\r\nTo: a@x.io, charles@x..io\r\n\r\nhi",
        b"From: ada\r\nTo: charles@example.org\r\n\r\nhi",
        b"From: ada@example.com\r\nTo: a@x.io\r\nReply-To: b\r\n\r\nhi",
        b"From: ada@example.com\r\nTo: "
        + b",\r\n ".join(b"p%d@x.io" % number for number in range(501))
        + b"\r\n\r\nhi",
    ],
)
def test_mime_that_goes_to_nobody_or_too_many_is_refused(content: bytes) -> None:
    """Whoever stands in it has an address, and is at most one of 500."""
    with pytest.raises(InvalidRequest) as refusal:
        _mime(content)
    assert refusal.value.field == "mime"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("message", b""),
        ("mime", b'--b\r\nContent-Disposition: form-data; name="mime"\r\n\r\nx\r\n'),
        ("mime", b'--b\r\nContent-Disposition: form-data; name="file0"\r\n\r\nx\r\n'),
    ],
)
def test_a_form_with_mime_has_nothing_else(name: str, more: bytes) -> None:
    """A file beside it would be lost."""
    with pytest.raises(InvalidRequest) as refusal:
        _mime(LETTER, name=name, more=more)
    assert refusal.value.field == "mime"


def test_mime_comes_in_a_form() -> None:
    """Anything else is another type of body."""
    request = event("POST", "/send", body=LETTER, content_type="message/rfc822")
    with pytest.raises(UnsupportedMediaType):
        read_mime(APIGatewayProxyEventV2(request))


def test_four_megabytes_of_mime_is_the_end() -> None:
    """The same as for bodies and files together."""
    room = 4_000_000 - len(LETTER)
    assert _mime(LETTER + b"x" * room).written is not None
    with pytest.raises(TooLarge, match="4,000,001"):
        _mime(LETTER + b"x" * (room + 1))


@pytest.mark.parametrize("send_at", ["1795379878", 1795379878.5, True, -1])
def test_a_time_is_a_whole_number_of_seconds(send_at: Any) -> None:
    """A text was taken and scheduled."""
    with pytest.raises(InvalidRequest, match="send_at: "):
        _send({"to": TO, "send_at": send_at})


def test_an_endless_number_is_no_time() -> None:
    """1e999 is infinite to Python, and was a 500."""
    with pytest.raises(ValidationError, match="Unix seconds"):
        SendBody.model_validate({"to": TO, **json_object('{"send_at": 1e999}')})


def test_what_both_sdks_let_callers_say_is_taken() -> None:
    """Their types of sends have `starred`; a file that a message lists has its grant."""
    file = {"filename": "a", "content_type": "a/b", "content": "", "size": 0, "grant_id": "g"}
    _, files = _send({"to": TO, "starred": True, "attachments": [file]})
    assert len(files) == 1


def test_a_field_that_stands_there_twice_is_named() -> None:
    """Parsers differ in which of the two they take."""
    with pytest.raises(InvalidRequest, match="subject: This stands there twice"):
        json_object('{"subject": "a", "subject": "b"}')
