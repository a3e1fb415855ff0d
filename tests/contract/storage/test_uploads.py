"""UploadStore, in memory and in table and bucket."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId
from postroom.domain.upload import UPLOAD_ADDRESS_LIFETIME, UPLOAD_LIFETIME, Upload, UploadId
from postroom.ports import UploadStore
from postroom.storage.dynamodb.table import Table
from postroom.storage.uploads import S3UploadStore
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID
from tests.contract import aws
from tests.fakes import FixedClock, InMemoryUploadStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Put = Callable[[Upload, bytes], None]
"""Does what a client does with the address of an upload."""


def make_upload(account_id: AccountId = ACCOUNT_ID, name: str = "film") -> Upload:
    """An upload that was announced with a size of ten bytes."""
    return Upload(
        id=UploadId(f"{name}-id"),
        account_id=account_id,
        filename=f"{name} (ébauche).mp4",
        content_type="video/mp4",
        size_bytes=10,
        expires_at=NOW + UPLOAD_LIFETIME,
    )


@pytest.fixture
def s3(moto: None) -> "S3Client":
    client: S3Client = aws.client("s3")
    aws.create_bucket(client)
    return client


@pytest.fixture(params=["memory", "s3"])
def store_and_put(request: pytest.FixtureRequest, clock: FixedClock) -> tuple[UploadStore, Put]:
    if request.param == "memory":
        memory = InMemoryUploadStore(clock)
        return memory, lambda upload, content: memory.put(memory.offer(upload).url, content)
    s3 = request.getfixturevalue("s3")

    def put(upload: Upload, content: bytes) -> None:
        key = f"uploads/{upload.account_id}/{upload.id}"
        s3.put_object(Bucket=aws.BUCKET, Key=key, Body=content)

    return S3UploadStore(request.getfixturevalue("table"), s3, aws.BUCKET, clock), put


class TestUploadStore:
    """Uploads, and the files that have come for them."""

    def test_an_upload_is_kept_whole(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """Name, type and announced size come back as they were given."""
        store, _ = store_and_put
        upload = make_upload()

        store.offer(upload)

        assert store.get(ACCOUNT_ID, upload.id) == upload

    def test_unannounced_size_stays_unknown(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """A client need not know the size before."""
        store, _ = store_and_put
        upload = replace(make_upload(), size_bytes=None)

        address = store.offer(upload)

        assert store.get(ACCOUNT_ID, upload.id).size_bytes is None
        assert address.headers == {"Content-Type": "video/mp4"}

    def test_an_address_is_for_now_and_its_file_for_a_day(
        self, store_and_put: tuple[UploadStore, Put], clock: FixedClock
    ) -> None:
        """Whoever comes too late for one has another offered; what was put there stays."""
        store, put = store_and_put
        late, upload = make_upload(name="late"), make_upload()

        address = store.offer(late)
        ready(store, put, b"0123456789", upload)
        clock.advance(UPLOAD_ADDRESS_LIFETIME)

        assert address.expires_at == clock.now()
        assert store.offer(late).expires_at == clock.now() + UPLOAD_ADDRESS_LIFETIME
        assert store.get(ACCOUNT_ID, upload.id).is_ready

    def test_another_accounts_upload_is_not_there(
        self, store_and_put: tuple[UploadStore, Put]
    ) -> None:
        """Who knows an id has nothing of it on another account."""
        store, _ = store_and_put
        upload = make_upload()
        store.offer(upload)

        for account_id, upload_id in (
            (OTHER_ACCOUNT_ID, upload.id),
            (ACCOUNT_ID, UploadId("other")),
            (ACCOUNT_ID, UploadId("x" * 5000)),
        ):
            with pytest.raises(NotFound):
                store.get(account_id, upload_id)

    def test_an_upload_expires(
        self, store_and_put: tuple[UploadStore, Put], clock: FixedClock
    ) -> None:
        """After a day it is gone, also while its row waits for removal."""
        store, _ = store_and_put
        upload = make_upload()
        store.offer(upload)

        clock.advance(UPLOAD_LIFETIME - timedelta(seconds=1))
        assert store.get(ACCOUNT_ID, upload.id) == upload
        clock.advance(timedelta(seconds=1))

        with pytest.raises(NotFound):
            store.get(ACCOUNT_ID, upload.id)

    def test_a_file_arrives(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """What was put to the address is told by its size; before, there is nothing."""
        store, put = store_and_put
        upload = make_upload()
        store.offer(upload)
        assert store.arrived(upload) is None

        put(upload, b"0123456789")

        arrived = store.arrived(upload)
        assert arrived is not None
        assert arrived.size_bytes == 10

    def test_a_completed_upload_is_read_in_pieces(
        self, store_and_put: tuple[UploadStore, Put]
    ) -> None:
        """Any piece of it can be read; the last one may be shorter than was asked for."""
        store, put = store_and_put
        upload = ready(store, put, b"0123456789")

        pieces = [store.read(upload, start=at, length=4) for at in (0, 4, 8)]

        assert store.get(ACCOUNT_ID, upload.id) == upload
        assert upload.is_ready
        assert pieces == [b"0123", b"4567", b"89"]

    def test_another_content_is_not_read(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """What is put there after the completion was never looked at, and never leaves."""
        store, put = store_and_put
        upload = ready(store, put, b"0123456789")

        put(upload, b"9876543210")

        with pytest.raises(NotFound):
            store.read(upload, start=0, length=4)

    def test_a_discarded_upload_is_gone(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """Neither file nor description stays, and to complete it brings nothing back."""
        store, put = store_and_put
        upload = ready(store, put, b"0123456789")

        store.discard(upload)
        store.complete(upload)

        assert store.arrived(upload) is None
        for gone in (
            lambda: store.get(ACCOUNT_ID, upload.id),
            lambda: store.read(upload, start=0, length=1),
        ):
            with pytest.raises(NotFound):
                gone()

    def test_erasing_takes_one_account_only(self, store_and_put: tuple[UploadStore, Put]) -> None:
        """A removed account leaves no file behind, and takes nobody else's along."""
        store, put = store_and_put
        mine = [ready(store, put, b"mine", make_upload(name=f"film-{n}")) for n in range(3)]
        other = ready(store, put, b"other", make_upload(OTHER_ACCOUNT_ID))

        store.erase(ACCOUNT_ID)

        assert [store.arrived(each) for each in mine] == [None] * 3
        for each in mine:
            with pytest.raises(NotFound):
                store.get(ACCOUNT_ID, each.id)
        assert store.read(store.get(OTHER_ACCOUNT_ID, other.id), start=0, length=9) == b"other"


