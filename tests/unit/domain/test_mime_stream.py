"""A message that is never held as a whole reads as the same message that is."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.domain.message import Address
from postroom.domain.mime import render
from postroom.domain.mime_stream import MimeStream, streamed
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage
from postroom.domain.upload import Upload, UploadId
from tests.builders import ACCOUNT_ID, NOW, make_outgoing_message

PICTURE = OutgoingAttachment(
    filename="logo.png", content_type="image/png", content=b"logo", content_id="l", is_inline=True
)
NOTE = OutgoingAttachment(filename="note.txt", content_type="text/plain", content=b"a note")


def uploaded(content: bytes, number: int = 0) -> OutgoingAttachment:
    """A file that lies in the bucket."""
    upload = Upload(
        id=UploadId(f"u{number}"),
        account_id=ACCOUNT_ID,
        filename=f"Fílm {number}.mp4",
        content_type="video/mp4",
        size_bytes=len(content),
        expires_at=NOW,
        revision="r",
    )
    return OutgoingAttachment(
        filename=upload.filename, content_type=upload.content_type, upload=upload
    )


def carrying(*contents: bytes) -> tuple[OutgoingMessage, dict[str, bytes]]:
    """A message with small files and uploads, and what the uploads hold."""
    files = [uploaded(content, number) for number, content in enumerate(contents)]
    message = make_outgoing_message(
        subject="Größe",
        body="<p>Hello <img src='cid:l'> ünïcode</p>",
        bcc=(Address(email="hidden@example.com"),),
        attachments=(PICTURE, *files[:1], NOTE, *files[1:]),
    )
    held = {f"u{number}": content for number, content in enumerate(contents)}
    return message, held


def pieces(stream: MimeStream, held: dict[str, bytes], length: int) -> bytes:
    """Read a message piece by piece."""
    read = [
        stream.read(start, length, lambda upload, at, count: held[upload.id][at : at + count])
        for start in range(0, stream.size_bytes, length)
    ]
    assert all(len(each) == length for each in read[:-1])
    return b"".join(read)


@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=3),
    length=st.integers(1, 500),
)
def test_any_pieces_make_the_whole(sizes: list[int], length: int) -> None:
    """Whatever the files' sizes and the pieces' length, it is what would have been rendered."""
    message, held = carrying(*(bytes(n % 251 for n in range(size)) for size in sizes))
    inside = replace(
        message,
        attachments=tuple(
            each if each.upload is None else replace(each, content=held[each.upload.id])
            for each in message.attachments
        ),
    )
    stream = streamed(message)
    boundary = stream.read(0, 4000, lambda _, __, count: bytes(count)).partition(b'boundary="')[2]

    whole = pieces(stream, held, length)

    given_boundary = boundary.partition(b"_0")[0].decode()
    assert whole == render(inside, include_bcc=True, boundary=given_boundary)
    assert len(whole) == stream.size_bytes


def test_a_parser_finds_every_file_again() -> None:
    """Names, types and bytes are those of the uploads, in their order; the picture is inline."""
    film, song = bytes(range(256)) * 40, b"la" * 333
    message, held = carrying(film, song)

    read = message_from_bytes(pieces(streamed(message), held, 1000), policy=SMTP)

    files = {part.get_filename(): part.get_content() for part in read.iter_attachments()}
    assert files == {"Fílm 0.mp4": film, "note.txt": "a note", "Fílm 1.mp4": song}
    assert read["Bcc"] == "hidden@example.com"
    assert [p.get_content_type() for p in read.walk() if p.get_filename()] == [
        "image/png",
        "video/mp4",
        "text/plain",
        "video/mp4",
    ]


def test_another_process_makes_the_same_bytes() -> None:
    """What was handed over by one worker is continued by the next, byte for byte."""
    message, held = carrying(b"x" * 1000)

    assert pieces(streamed(message), held, 100) == pieces(streamed(message), held, 77)


def test_another_message_has_other_boundaries() -> None:
    """A boundary follows from the Message-ID, so that no author knows it before."""
    message, held = carrying(b"x")
    other = replace(message, message_id=type(message.message_id)("<other@example.com>"))

    assert pieces(streamed(message), held, 9) != pieces(streamed(other), held, 9)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 114])
def test_the_size_is_known_before_a_file_is_read(size: int) -> None:
    """The provider is told it in the beginning."""
    message, held = carrying(b"x" * size)

    assert len(pieces(streamed(message), held, 10_000)) == streamed(message).size_bytes
