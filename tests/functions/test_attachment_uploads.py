"""Large files: an address is offered, they are put there, completed; or told what is wrong."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.ids import new_account_id
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.table import Table
from tests.builders import make_account, make_identity
from tests.contract import aws
from tests.functions.conftest import ADDRESS, WORKERS, Deployment

FILE = {"filename": "Ada's film é.mp4", "content_type": "video/mp4", "size": 5}
DAY = timedelta(days=1)
UPLOADS = f"/v3/grants/{ADDRESS}/attachment-uploads"


def put(offer: dict[str, Any], content: bytes) -> None:
    """Put a file where an offer says, as its presigned address does."""
    key = unquote(urlsplit(offer["url"]).path).partition("uploads/")[2]
    aws.client("s3").put_object(Bucket=aws.BUCKET, Key=f"uploads/{key}", Body=content)


def complete(deployment: Deployment, offer: dict[str, Any], *, status: int = 200) -> dict[str, Any]:
    """Complete an upload."""
    return deployment.call(
        "POST", f"{UPLOADS}/{offer['attachment_id']}/complete", {}, status=status
    )


def ended(deployment: Deployment, schedule_id: str, by: Iterable[str] = WORKERS) -> dict[str, Any]:
    """Return how a send ended, once the worker has had its call, which comes seconds later."""
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        deployment.work_off(by)
        path = f"/v3/grants/{ADDRESS}/messages/schedules/{schedule_id}"
        found: dict[str, Any] = deployment.call("GET", path)["data"]
        if "close_time" in found:
            status: dict[str, Any] = found["status"]
            return status
        time.sleep(0.05)
    raise AssertionError("the send does not end")


def test_a_file_is_uploaded(deployment: Deployment) -> None:
    """The offer says all that a PUT needs; after it the file is ready, however often one asks."""
    before = datetime.now(UTC)

    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    put(offer, b"12345")
    ready = [complete(deployment, offer)["data"] for _ in range(2)]

    assert (offer["method"], offer["filename"], offer["size"]) == ("PUT", FILE["filename"], 5)
    assert offer["headers"] == {"Content-Type": "video/mp4", "Content-Length": "5"}
    assert offer["content_type"] == "video/mp4"
    for name, lifetime in (("url_expires_at", timedelta(minutes=15)), ("expires_at", DAY)):
        expires_at = datetime.fromisoformat(offer[name])
        assert abs(expires_at - before - lifetime) < timedelta(minutes=1)
    assert parse_qs(urlsplit(offer["url"]).query)["X-Amz-Expires"] == ["900"]
    url = urlsplit(offer["url"])
    assert f"uploads/{offer['grant_id']}/{offer['attachment_id']}" in url.path
    signed = parse_qs(url.query)["X-Amz-SignedHeaders"]
    assert signed == ["content-length;content-type;host"]
    expected = {key: offer[key] for key in ("attachment_id", "grant_id")} | {"status": "ready"}
    assert ready == [expected, expected]


def test_the_size_may_be_unknown(deployment: Deployment) -> None:
    """It is 0 then, as the contract has it, and is learned from what arrives."""
    unsized = {name: FILE[name] for name in ("filename", "content_type")}

    offer = deployment.call("POST", UPLOADS, unsized, status=201)["data"]
    put(offer, b"any number of bytes")

    assert offer["size"] == 0
    assert offer["headers"] == {"Content-Type": "video/mp4"}
    assert complete(deployment, offer)["data"]["status"] == "ready"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No file has arrived"), (b"", "is empty"), (b"1234", "4 bytes instead of the 5")],
)
def test_what_is_not_the_announced_file_is_not_ready(
    deployment: Deployment, content: bytes | None, words: str
) -> None:
    """The answer says what is wrong, and the right file may still come."""
    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    if content is not None:
        put(offer, content)

    error = complete(deployment, offer, status=400)["error"]
    put(offer, b"12345")

    assert error["type"] == "invalid_request_error"
    assert words in error["message"]
    assert complete(deployment, offer)["data"]["status"] == "ready"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"filename": ""}, "filename"),
        ({"filename": None}, "filename"),
        ({"filename": "a\r\nb"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"content_type": "video"}, "content_type"),
        ({"content_type": "multipart/mixed"}, "content_type"),
        ({"content_type": "text/plain; name=é"}, "content_type"),
        ({"size": 0}, "size"),
        ({"size": "5"}, "size"),
        ({"size": True}, "size"),
        ({"size": 1.5}, "size"),
    ],
)
def test_what_cannot_be_uploaded_is_named(
    deployment: Deployment, change: dict[str, Any], field: str
) -> None:
    """Nothing is offered, and the part of the request to change is named."""
    error = deployment.call("POST", UPLOADS, FILE | change, status=400)["error"]

    assert error["message"].startswith(f"{field}: ")


def test_the_providers_limit_is_told_before_anything_is_uploaded(deployment: Deployment) -> None:
    """Gmail counts the encoded message, so that a file has to be smaller than its limit."""
    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    too_large = FILE | {"size": offer["max_size"] + 1}

    error = deployment.call("POST", UPLOADS, too_large, status=413)["error"]

    deployment.call("POST", UPLOADS, FILE | {"size": offer["max_size"]}, status=201)
    assert offer["max_size"] == 26_771_418
    assert "Gmail sends at most 36,700,160 bytes" in error["message"]
    assert "26,771,418" in error["message"]


def test_outlook_takes_larger_files(deployment: Deployment) -> None:
    """The limit is that of the account's own provider: 150 MB, as the contract has it."""
    account = outlook_account()
    path = f"/v3/grants/{account.id}/attachment-uploads"

    offer = deployment.call("POST", path, FILE | {"size": 157_286_400}, status=201)["data"]
    error = deployment.call("POST", path, FILE | {"size": 157_286_401}, status=413)["error"]

    assert offer["max_size"] == 157_286_400
    assert "Outlook sends at most 157,286,400 bytes" in error["message"]


