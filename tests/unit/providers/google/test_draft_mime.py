"""Changes of a draft's MIME form: what is not named stays, byte for byte where that is possible."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.policy import default
from typing import Any

import pytest

from postroom.domain.draft import DraftChange
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import OutgoingAttachment
from postroom.providers.google.draft_mime import changed

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
FILE = OutgoingAttachment(filename="b.txt", content_type="text/plain", content=b"b")


def written(raw: bytes, **change: Any) -> EmailMessage:
    made = changed(raw, DraftChange(**change), now=NOW)
    parsed = email.message_from_bytes(made, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def rich() -> EmailMessage:
    """A draft as web clients write it: both texts, a picture, a file and an attached mail."""
    draft = EmailMessage()
    draft["From"], draft["To"], draft["Subject"] = "ada@a.example", "b@b.example", "Olá"
    draft["Bcc"] = "hidden@b.example"
    draft["Message-ID"] = "<d@a.example>"
    draft["In-Reply-To"] = "<q@b.example>"
    draft["References"] = "<p@b.example> <q@b.example>"
    draft["X-Client"] = "web; =?utf-8?q?caf=C3=A9?="
    draft["Date"] = "Fri, 20 Nov 2026 08:00:00 +0000"
    draft.set_content("Olá\n")
    draft.add_alternative('<p>Olá <img src="cid:logo"></p>', subtype="html")
    page = draft.get_payload(1)
    assert isinstance(page, EmailMessage)
    page.add_related(b"\x89PNG", "image", "png", cid="<logo>", filename="logo.png")
    draft.add_attachment(b"%PDF", "application", "pdf", filename="maçã.pdf")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("in")
    draft.add_attachment(inner, filename="inner.eml")
    return draft


def fields(message: Message) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in message.items()}


def test_a_field_changes_and_the_content_stays_byte_for_byte() -> None:
    """Only Date and what is named are written anew."""
    raw = rich().as_bytes()
    made = changed(raw, DraftChange(subject="Até já", to=(Address(email="c@c.example"),)), now=NOW)
    assert made.partition(b"\r\n\r\n")[2] == raw.partition(b"\n\n")[2]
    after = fields(written(raw, subject="Até já"))
    before = fields(email.message_from_bytes(raw, policy=default))
    assert after["subject"] == "Até já"
    assert after["date"] == "Sat, 21 Nov 2026 09:30:00 +0000"
    for name in before.keys() - {"subject", "date"}:
        assert after[name] == before[name], name


def test_a_new_body_keeps_a_picture_with_a_long_id() -> None:
    """Another client's picture went missing from its draft when only the text was changed."""
    # Given
    content_id = f"{'c' * 120}@mail.example.org"
    raw = rich().as_bytes().replace(b"<logo>", f"\n <{content_id}>".encode())
    # When
    made = written(raw, body=f'<img src="cid:{content_id}">')
    # Then
    assert [part["Content-ID"] for part in made.walk() if part["Content-ID"]] == [f"<{content_id}>"]


def test_a_new_body_keeps_files_and_pictures() -> None:
    """And the fields that say what the draft answers."""
    made = written(rich().as_bytes(), body='<b>Novo</b> <img src="cid:logo">')
    page = made.get_body(preferencelist=("html",))
    assert page is not None
    assert "Novo" in page.get_content()
    found = {part.get_filename(): part.get_content_type() for part in made.walk()}
    assert found["logo.png"] == "image/png"
    assert found["maçã.pdf"] == "application/pdf"
    assert "inner.eml" in found
    assert made["In-Reply-To"] == "<q@b.example>"
    assert made["References"] == "<p@b.example> <q@b.example>"
    (picture,) = [part for part in made.walk() if part.get_filename() == "logo.png"]
    assert (picture["Content-ID"], picture.get_content()) == ("<logo>", b"\x89PNG")


def test_new_files_keep_the_body() -> None:
    """HTML where there is one; a plain text stays plain."""
    made = written(rich().as_bytes(), attachments=(FILE,))
    assert [part.get_filename() for part in made.iter_attachments()] == ["b.txt"]
    page = made.get_body(preferencelist=("html",))
    assert page is not None
    assert "Olá" in page.get_content()
    plain = b"Subject: x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nOl\xe1\r\n"
    kept = written(plain, attachments=(FILE,))
    assert kept.get_body(preferencelist=("html",)) is None
    text = kept.get_body(preferencelist=("plain",))
    assert text is not None
    assert text.get_content().strip() == "Olá"


def test_lists_are_replaced_and_taken_away() -> None:
    """People, files and the caller's own headers; an empty list leaves none."""
    made = written(
        rich().as_bytes(),
        bcc=(),
        reply_to=(Address(email="r@r.example", name="Ré"),),
        attachments=(),
        custom_headers=(Header(name="X-Order", value="17"),),
    )
    assert made["Bcc"] is None
    assert made["Reply-To"] == "Ré <r@r.example>"
    assert list(made.iter_attachments()) == []
    assert (made["X-Order"], made["X-Client"]) == ("17", None)


def test_a_message_id_is_given_to_one_without() -> None:
    """And nothing else of it changes."""
    raw = b"Subject: a\r\n\r\nText\r\n"
    made = written(raw, internet_message_id=InternetMessageId("<n@a.example>"))
    assert (made["Message-ID"], made["Subject"]) == ("<n@a.example>", "a")
    assert made["From"] is None
    assert made.get_content() == "Text\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no field at all",
        b"Subject: x",
        b" folded: first\r\nSubject: a\r\n b\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts",
        b"Content-Type: text/html; charset=nonsense\r\n\r\n\xff\xfe",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx",
        b"Subject: =?utf-8?b?broken?=\r\nTo: ,,;\r\n\r\n\x00",
    ],
)
def test_malformed_drafts_are_written_all_the_same(raw: bytes) -> None:
    """Whatever another client saved can be changed, in its fields and in its content."""
    for change in ({"subject": "s"}, {"body": "<p>b</p>"}, {"attachments": (FILE,)}):
        made = email.message_from_bytes(
            changed(raw, DraftChange(**change), now=NOW), policy=default
        )
        if "subject" in change:
            assert made["Subject"] == "s"


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "a\r\nBcc: b@c.example"},
        {"to": (Address(email="a@b.example\r\nBcc: c@d.example"),)},
        {"custom_headers": (Header(name="Bcc", value="a@b.example"),)},
    ],
    ids=str,
)
def test_no_field_can_be_smuggled_in(change: dict[str, Any]) -> None:
    """The same words as when a message is sent."""
    with pytest.raises(InvalidRequest):
        changed(rich().as_bytes(), DraftChange(**change), now=NOW)
