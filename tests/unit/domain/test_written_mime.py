"""Reading messages that come in MIME: what is no single message to every reader is refused."""

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address
from postroom.domain.written_mime import read_written_mime

ANA = b"From: ana@mail.example\r\n"
TO = b"To: rosa@mail.example\r\n"
END = b"\r\nOl\xc3\xa1"


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_header_is_read_and_nothing_is_changed(line_end: bytes) -> None:
    """People, subject and Message-ID, folded and encoded in every way; both line ends."""
    content = (
        b"Message-ID: <1@mail.example>\r\n"
        b'From: "Lima, Ana" <ana@mail.example>\r\n'
        b"Sender: desk@mail.example\r\n"
        b"To: =?utf-8?b?Wm/Dqw==?= <zoe@mail.example>,\r\n\trosa@mail.example\r\n"
        b"Cc: undisclosed-recipients:;\r\n"
        b"Bcc: Zo\xc3\xab <secret@b\xc3\xbccher.example>\r\n"
        b"Reply-To: answers@mail.example\r\n"
        b"Subject: =?utf-8?q?Ol=C3=A1?=\r\n"
        b"X-Priority: 1\r\nX-Priority: 2\r\n"
        b"\r\nA\r\n\r\nB"
    ).replace(b"\r\n", line_end)
    read = read_written_mime(content)
    assert read.from_ == Address(email="ana@mail.example", name="Lima, Ana")
    assert read.sender == Address(email="desk@mail.example")
    assert read.to == (
        Address(email="zoe@mail.example", name="Zoë"),
        Address(email="rosa@mail.example"),
    )
    assert read.cc == ()
    assert read.bcc == (Address(email="secret@bücher.example", name="Zoë"),)
    assert read.reply_to == (Address(email="answers@mail.example"),)
    assert read.subject == "Olá"
    assert read.message_id == "<1@mail.example>"
    assert read.identified(InternetMessageId("<ours@mail.example>")) == content


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_message_without_an_id_gets_one_in_front(line_end: bytes) -> None:
    """The rest stays byte for byte, and the line ends as its own lines do."""
    content = (ANA + TO + END).replace(b"\r\n", line_end)
    mime = read_written_mime(content).identified(InternetMessageId("<ours@mail.example>"))
    assert mime == b"Message-ID: <ours@mail.example>" + line_end + content
    assert read_written_mime(mime).message_id == "<ours@mail.example>"


@pytest.mark.parametrize(
    "message_id",
    [
        "<CAF+kL=Xy_9$1@mail.mail.example>",
        "<0.1.2-A..B.@ip-10-0-0-1>",
        "<DM6PR{1}|2~3/4#5@NAM.PROD.EXAMPLE>",
        "<20261121.1@[192.0.2.1]>",
        "<20261121.1@[IPv6:2001:db8::1]>",
    ],
)
def test_ids_as_mail_programs_write_them_are_kept(message_id: str) -> None:
    """All that RFC 5322 has in words, and dots wherever they stand."""
    content = ANA + TO + f"Message-ID: {message_id}\r\n".encode() + END
    assert read_written_mime(content).message_id == message_id


def test_a_message_of_parts_may_be_sent() -> None:
    """With text before and after its parts, and a quoted boundary."""
    kind = b'Content-Type: multipart/mixed;\r\n boundary="a b"\r\n'
    parts = b"\r\nhello\r\n--a b\r\n\r\nOne\r\n--a b  \r\n\r\nTwo\r\n--a b--\r\nbye"
    assert read_written_mime(ANA + TO + kind + parts).to


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no field|empty line"),
        (b"\r\n" + ANA + TO + END, "From|no field|empty line"),
        (b"nonsense", "no field"),
        (TO + END, "From"),
        (b"From: \r\n" + TO + END, "From|cannot be read"),
        (b"From: nobody:;\r\n" + TO + END, "From"),
        (b"From: ana@mail.example, rosa@mail.example\r\n" + TO + END, "one address"),
        (ANA + b"Sender: a@mail.example, b@mail.example\r\n" + TO + END, "Sender"),
        (ANA + ANA + TO + END, "from twice"),
        (ANA + TO + b"bcc: a@x.example\r\nBCC: b@x.example\r\n" + END, "bcc twice"),
        (ANA + TO + b"Subject: a\r\nSubject: b\r\n" + END, "subject twice"),
        (b"From ana Sat Nov 21\r\n" + ANA + TO + END, "no field"),
        (b" folded\r\n" + ANA + TO + END, "no field"),
        (ANA + b"To : rosa@mail.example\r\n" + END, "no field"),
        (ANA + TO + b"Subject: a\nBcc: spy@x.example\r\n" + END, "end alike"),
        (ANA + TO + b"Subject: a\n\nBcc: spy@x.example\r\n" + END, "end alike"),
        (ANA + TO + b"Subject: a\rBcc: spy@x.example\r\n" + END, "end alike"),
        (b"From: ana@mail.example\nTo: b@x.example\r\nCc: c@x.example\n\nx", "end alike"),
        (ANA + TO + b" \r\nBcc: spy@x.example\r\n" + END, "empty line"),
        (ANA + TO + b"Subject: a\x00b\r\n" + END, "control"),
        (ANA + TO + b"Subject: =?utf-8?q?a=0D=0ABcc:_spy?=\r\n" + END, "control"),
        (ANA + b"To: =?utf-8?q?a=0D=0AB?= <b@x.example>\r\n" + END, "cannot be read|control"),
        (ANA + TO + b"X-Name: \xff\r\n" + END, "UTF-8"),
        (ANA + TO + b"X-Long: " + b"x" * 999 + b"\r\n" + END, "998"),
        (ANA + TO + (b"X-Long: " + b"x" * 900 + b"\r\n") * 300 + END, "262,144"),
        (ANA + b"To: " + b",\r\n ".join([b"," * 900] * 12) + b"\r\n" + END, "too long"),
        (ANA + b"To: " + b"(" * 900 + b"\r\n " + b"(" * 900 + b"\r\n" + END, "cannot be read"),
        (ANA + TO + b"Resent-Bcc: spy@x.example\r\n" + END, "Resent"),
        (ANA + TO + b"Message-ID:\r\n" + END, "Message-ID"),
        (ANA + TO + b"Message-ID: 1@mail.example\r\n" + END, "Message-ID"),
        (ANA + TO + b"Message-ID: <1@a> <2@b>\r\n" + END, "Message-ID"),
        # Incident: an id went into the words of a search for it, and found another mail.
        (ANA + TO + b"Message-ID: <a|in:sent@mail.example>\r\n" + END, "Message-ID"),
        (ANA + TO + b"Message-ID: <a(b)@mail.example>\r\n" + END, "Message-ID"),
        (ANA + TO + b'Message-ID: <"a"@mail.example>\r\n' + END, "Message-ID"),
        (ANA + TO + b"Message-ID: <a@b@mail.example>\r\n" + END, "Message-ID"),
        (ANA + TO + b"Content-Type: multipart/mixed\r\n" + END, "boundary"),
        (ANA + TO + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nOne\r\n", "ends"),
        (ANA + TO + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", "ends"),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, why: str) -> None:
    """Named `mime`, with the reason, and with nothing out of the message."""
    with pytest.raises(InvalidRequest, match=why) as refusal:
        read_written_mime(content)
    assert refusal.value.field == "mime"
    assert "spy" not in str(refusal.value)
