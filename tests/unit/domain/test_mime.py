"""Outgoing messages in their MIME form, read back by parsers that are not ours."""

import email
import email.header
import email.policy
import email.utils
import re
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address, Header
from postroom.domain.mime import html_to_text, render
from postroom.domain.outgoing import OutgoingAttachment
from tests.builders import make_answered, make_outgoing_message

PDF = OutgoingAttachment(
    filename="menu.pdf", content_type="application/pdf", content=b"%PDF\r\n\x00"
)
LOGO = OutgoingAttachment(
    filename="logo.png",
    content_type="image/png",
    content=b"\x89PNG",
    content_id="logo@x",
    is_inline=True,
)
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120).filter(
    lambda text: text.isprintable()
)


def rendered(*, include_bcc: bool = False, **changes: Any) -> bytes:
    return render(make_outgoing_message(**changes), include_bcc=include_bcc)


def parsed(**changes: Any) -> EmailMessage:
    message = email.message_from_bytes(rendered(**changes), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def old_style(raw: bytes, name: str) -> str:
    """Read a field with the older, independent decoder of encoded words."""
    value = email.message_from_bytes(raw)[name]
    return str(email.header.make_header(email.header.decode_header(value)))


def person(raw: bytes, name: str) -> tuple[str, str]:
    shown, address = email.utils.parseaddr(email.message_from_bytes(raw)[name])
    decoded = str(email.header.make_header(email.header.decode_header(shown)))
    return decoded.strip(), address


def test_html_travels_with_its_text() -> None:
    """A reader without HTML sees the words too."""
    # Given / When
    message = parsed(body='<p>Hi <a href="https://x.example/a">Ana</a></p><p>Grüße</p>')
    # Then
    assert message.get_content_type() == "multipart/alternative"
    text, markup = (unix(part.get_content()) for part in message.iter_parts())
    assert text.strip() == "Hi Ana (https://x.example/a)\n\nGrüße"
    assert markup.strip() == '<p>Hi <a href="https://x.example/a">Ana</a></p><p>Grüße</p>'


def test_plain_text_travels_alone() -> None:
    """Plain text stays plain: no HTML is made of it."""
    # Given / When
    message = parsed(body="1 < 2\nÜ", is_plaintext=True)
    # Then
    assert message.get_content_type() == "text/plain"
    assert unix(message.get_content()) == "1 < 2\nÜ\n"


def test_pictures_belong_to_the_html_and_files_to_the_message() -> None:
    """The tree is mixed(alternative(text, related(html, picture)), file)."""
    # Given / When
    message = parsed(body='<img src="cid:logo@x">', attachments=(PDF, LOGO))
    # Then
    types = [part.get_content_type() for part in message.walk()]
    assert types == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    picture, pdf = list(message.walk())[5:]
    assert (picture["Content-ID"], picture.get_content()) == ("<logo@x>", LOGO.content)
    assert (pdf.get_filename(), pdf.get_content()) == ("menu.pdf", PDF.content)
    assert pdf.get_content_disposition() == "attachment"


def test_attached_mail_is_not_rewritten() -> None:
    """An attached mail arrives byte for byte."""
    # Given
    mail = OutgoingAttachment(
        filename="old.eml", content_type="message/rfc822", content=b"Subject: x\n\n\xff\n"
    )
    # When
    (part,) = parsed(attachments=(mail,)).iter_attachments()
    # Then
    assert part.get_content() == mail.content


def test_a_long_message_id_in_references_stays_whole() -> None:
    """`email` folds a long one into an encoded word, and the thread breaks."""
    # Given
    references = tuple(InternetMessageId(f"<{'r' * n}@x.example>") for n in (10, 90, 70, 200, 10))
    # When
    raw = rendered(answered=make_answered(references=references, internet_message_id=references[3]))
    # Then
    message = email.message_from_bytes(raw)
    assert tuple(message["References"].split()) == references
    assert message["In-Reply-To"].strip() == references[3]
    assert b"=?" not in raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Grüße " * 40, 'Müller, "Jürgen" ' + "ü" * 60),
        ("日本語のとても長い件名" * 12, "日本 語"),
        ("a =?utf-8?q?b?= c", "=?utf-8?q?b?="),
        ("  two  spaces  ", "Doe, John \\ Co"),
        ("x" * 1500, "y" * 1500),
        ("emoji 👩‍👩‍👧 family", "👩‍👩‍👧"),
        ("", ""),
    ],
)
def test_subjects_and_names_survive(subject: str, name: str) -> None:
    """What is written is what is read, by two decoders, in lines that SMTP takes."""
    # Given / When
    raw = rendered(subject=subject, to=(Address(email="ana@x.example", name=name),))
    # Then
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"].strip() == subject.strip()
    assert old_style(raw, "Subject").strip() == subject.strip()
    # The newer parser puts spaces between the encoded words of a name, against RFC 2047, 6.2.
    assert person(raw, "To") == (name, "ana@x.example")
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 998


