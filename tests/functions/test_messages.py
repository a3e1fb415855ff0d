"""Messages through the function: what can be asked, and every field that cannot be what it is."""

import base64
import importlib
import json
from typing import Any

import pytest

from tests.functions.conftest import SAMPLE_GRANT, SAMPLE_MESSAGE, Deployment, LambdaContext
from tests.functions.routes import request

BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""What API Gateway lets through."""


@pytest.fixture
def messages(deployment: Deployment) -> str:
    """The path of Ada's messages."""
    return f"/v3/grants/{deployment.names[SAMPLE_GRANT]}/messages"


@pytest.fixture
def message(deployment: Deployment, messages: str) -> str:
    """The path of her one message."""
    return f"{messages}/{deployment.names[SAMPLE_MESSAGE]}"


def named(answer: dict[str, Any]) -> str:
    """The field that an error names."""
    assert answer["error"]["type"] == "invalid_request_error"
    return str(answer["error"]["message"]).partition(":")[0]


LONG = "x" * 7_000


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("page_token=x", "page_token"),
        (f"page_token={LONG}", "page_token"),
        ("fields=all", "fields"),
        (f"subject={'x' * 999}", "subject"),
        *((f"{name}={','.join(['a@x.io'] * 26)}", name) for name in ("any_email", "from", "bcc")),
        ("in=Inbox%20folder", "in"),
        (f"in={LONG}", "in"),
        ("in=INBOX&in=nowhere", "in"),
        *((f"{name}=perhaps", name) for name in ("unread", "starred", "has_attachment")),
        (f"thread_id={LONG}", "thread_id"),
        *(
            (f"{name}={value}", name)
            for name in ("received_before", "received_after")
            for value in ("now", "-1", "1e3", "9" * 30)
        ),
        ("metadata_pair=case:17", "metadata_pair"),
        ("metadata_pair=key1", "metadata_pair"),
        ("metadata_pair=key1:a&metadata_pair=key1:b", "metadata_pair"),
        (f"search_query_native={'x' * 501}", "search_query_native"),
        ("query_imap=true", "query_imap"),
        ("shared_from=a@x.io", "shared_from"),
        ("shared_folder_id=x", "shared_folder_id"),
    ],
    ids=lambda value: value[:40],
)
def test_every_parameter_of_a_list_is_checked(
    deployment: Deployment, messages: str, query: str, field: str
) -> None:
    """400, naming it."""
    assert named(deployment.call("GET", messages, query=query, status=400)) == field