def ready(store: UploadStore, put: Put, content: bytes, upload: Upload | None = None) -> Upload:
    """Return an upload whose file has come and was completed."""
    upload = upload or make_upload()
    store.offer(upload)
    put(upload, content)
    arrived = store.arrived(upload)
    assert arrived is not None
    completed = replace(upload, size_bytes=arrived.size_bytes, revision=arrived.revision)
    store.complete(completed)
    return completed


def test_the_address_is_signed_with_length_and_type(
    request: pytest.FixtureRequest, s3: "S3Client", clock: FixedClock
) -> None:
    """Nobody puts another kind of file there, or a larger one.

    The incident: it promised to take a file for a day, and was signed with the temporary
    credentials of a function's role, with which it ends. The address says now when it does, which
    is no later than it is sure to.
    """
    store = S3UploadStore(request.getfixturevalue("table"), s3, aws.BUCKET, clock)

    address = store.offer(make_upload())

    url = urlsplit(address.url)
    query = parse_qs(url.query)
    assert f"uploads/{ACCOUNT_ID}/film-id" in url.path
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert query["X-Amz-Expires"] == ["900"]
    assert address.expires_at == clock.now() + timedelta(minutes=15)
    assert address.headers == {"Content-Type": "video/mp4", "Content-Length": "10"}


def test_a_file_that_is_gone_is_told_from_one_that_may_not_be_read(
    table: Table, s3: "S3Client", clock: FixedClock
) -> None:
    """The worker may not list the bucket: S3 says 403 of a missing file as of a forbidden one."""
    store = S3UploadStore(table, s3, aws.BUCKET, clock)

    def put(upload: Upload, content: bytes) -> None:
        key = f"uploads/{upload.account_id}/{upload.id}"
        s3.put_object(Bucket=aws.BUCKET, Key=key, Body=content)

    there, gone = (ready(store, put, b"0123", make_upload(name=name)) for name in ("there", "gone"))
    store.discard(gone)
    aws.forbid_reads(s3)

    with pytest.raises(NotFound):
        store.read(gone, start=0, length=4)
    with pytest.raises(ClientError):
        store.read(there, start=0, length=4)
