"""OutgoingStore, in memory and in the bucket."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from postroom.domain.errors import NotFound
from postroom.domain.ids import OutboxId
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.upload import Upload, UploadId
from postroom.ports import OutgoingStore
from postroom.storage.outgoing import S3OutgoingStore
from tests.builders import (
    ACCOUNT_ID,
    NOW,
    OTHER_ACCOUNT_ID,
    make_answered,
    make_outgoing_message,
)
from tests.contract import aws
from tests.fakes import InMemoryOutgoingStore

FILES = (
    OutgoingAttachment(filename="maçã.png", content_type="image/png", content=b"\x89PNG\r\n\x00"),
    OutgoingAttachment(filename="empty.txt", content_type="text/plain", content=b""),
    OutgoingAttachment(
        filename="film.mp4",
        content_type="video/mp4",
        content=b"",
        upload=Upload(
            id=UploadId("upload-1"),
            account_id=ACCOUNT_ID,
            filename="film.mp4",
            content_type="video/mp4",
            size_bytes=9_000_000,
            expires_at=NOW,
            revision="r1",
        ),
    ),
    OutgoingAttachment(
        filename="logo", content_type="image/gif", content=b"GIF\n", content_id="a", is_inline=True
    ),
)


@pytest.fixture(params=["memory", "s3"])
def outgoing(request: pytest.FixtureRequest) -> OutgoingStore:
    if request.param == "memory":
        return InMemoryOutgoingStore()
    request.getfixturevalue("moto")
    client = aws.client("s3")
    return S3OutgoingStore(client, aws.create_bucket(client))


KEPT_BY_AN_EARLIER_VERSION = (
    b'{"message_id":"<a@example.com>","date":"2026-11-21T09:30:00+00:00",'
    b'"from":["ada@example.com","Ada"],"from_alias":false,"to":[["ana@example.org",""]],"cc":[],'
    b'"bcc":[],"reply_to":[],"subject":"Ol\\u00e1","body":"<p>Hi</p>","is_plaintext":false,'
    b'"custom_headers":[["X-Order","17"]],"answered":null,"files":[{"filename":"a.txt",'
    b'"content_type":"text/plain","content_id":"","is_inline":false,"upload":null,'
    b'"kept_bytes":3}]}\nabc'
)


@pytest.mark.usefixtures("moto")
def test_what_an_earlier_version_kept_is_sent_as_it_was_written() -> None:
    """A send waits for up to a year; parts that it has not got, it never asked for."""
    client = aws.client("s3")
    bucket = aws.create_bucket(client)
    client.put_object(
        Bucket=bucket, Key=f"outgoing/{ACCOUNT_ID}/old", Body=KEPT_BY_AN_EARLIER_VERSION
    )
    older = KEPT_BY_AN_EARLIER_VERSION.replace(b'"cc":[],', b"").replace(b'"answered":null,', b"")
    client.put_object(Bucket=bucket, Key=f"outgoing/{ACCOUNT_ID}/older", Body=older)
    store = S3OutgoingStore(client, bucket)

    kept = store.get(ACCOUNT_ID, "old")

    assert (kept.subject, kept.to) == ("Olá", (Address(email="ana@example.org"),))
    assert [each.content for each in kept.attachments] == [b"abc"]
    assert kept.custom_headers == (Header(name="X-Order", value="17"),)
    assert store.get(ACCOUNT_ID, "older") == kept


class TestOutgoingStore:
    """The content of sends until they have ended."""

    def test_message_comes_back_as_it_was_written(self, outgoing: OutgoingStore) -> None:
        """Every part of it, files byte by byte, and half of a character, too."""
        message = make_outgoing_message(
            subject="Olá \U0001f4ee \ud83d",
            cc=(Address(email="rosa@example.org", name="Rósa"),),
            bcc=(Address(email="secret@example.org"),),
            reply_to=(Address(email="desk@example.org"),),
            custom_headers=(Header(name="X-Order", value="17"),),
            attachments=FILES,
            answered=make_answered(),
            from_alias=True,
        )

        outgoing.put(ACCOUNT_ID, "one", message)

        assert outgoing.get(ACCOUNT_ID, "one") == message

    def test_what_came_in_mime_comes_back_byte_for_byte(self, outgoing: OutgoingStore) -> None:
        """Whatever its bytes are, behind files or without any."""
        mime = b"From: ada@example.com\r\n\r\n\x00\xff\n{}"
        for name, files in (("one", ()), ("two", FILES)):
            message = make_outgoing_message(mime=mime, attachments=files)
            outgoing.put(ACCOUNT_ID, name, message)
            assert outgoing.get(ACCOUNT_ID, name) == message

    def test_each_name_is_a_message_of_one_account(self, outgoing: OutgoingStore) -> None:
        """Nobody gets what another account is about to send."""
        first = make_outgoing_message()
        second = replace(first, is_plaintext=True, body="Plain")
        outgoing.put(ACCOUNT_ID, "one", first)
        outgoing.put(ACCOUNT_ID, "two", second)

        assert outgoing.get(ACCOUNT_ID, "two") == second
        with pytest.raises(NotFound):
            outgoing.get(OTHER_ACCOUNT_ID, "one")

    def test_deleted_message_is_gone(self, outgoing: OutgoingStore) -> None:
        """Deleting it again is fine."""
        outgoing.put(ACCOUNT_ID, "one", make_outgoing_message())

        outgoing.delete(ACCOUNT_ID, "one")
        outgoing.delete(ACCOUNT_ID, "one")

        with pytest.raises(NotFound):
            outgoing.get(ACCOUNT_ID, "one")

    def test_sweeping_takes_what_is_old_of_one_send(self, outgoing: OutgoingStore) -> None:
        """What is as young as a request that may still be at work stays; so does another send."""
        before, now = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=3650)
        for name in ("a.1", "a.2", "b.1", "ab.1"):
            outgoing.put(ACCOUNT_ID, name, make_outgoing_message())

        outgoing.sweep(ACCOUNT_ID, OutboxId("a"), put_before=before)
        assert outgoing.get(ACCOUNT_ID, "a.1") == make_outgoing_message()
        outgoing.sweep(ACCOUNT_ID, OutboxId("a"), put_before=now)

        for name in ("a.1", "a.2"):
            with pytest.raises(NotFound):
                outgoing.get(ACCOUNT_ID, name)
        for name in ("b.1", "ab.1"):
            assert outgoing.get(ACCOUNT_ID, name) == make_outgoing_message()

    def test_erasing_takes_one_account_only(self, outgoing: OutgoingStore) -> None:
        """A removed account leaves nothing behind, and takes nobody else's along."""
        outgoing.put(ACCOUNT_ID, "one", make_outgoing_message())
        outgoing.put(OTHER_ACCOUNT_ID, "one", make_outgoing_message())

        outgoing.erase(ACCOUNT_ID)
        outgoing.erase(ACCOUNT_ID)

        with pytest.raises(NotFound):
            outgoing.get(ACCOUNT_ID, "one")
        assert outgoing.get(OTHER_ACCOUNT_ID, "one") == make_outgoing_message()


def test_what_is_gone_is_told_from_what_may_not_be_read(moto: None) -> None:
    """The worker may not list the bucket: S3 says 403 of a missing object: tried for ever.

    What is there, and may not be read because a policy is wrong, is not taken for gone.
    """
    s3 = aws.client("s3")
    outgoing = S3OutgoingStore(s3, aws.create_bucket(s3))
    outgoing.put(ACCOUNT_ID, "one", make_outgoing_message())
    outgoing.put(ACCOUNT_ID, "one.more", make_outgoing_message())
    outgoing.put(ACCOUNT_ID, "two.more", make_outgoing_message())
    aws.forbid_reads(s3)

    with pytest.raises(NotFound):
        outgoing.get(ACCOUNT_ID, "two")
    with pytest.raises(ClientError):
        outgoing.get(ACCOUNT_ID, "one")