def test_an_oversized_file_without_announcement_is_thrown_away(deployment: Deployment) -> None:
    """What no message could carry does not stay in the bucket until the night."""
    unsized = {name: FILE[name] for name in ("filename", "content_type")}
    offer = deployment.call("POST", UPLOADS, unsized, status=201)["data"]
    put(offer, bytes(offer["max_size"] + 1))

    error = complete(deployment, offer, status=413)["error"]

    assert "Gmail sends at most" in error["message"]
    complete(deployment, offer, status=404)
    listed = aws.client("s3").list_objects_v2(
        Bucket=aws.BUCKET, Prefix=f"uploads/{offer['grant_id']}/{offer['attachment_id']}"
    )
    assert listed["KeyCount"] == 0


def test_another_accounts_upload_is_not_there(deployment: Deployment) -> None:
    """Who knows its id cannot complete it on an account of their own."""
    other = outlook_account()
    path = f"/v3/grants/{other.id}/attachment-uploads"
    offer = deployment.call("POST", path, FILE, status=201)["data"]
    put(offer, b"12345")

    error = complete(deployment, offer, status=404)["error"]

    assert error["type"] == "not_found_error"


def outlook_account() -> Account:
    """Add an Outlook account that nobody has used."""
    account_id = new_account_id()
    identity = make_identity(
        provider=ProviderName.MICROSOFT, subject=account_id, email=f"{account_id}@example.com"
    )
    account = make_account(id=account_id, identity=identity)
    DynamoAccountStore(Table(aws.client("dynamodb"), aws.TABLE)).create(account)
    return account


def test_an_uploaded_file_is_sent(deployment: Deployment) -> None:
    """The send answers 202 and is followed; the worker sends it with the file."""
    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    send = f"/v3/grants/{ADDRESS}/messages/send"
    message: dict[str, Any] = {
        "to": [{"email": "charles@example.org"}],
        "subject": "A film",
        "attachments": [{"id": offer["attachment_id"]}],
    }
    early = deployment.call("POST", send, message, status=400)["error"]
    put(offer, b"12345")
    complete(deployment, offer)

    accepted = deployment.call("POST", send, message, status=202)["data"]
    status = ended(deployment, accepted["schedule_id"])

    assert early["message"].startswith("attachments.0.id: ")
    assert status["code"] == "success"
    answer = deployment.simulator.get("/_sim/mailboxes/charles@example.org").json()
    (arrived,) = [each for each in answer["messages"] if each["subject"] == "A film"]
    assert [file["filename"] for file in arrived["attachments"]] == [FILE["filename"]]


def test_what_a_worker_has_sent_is_read_as_soon_as_it_is_said_to_have_left(
    deployment: Deployment,
) -> None:
    """No sync has been there: the worker stores its copy, with what its application noted."""
    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    put(offer, b"12345")
    complete(deployment, offer)
    message = {
        "to": [{"email": "charles@example.org"}],
        "subject": "A film to read",
        "metadata": {"key1": "17"},
        "attachments": [{"id": offer["attachment_id"]}],
    }
    send = f"/v3/grants/{ADDRESS}/messages/send"
    accepted = deployment.call("POST", send, message, status=202)["data"]

    status = ended(deployment, accepted["schedule_id"], by=("send",))

    assert status["code"] == "success"
    listed = deployment.call("GET", f"/v3/grants/{ADDRESS}/messages")["data"]
    (copy,) = [each for each in listed if each["subject"] == "A film to read"]
    found = deployment.call("GET", f"/v3/grants/{ADDRESS}/messages/{copy['id']}")["data"]
    assert (found["subject"], found["metadata"]) == ("A film to read", {"key1": "17"})
    assert [file["filename"] for file in found["attachments"]] == [FILE["filename"]]


def test_a_file_that_no_longer_is_what_was_looked_at_is_not_sent(deployment: Deployment) -> None:
    """In the bucket as in memory: the follower hears why."""
    offer = deployment.call("POST", UPLOADS, FILE, status=201)["data"]
    put(offer, b"12345")
    complete(deployment, offer)
    accepted = deployment.call(
        "POST",
        f"/v3/grants/{ADDRESS}/messages/send",
        {
            "to": [{"email": "charles@example.org"}],
            "subject": "Another film",
            "attachments": [{"id": offer["attachment_id"]}],
        },
        status=202,
    )["data"]
    put(offer, b"54321")

    status = ended(deployment, accepted["schedule_id"])

    assert status["code"] == "failed"
    assert "replaced" in status["description"]
