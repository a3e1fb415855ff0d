"""The MIME form of a message, read back by two parsers that share no code.

One is the standard library's, the other one is written in Rust: what only one of them understands
is no mail that clients agree about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import fast_mail_parser
import pytest

from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address, Header
from postroom.domain.mime import render
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage
from tests.builders import make_answered, make_outgoing_message

LONG = "Quarterly figures, notes and everything that was said about them in Lisbon, part two " * 3
PICTURE = OutgoingAttachment(
    filename="Blümchen.png",
    content_type="image/png",
    content=b"\x89PNG\r\n\x1a\n",
    content_id="flower@example.com",
    is_inline=True,
)
FILES = (
    OutgoingAttachment(
        filename="Müller & Söhne — Angebot Nr. 17 (endgültig, für die Sitzung am 21. November).pdf",
        content_type="application/pdf",
        content=bytes(range(256)) * 20,
    ),
    OutgoingAttachment(filename="報告書.txt", content_type="text/plain", content=b"one\ntwo\r\n"),
    OutgoingAttachment(
        filename="comma, brackets (1).csv", content_type="text/csv", content=b"a;b\n"
    ),
    OutgoingAttachment(filename="empty", content_type="", content=b""),
)


@dataclass(frozen=True)
class Read:
    """What a parser has found, in words that both share."""

    subject: str
    people: dict[str, list[tuple[str, str]]]
    text: str
    html: str
    files: list[tuple[str, bytes]]
    content_ids: set[str]
    headers: dict[str, str]


def read_by_python(raw: bytes) -> Read:
    """Read with the standard library."""
    mail = BytesParser(policy=default).parsebytes(raw)
    assert isinstance(mail, EmailMessage)
    assert not [part.defects for part in mail.walk() if part.defects]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    files = [part for part in mail.walk() if part.get_filename()]
    return Read(
        subject=mail["subject"],
        people={
            name: [(each.display_name, each.addr_spec) for each in mail[name].addresses]
            for name in ("from", "to", "cc", "bcc", "reply-to")
            if mail[name]
        },
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
        files=[(part.get_filename() or "", part.get_payload(decode=True)) for part in files],  # type: ignore[misc]
        content_ids={str(part["content-id"]).strip() for part in mail.walk() if part["content-id"]},
        headers={name.lower(): str(value) for name, value in mail.items()},
    )


def read_by_rust(raw: bytes) -> Read:
    """Read with the mailparse of Rust."""
    mail = fast_mail_parser.parse_email(raw)
    assert not mail.warnings

    def people(found: Sequence[Any]) -> list[tuple[str, str]]:
        return [(each.display_name or "", each.address) for each in found]

    listed = {"to": mail.to, "cc": mail.cc, "bcc": mail.bcc, "reply-to": mail.reply_to}
    return Read(
        subject=mail.subject,
        people={"from": people([mail.from_])} | {k: people(v) for k, v in listed.items() if v},
        text="".join(mail.text_plain),
        html="".join(mail.text_html),
        files=[(each.filename, bytes(each.content)) for each in mail.attachments],
        content_ids={f"<{each.content_id}>" for each in mail.attachments if each.content_id},
        headers={name.lower(): values[0] for name, values in mail.headers.items()},
    )


PARSERS = pytest.mark.parametrize("read", [read_by_python, read_by_rust])


def _message(**changes: object) -> OutgoingMessage:
    return make_outgoing_message(
        **{
            "from_": Address(email="ada@example.com", name="Ada Lovelace, Countess"),
            "to": (
                Address(email="charles@example.org", name="Şarl Babbage 📮"),
                Address(email="plain@example.org"),
            ),
            "cc": (Address(email="mary@example.org", name='Mary "May" Somerville'),),
            "reply_to": (Address(email="desk@example.com", name="Büro"),),
            "subject": f"{LONG} — Ænderung 🚀 报告",
            "body": "<p>Grüße &amp; 你好</p><img src='cid:flower@example.com'>",
            "attachments": (PICTURE, *FILES),
            **changes,
        }
    )


@PARSERS
def test_everything_that_was_written_is_read(read: Any) -> None:
    """Subject, people, both bodies, and every file by its name and byte by byte."""
    message = _message()

    found = read(render(message, include_bcc=False))

    assert found.subject == message.subject
    assert found.people == {
        "from": [("Ada Lovelace, Countess", "ada@example.com")],
        "to": [("Şarl Babbage 📮", "charles@example.org"), ("", "plain@example.org")],
        "cc": [('Mary "May" Somerville', "mary@example.org")],
        "reply-to": [("Büro", "desk@example.com")],
    }
    assert found.text.strip() == "Grüße & 你好"
    assert found.html.strip() == message.body
    assert sorted(found.files) == sorted(
        (each.filename, each.content) for each in message.attachments
    )


@PARSERS
def test_plain_text_is_read_alone(read: Any) -> None:
    """Also long lines and lines that look like the end of a message."""
    body = f"From here on:\n.\n{'x' * 2_000}\n--\nAda — «fin»\n"

    found = read(render(_message(is_plaintext=True, body=body, attachments=()), include_bcc=False))

    assert found.text.replace("\r\n", "\n") == body
    assert found.html == ""


@PARSERS
def test_a_long_conversation_keeps_all_of_its_references(read: Any) -> None:
    """Each Message-ID whole, in its order, however many lines it takes."""
    ids = [InternetMessageId(f"<{'part' * 30}-{number}@example.org>") for number in range(60)]
    answered = make_answered(internet_message_id=ids[-1], references=tuple(ids))

    found = read(render(_message(answered=answered), include_bcc=False))

    assert found.headers["references"].split() == ids
    assert found.headers["in-reply-to"].strip() == ids[-1]
    assert found.headers["message-id"].strip() == "<answer-1@example.com>"


@PARSERS
@pytest.mark.parametrize("length", [1, 61, 62, 63, 64, 76, 80, 200, 974, 975, 976, 988])
def test_pictures_are_called_what_the_html_calls_them(read: Any, length: int) -> None:
    """From 75 characters on, `email` put the id into encoded words, and no picture was shown."""
    # Given
    picture = replace(PICTURE, content_id="c" * length)
    # When
    raw = render(_message(attachments=(picture, *FILES)), include_bcc=False)
    # Then
    assert read(raw).content_ids == {f"<{picture.content_id}>"}
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@PARSERS
def test_headers_of_ones_own_are_read(read: Any) -> None:
    """Long ones and those beyond ASCII, too."""
    own = (
        Header(name="X-Order", value="17"),
        Header(name="X-Note", value=f"Größe: {LONG}"),
        Header(name="List-Unsubscribe", value="<https://example.com/u?x=1>"),
    )

    found = read(render(_message(custom_headers=own), include_bcc=False))

    for header in own:
        assert found.headers[header.name.lower()].strip() == header.value.strip()


@PARSERS
def test_who_gets_a_blind_copy_stands_nowhere(read: Any) -> None:
    """Neither in a header nor anywhere else, unless the provider takes it out again."""
    message = _message(bcc=(Address(email="secret@example.net", name="Nobody"),))

    raw = render(message, include_bcc=False)

    assert b"secret@example.net" not in raw
    assert "bcc" not in read(raw).people
    assert read(render(message, include_bcc=True)).people["bcc"] == [
        ("Nobody", "secret@example.net")
    ]