@given(subject=_TEXT, name=_TEXT, filename=_TEXT, body=_TEXT)
def test_any_text_survives(subject: str, name: str, filename: str, body: str) -> None:
    """No printable text is lost or changed on the way."""
    # Given / When
    attachment = OutgoingAttachment(filename=filename, content_type="a/b", content=b"x")
    raw = rendered(
        subject=subject,
        from_=Address(email="ada@example.com", name=name),
        body=body,
        is_plaintext=True,
        attachments=(attachment,),
    )
    # Then
    assert old_style(raw, "Subject").strip() == subject.strip()
    assert person(raw, "From") == (name.strip(), "ada@example.com")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text, file = message.iter_parts()
    assert unix(text.get_content()) == f"{body}\n"
    assert (file.get_filename() or "").strip() == filename.strip()


def test_an_international_domain_is_written_in_ascii() -> None:
    """Every server reads an IDNA domain; the local part stays as it is (RFC 6532)."""
    # Given / When
    raw = rendered(to=(Address(email="jürgen@müller.example"),))
    # Then
    assert "<jürgen@xn--mller-kva.example>".encode() in raw


def test_a_domain_is_not_written_as_one_that_looks_alike_to_an_old_codec() -> None:
    """Incident: mail to `ana@faß.de` left for `ana@fass.de`, another owner's (IDNA 2003)."""
    # Given / When
    people = ("ana@faß.de", "ana@fass.de", "ana@FAẞ.de", "ana@mail_1.example")
    raw = rendered(to=tuple(Address(email=each) for each in people))
    # Then
    written = email.message_from_bytes(raw)["To"]
    assert [address for _, address in email.utils.getaddresses([written])] == [
        "ana@xn--fa-hia.de",
        "ana@fass.de",
        "ana@xn--fa-hia.de",
        "ana@mail_1.example",
    ]


NO_IDS = ("", "abc", "<a b@c.example>", "<ção@x.example>", "<a@b>\r\nX: y", f"<{'a' * 990}@x>")


@pytest.mark.parametrize("odd", NO_IDS)
def test_a_mail_whose_id_is_none_can_be_answered(odd: str) -> None:
    """Incident: a Message-ID beyond ASCII, or too long, kept a mail and its thread from answers."""
    # Given
    first, last = InternetMessageId("<1@mail.example>"), InternetMessageId("<3@mail.example>")
    no_id = InternetMessageId(odd)
    answered = make_answered(internet_message_id=no_id, references=(first, no_id, last))
    # When
    written = email.message_from_bytes(rendered(answered=answered))
    # Then
    assert written["In-Reply-To"] is None
    assert written["References"].split() == [first, last]
    assert written["X"] is None


@pytest.mark.parametrize("odd", NO_IDS)
def test_a_thread_of_no_ids_at_all_can_be_answered(odd: str) -> None:
    """There is nothing to refer to then, and an empty field is none (RFC 5322, 3.6.4)."""
    no_id = InternetMessageId(odd)
    written = email.message_from_bytes(
        rendered(answered=make_answered(internet_message_id=no_id, references=(no_id,)))
    )
    assert "References" not in written
    assert "In-Reply-To" not in written


