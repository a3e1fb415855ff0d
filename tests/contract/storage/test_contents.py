"""ContentStore, in memory and in the table with S3; and the downloads in S3."""

import random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from postroom.domain.ids import MessageId
from postroom.domain.message import Header, MessageContent
from postroom.ports import ContentStore
from postroom.storage.content import INLINE_LIMIT_BYTES, S3ContentStore
from postroom.storage.downloads import S3DownloadStore
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_content
from tests.contract import aws
from tests.fakes import InMemoryContentStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ONE, TWO, THREE = MessageId("message-1"), MessageId("message-2"), MessageId("message-3")

LARGE = make_content(text="".join(random.Random(7).choices("абвгдежз\n", k=200_000)))  # noqa: S311
"""Does not fit into a row, however well it is compressed."""


@pytest.fixture
def s3(moto: None) -> "S3Client":
    """A client of an S3 with the bucket in it."""
    client: S3Client = aws.client("s3")
    aws.create_bucket(client)
    return client


@pytest.fixture(params=["memory", "s3"])
def contents(request: pytest.FixtureRequest) -> ContentStore:
    if request.param == "memory":
        return InMemoryContentStore()
    table, client = request.getfixturevalue("table"), request.getfixturevalue("s3")
    return S3ContentStore(table, client, aws.BUCKET)


class TestContentStore:
    """Bodies and headers of messages."""

    @pytest.mark.parametrize(
        "content",
        [
            make_content(),
            LARGE,
            MessageContent(),
            make_content(html="<p>日本語 ✉️ \ud800\0</p>"),
            make_content(headers=(Header(name="To", value="a"), Header(name="To", value=""))),
        ],
        ids=["small", "large", "empty", "half a character", "headers twice"],
    )
    def test_content_is_kept_whole(self, contents: ContentStore, content: MessageContent) -> None:
        """Content of any size comes back to the last character."""
        contents.put_many(ACCOUNT_ID, {ONE: content})

        assert contents.get_many(ACCOUNT_ID, [ONE]) == {ONE: content}

    def test_many_are_kept_and_read_at_once(self, contents: ContentStore) -> None:
        """More than fit into a batch, small and large; unknown ones are left out."""
        many = {
            MessageId(f"message-{number}"): LARGE
            if number % 40 == 0
            else make_content(text=str(number))
            for number in range(110)
        }

        contents.put_many(ACCOUNT_ID, many)
        contents.put_many(ACCOUNT_ID, {})

        assert contents.get_many(ACCOUNT_ID, [*many, MessageId("unknown")]) == many
        assert contents.get_many(OTHER_ACCOUNT_ID, list(many)) == {}
        assert contents.get_many(ACCOUNT_ID, []) == {}

    def test_newer_content_replaces_the_older(self, contents: ContentStore) -> None:
        """A draft may grow and shrink across the size that fits into a row."""
        for content in (make_content(), LARGE, make_content(text="short again")):
            contents.put_many(ACCOUNT_ID, {ONE: content})

            assert contents.get_many(ACCOUNT_ID, [ONE]) == {ONE: content}

    def test_deleted_contents_are_gone(self, contents: ContentStore) -> None:
        """Small or large, once deleted nothing can be read; deleting unknown ones is fine."""
        contents.put_many(ACCOUNT_ID, {ONE: make_content(), TWO: LARGE, THREE: LARGE})

        contents.delete(ACCOUNT_ID, [ONE, TWO, ONE, MessageId("unknown")])
        contents.delete(ACCOUNT_ID, [])

        assert contents.get_many(ACCOUNT_ID, [ONE, TWO, THREE]) == {THREE: LARGE}


def test_only_large_contents_are_objects(request: pytest.FixtureRequest, s3: "S3Client") -> None:
    """Small contents save S3's price of a PUT; nothing stays in the bucket after a deletion."""
    contents = S3ContentStore(request.getfixturevalue("table"), s3, aws.BUCKET)

    contents.put_many(ACCOUNT_ID, {ONE: make_content(), TWO: LARGE})
    objects = s3.list_objects_v2(Bucket=aws.BUCKET)["Contents"]
    contents.delete(ACCOUNT_ID, [ONE, TWO])

    assert [each["Key"] for each in objects] == [f"bodies/{ACCOUNT_ID}/{TWO}"]
    assert objects[0]["Size"] > INLINE_LIMIT_BYTES
    assert s3.list_objects_v2(Bucket=aws.BUCKET)["KeyCount"] == 0


def test_a_body_that_is_gone_is_told_from_one_that_may_not_be_read(
    request: pytest.FixtureRequest, s3: "S3Client"
) -> None:
    """Nobody may list the whole bucket: S3 says 403 of a missing body, and a list of mails broke.

    It was deleted between the reads of its row and of itself. What is there, and may not be read
    because a policy is wrong, is not taken for gone.
    """
    contents = S3ContentStore(request.getfixturevalue("table"), s3, aws.BUCKET)
    contents.put_many(ACCOUNT_ID, {ONE: make_content(), TWO: LARGE, THREE: LARGE})
    s3.delete_object(Bucket=aws.BUCKET, Key=f"bodies/{ACCOUNT_ID}/{TWO}")
    aws.forbid_reads(s3)

    assert contents.get_many(ACCOUNT_ID, [ONE, TWO]) == {ONE: make_content()}
    with pytest.raises(ClientError):
        contents.get_many(ACCOUNT_ID, [ONE, THREE])


def test_download_is_offered_as_a_file(s3: "S3Client") -> None:
    """The address is signed, ends soon, and makes a browser save rather than show."""
    downloads = S3DownloadStore(s3, aws.BUCKET)

    address = downloads.offer(ACCOUNT_ID, filename='план "B".html', content=b"<script>")

    query = parse_qs(urlsplit(address).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-type"] == ["application/octet-stream"]
    [disposition] = query["response-content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD%20%22B%22.html"
    [stored] = s3.list_objects_v2(Bucket=aws.BUCKET)["Contents"]
    assert stored["Key"].startswith(f"downloads/{ACCOUNT_ID}/")
    assert s3.get_object(Bucket=aws.BUCKET, Key=stored["Key"])["Body"].read() == b"<script>"


def test_erasing_downloads_takes_one_account_only(s3: "S3Client") -> None:
    """A removed account leaves no attachment behind, and takes nobody else's along."""
    downloads = S3DownloadStore(s3, aws.BUCKET)
    for number in range(3):
        downloads.offer(ACCOUNT_ID, filename=f"{number}.txt", content=b"mine")
    downloads.offer(OTHER_ACCOUNT_ID, filename="other.txt", content=b"other")

    downloads.erase(ACCOUNT_ID)

    [kept] = s3.list_objects_v2(Bucket=aws.BUCKET)["Contents"]
    assert OTHER_ACCOUNT_ID in kept["Key"]
