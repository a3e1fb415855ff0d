"""The digest of a request stays what it is: stored rows compare it for thirty days and more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from postroom.domain.ids import MessageId
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.domain.upload import UploadId

FULL = SendRequest(
    to=(Address(email="ana@mail.example", name="Ána \ud83d"),),
    subject="Olá",
    body="<p>Olá!</p>",
    attachments=(
        OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"a"),
        UploadedFile(upload_id=UploadId("u1"), field="attachments.1.id"),
    ),
    custom_headers=(Header(name="X-Order", value="17"),),
    reply_to_message_id=MessageId("m1"),
    metadata=(("key1", "shop"),),
    send_at=datetime(2026, 5, 4, 9, tzinfo=UTC),
)


def test_digests_are_those_of_earlier_versions() -> None:
    """A part that requests got made every key of a month a conflict: these never change."""
    assert SendRequest(to=(Address(email="ana@mail.example"),)).digest() == (
        "ce642bea66ec54f683ddd6e7578dd9effdcc54e48f26af2da4cf6132c090651e"
    )
    assert FULL.digest() == "cf4208c787466d61a27481bd7e25a9280a60bfe24cb4978ee917f969b4072f05"


def test_a_moment_counts_not_how_it_is_written() -> None:
    """The same time in another zone is the same request."""
    assert FULL.send_at is not None
    lisbon = FULL.send_at.astimezone(timezone(timedelta(hours=1)))
    later = FULL.send_at + timedelta(seconds=1)

    assert _at(lisbon).digest() == FULL.digest() != _at(later).digest()


def test_the_content_of_a_file_counts() -> None:
    """Two files of one name are two requests."""
    one, two = (
        SendRequest(
            to=(),
            attachments=(OutgoingAttachment(filename="a", content_type="x/y", content=content),),
        )
        for content in (b"1", b"2")
    )

    assert one.digest() != two.digest()


def _at(send_at: datetime) -> SendRequest:
    return replace(FULL, send_at=send_at)