def test_bcc_is_written_only_where_it_is_taken_out_again() -> None:
    """Nobody may read who was copied in secret."""
    # Given
    bcc = (Address(email="secret@x.example"),)
    # When / Then
    assert b"secret@x.example" not in rendered(bcc=bcc)
    assert b"Bcc: <secret@x.example>\r\n" in rendered(bcc=bcc, include_bcc=True)


def test_custom_headers_are_written() -> None:
    """An application may add its own fields."""
    assert (
        parsed(custom_headers=(Header(name="X-Ticket", value="Nr. 7 ü"),))["X-Ticket"] == "Nr. 7 ü"
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "a\r\nBcc: x@y.example"}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "half \ud83d"}, "subject"),
        ({"body": "half \ud83d"}, "body"),
        ({"to": (Address(email="a@b.example\r\nX: y"),)}, "to"),
        ({"to": (Address(email="a@b.example", name="x\ny"),)}, "to"),
        ({"to": (Address(email="nobody"),)}, "to"),
        ({"to": (Address(email="a b@c.example"),)}, "to"),
        ({"cc": (Address(email="a@b.example>, <c@d.example"),)}, "cc"),
        ({"to": (Address(email="a@" + "x" * 64 + ".example"),)}, "to"),
        ({"custom_headers": (Header(name="X-A", value="b\r\nC: d"),)}, "custom_headers"),
        ({"custom_headers": (Header(name="X A", value="b"),)}, "custom_headers"),
        ({"custom_headers": (Header(name="X-A:\r\nB", value="b"),)}, "custom_headers"),
        ({"custom_headers": (Header(name="Subject", value="b"),)}, "custom_headers"),
        ({"message_id": InternetMessageId("<a@b>\r\nX: y")}, "Message-ID"),
        ({"to": (Address(email="ana@i\u2764.example"),)}, "to"),
        ({"cc": (Address(email="ana@\u00fc..example"),)}, "cc"),
        ({"reply_to": (Address(email=f"ana@{'x' * 64}.example"),)}, "reply_to"),
        (
            {
                "attachments": (
                    OutgoingAttachment(filename="a\nb", content_type="a/b", content=b""),
                )
            },
            "attachments",
        ),
        ({"attachments": (replace(LOGO, content_id="c" * 989),)}, "attachments"),
    ],
)
def test_what_has_no_mime_form_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    """Nothing can smuggle a header in, and the caller learns which part to change."""
    with pytest.raises(InvalidRequest) as refusal:
        rendered(**changes)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("content_type", "method", "charset"),
    [
        ("text/calendar; method=REQUEST; charset=utf-8", "REQUEST", "utf-8"),
        ('Text/CSV;Charset="windows-1252"; name=x.csv', None, "windows-1252"),
        ("text/csv; charset=a\r\nBcc: x@y.example", None, None),
        ("text/csv; charset", None, None),
    ],
)
def test_an_invitation_stays_one(
    content_type: str, method: str | None, charset: str | None
) -> None:
    """Its method was lost on the way, and the charset of a table, which readers then guessed."""
    file = OutgoingAttachment(filename="a", content_type=content_type, content=b"1")
    [part] = parsed(attachments=(file,)).iter_attachments()
    assert part.get_content_type() == content_type.partition(";")[0].lower()
    assert part.get_param("method") == method
    assert part.get_content_charset() == charset
    assert part.get_payload(decode=True) == b"1"


def test_an_unusable_content_type_becomes_a_neutral_one() -> None:
    """A type that is none does not stop a message."""
    # Given
    odd = OutgoingAttachment(filename="a", content_type="x\r\ny", content=b"1")
    # When
    (part,) = parsed(attachments=(odd,)).iter_attachments()
    # Then
    assert part.get_content_type() == "application/octet-stream"


def test_text_of_html_leaves_out_what_nobody_sees() -> None:
    """Styles and scripts are no words; lists, breaks and cells keep them apart."""
    markup = (
        "<head><title>t</title><style>p{}</style></head><body><p>One<br>two</p>"
        "<script>x()</script><ul><li>a</li><li>b</li></ul><table><tr><td>1</td><td>2</td></tr>"
        "</table>&amp; &#8364;</body>"
    )
    assert re.sub(r"\n+", "|", html_to_text(markup)) == "One|two|- a|- b|1 2|& €"