@pytest.mark.parametrize(
    "query",
    [
        "unread=True&starred=False&has_attachment=False&limit=200",
        "unread=true&any_email=a%2Bb@x.io,charles@example.org&any_email=ana@elsewhere.example",
        "page_token=None&limit=None&select=undefined&unread=undefined&fields=None&junk=1",
        "in=INBOX&in=UNREAD",
        "subject=NOTES%20on+the",
        "received_after=0&received_before=253402300799",
        "search_query_native=subject:engine",
        "search_query_native=subject:engine&in=INBOX&unread=True&fields=raw_mime",
        "fields=include_tracking_options&select=id,tracking_options",
    ],
)
def test_what_sdks_ask_is_understood(deployment: Deployment, messages: str, query: str) -> None:
    """In the spelling of each; Ada's one message fulfils it all."""
    (shown,) = deployment.call("GET", messages, query=query)["data"]
    assert shown["id"] == deployment.names[SAMPLE_MESSAGE]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"unread": "perhaps"}, "unread"),
        ({"unread": []}, "unread"),
        ({"starred": {}}, "starred"),
        ({"folders": "INBOX"}, "folders"),
        ({"folders": [None]}, "folders.0"),
        ({"folders": ["nowhere"]}, "folders"),
        ({"folders": ["a\r\nb"]}, "folders"),
        ({"folders": [LONG]}, "folders"),
        ({"folders": ["INBOX"] * 501}, "folders"),
        ({"categories": ["Red"]}, "categories"),
        ({"categories": ["a\r\nb"]}, "categories.0"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": {"key1": None}}, "metadata"),
        ({"metadata": {"key1": {"deep": "x"}}}, "metadata"),
        ({"metadata": {"a\r\nb": "x"}}, "metadata"),
        ({"metadata": {"k" * 41: "x"}}, "metadata"),
        ({"metadata": {"key1": "v" * 501}}, "metadata"),
        ({"metadata": {f"k{n}": "" for n in range(51)}}, "metadata"),
        ({"metadata": {"key1": "noted"}, "unread": "perhaps"}, "unread"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_every_field_of_a_change_is_checked_and_nothing_is_stored(
    deployment: Deployment, message: str, change: dict[str, Any], field: str
) -> None:
    """A change that is wrong in one part is done in none."""
    before = deployment.call("GET", message)["data"]
    assert named(deployment.call("PUT", message, change, status=400)) == field
    assert deployment.call("GET", message)["data"] == before


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "message_id"),
        ({"message_id": None}, "message_id"),
        ({"message_id": "m"}, "message_id"),
        ({"message_id": []}, "message_id"),
        ({"message_id": [7]}, "message_id.0"),
        ({"message_id": [""]}, "message_id.0"),
        ({"message_id": [LONG]}, "message_id.0"),
        ({"message_id": ["m"] * 21}, "message_id"),
        *(
            ({"message_id": ["m"], name: "perhaps"}, name)
            for name in (
                "ignore_links",
                "ignore_images",
                "images_as_markdown",
                "ignore_tables",
                "remove_conclusion_phrases",
                "html_as_markdown",
            )
        ),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_every_field_of_cleaning_is_checked(
    deployment: Deployment, messages: str, asked: dict[str, Any], field: str
) -> None:
    """400, naming it."""
    assert named(deployment.call("PUT", f"{messages}/clean", asked, status=400)) == field


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"metadata":' * 100 + b"{}" + b"}" * 100,
        b'{"unread": NaN}',
        b'{"metadata": {"key1": "\\ud800"}}',
        b"{" + b" " * (BODY_LIMIT_BYTES // 2),
        b'{"folders": ["' + b"x" * (BODY_LIMIT_BYTES // 2) + b'"]}',
        b"",
        b"null",
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("route", ["change", "clean"])
def test_a_body_that_cannot_be_read_is_refused(
    deployment: Deployment, messages: str, message: str, route: str, body: bytes
) -> None:
    """Not UTF-8, too deep, half of a character, as large as may come: a 400 in our shape."""
    module = importlib.import_module("functions.mail.app")
    path = message if route == "change" else f"{messages}/clean"
    event = request("PUT", path, bearer="administrator-key", body="x")
    event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    answer = module.handler(event, LambdaContext("mail"))
    assert answer["statusCode"] == 400, answer
    assert named(json.loads(answer["body"])) in {"body", "folders", "message_id"}
    assert len(answer["body"]) < 1_000


def test_metadata_is_kept_beside_the_message(deployment: Deployment, message: str) -> None:
    """Replaced as a whole, left alone by null, found by its keys, and gone when it is emptied."""
    messages = message.rpartition("/")[0]
    noted = {"key1": "case 17, Ärger", "snake_key": ""}
    assert deployment.call("PUT", message, {"metadata": noted})["data"]["metadata"] == noted
    deployment.call("PUT", message, {"metadata": None, "starred": True})
    assert deployment.call("GET", message)["data"]["metadata"] == noted
    # A value with a comma could be kept, and never be found.
    for query in (
        "metadata_pair=key1:case 17, Ärger",
        "metadata_pair=key1:case%2017%2C%20%C3%84rger",
        "metadata_pair=key1:case 17, Ärger,key2:w",
        "metadata_pair=key1:case 17, Ärger&metadata_pair=key2:w",
    ):
        found = deployment.call("GET", messages, query=query)["data"]
        assert len(found) == ("key2" not in query), query
    deployment.call("PUT", message, {"metadata": {"key1": "v", "key2": "w"}})
    for query, count in (
        ("metadata_pair=key1:v", 1),
        ("metadata_pair=key1:v&metadata_pair=key2:w", 1),
        ("metadata_pair=key1:v,key2:w", 1),
        ("metadata_pair=key1:v,key2:x", 0),
        ("metadata_pair=key3:v", 0),
    ):
        assert len(deployment.call("GET", messages, query=query)["data"]) == count, query
    assert "metadata" not in deployment.call("PUT", message, {"metadata": {}})["data"]
