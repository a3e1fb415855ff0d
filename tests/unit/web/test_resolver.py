"""The rules that every route of the API follows."""

import base64
import gzip
import json
import logging
import signal
import threading
from datetime import timedelta
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.domain.errors import Forbidden, Unauthenticated
from postroom.domain.message import MessageContent
from postroom.domain.principal import AccountHolder, Administrator, Principal
from postroom.web.resolver import Api, binary_answer, json_answer, make_resolver
from postroom.web.schemas.messages import MessageChangeIn, MessageListQuery, MessageOut
from tests.builders import ACCOUNT_ID, make_message
from tests.unit.web.conftest import Ask, asking, error_of

KEY = "Bearer administrator-key"


def admit(bearer: str) -> Principal:
    if bearer == "administrator-key":
        return Administrator()
    if bearer == "token":
        return AccountHolder(ACCOUNT_ID)
    raise Unauthenticated("Send a key.")


def only_administrators(principal: Principal, _method: str) -> None:
    if not isinstance(principal, Administrator):
        raise Forbidden("Not with a token.")


def make_app() -> Api:
    """A resolver with one route of each kind."""
    app = make_resolver(admit=admit, permit=only_administrators)

    @app.get("/grants/<grant_id>/messages")
    def listing(grant_id: str, query: Annotated[MessageListQuery, Query()]) -> Response[str]:
        return app.item({"grant": grant_id, **query.model_dump(mode="json")})

    @app.put("/messages")
    def change() -> Response[str]:
        return app.item(app.body(MessageChangeIn))

    @app.get("/broken")
    def broken() -> Response[str]:
        raise KeyError("ada@example.com said: meet me at seven")

    @app.get("/large")
    def large() -> Response[str]:
        return json_answer({"body": '<a href="x">' * 700_000})

    @app.get("/file", enable_validation=False)
    def file() -> Response[bytes]:
        return binary_answer(bytes(range(256)), filename='prei"s\r\n/ü.html')

    @app.delete("/messages")
    def delete() -> Response[str]:
        return app.done()

    return app


@pytest.fixture
def ask() -> Ask:
    """Ask the app above."""
    return asking(make_app())


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic administrator-key", "Bearer "])
def test_a_stranger_learns_nothing(ask: Ask, header: str) -> None:
    """Without a valid key it is 401, also where the request itself is wrong."""
    for request in (
        ("GET", "/grants/g/messages"),
        ("PUT", "/messages"),
        ("GET", "/nowhere"),
    ):
        answer = ask(*request, query="limit=0", body="{", authorization=header)
        assert error_of(answer) == (401, "unauthorized", "Send a key.")
        assert answer["headers"]["WWW-Authenticate"] == "Bearer"


def test_a_known_caller_may_be_refused(ask: Ask) -> None:
    """Who is known but not meant is 403."""
    answer = ask("DELETE", "/messages", authorization="bearer token")
    assert error_of(answer) == (403, "insufficient_scopes", "Not with a token.")


def test_every_answer_carries_the_request_id_and_is_not_kept(ask: Ask) -> None:
    """Body and header name the same id, on success and on failure; nothing is cached."""
    for path, method in (("/messages", "DELETE"), ("/nowhere", "GET"), ("/broken", "GET")):
        answer = ask(method, path, authorization=KEY)
        assert answer["json"]["request_id"] == "request-1"
        assert answer["headers"]["X-Request-Id"] == "request-1"
        assert answer["headers"]["Cache-Control"] == "no-store"


def test_a_mistake_of_ours_tells_and_logs_no_text(
    ask: Ask, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is a generic 500; its text, which may quote mail, stays nowhere."""
    with caplog.at_level(logging.DEBUG):
        answer = ask("GET", "/broken", authorization=KEY)
    status, kind, message = error_of(answer)
    assert (status, kind) == (500, "internal_error")
    assert "seven" not in message
    written = capsys.readouterr()
    assert "seven" not in caplog.text + written.out + written.err
    assert "unexpected_error" in [record.message for record in caplog.records] or (
        "unexpected_error" in written.out
    )


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("unread=maybe", "unread"),
        ("in=" + ",".join(f"Label_{n}" for n in range(21)), "in"),
        ("received_after=yesterday", "received_after"),
        ("received_after=99999999999999", "received_after"),
        ("received_before=-1", "received_before"),
        ("fields=everything", "fields"),
        ("any_email=" + ",".join(f"p{n}@x.io" for n in range(26)), "any_email"),
        ("search_query_native=" + "x" * 501, "search_query_native"),
        ("metadata_pair=key6:v", "metadata_pair"),
        ("metadata_pair=key1:v&metadata_pair=key1:w", "metadata_pair"),
        ("metadata_pair=key1:a,key6:b", "metadata_pair"),
        ("metadata_pair=a,key1:b", "metadata_pair"),
        ("metadata_pair=key1:" + "x" * 501, "metadata_pair"),
        ("query_imap=true", "query_imap"),
        ("shared_from=a@x.io", "shared_from"),
        ("shared_folder_id=x", "shared_folder_id"),
        ("subject=" + "x" * 999, "subject"),
        ("thread_id=" + "x" * 257, "thread_id"),
        ("starred=2", "starred"),
        ("has_attachment=x", "has_attachment"),
        ("from=" + ",".join(f"p{n}@x.io" for n in range(26)), "from"),
        ("page_token=" + "x" * 6001, "page_token"),
        ("select=" + ",".join("x" for _ in range(201)), "select"),
    ],
)
def test_a_wrong_query_is_named(ask: Ask, query: str, named: str) -> None:
    """What is wrong in the query is 400 naming the parameter, without pydantic's own address."""
    status, kind, message = error_of(
        ask("GET", "/grants/g/messages", query=query, authorization=KEY)
    )
    assert (status, kind) == (400, "invalid_request_error")
    assert message.startswith(f"{named}: ")
    assert "pydantic" not in message


@pytest.mark.parametrize(
    "query",
    [
        (
            "unread=True&any_email=a%2Bb@x.io&any_email=c@x.io"
            "&subject=two%20words,%20three&page_token=None&junk=1"
        ),
        (
            "unread=true&any_email=a%2Bb%40x.io%2Cc%40x.io"
            "&subject=two+words%2C+three&page_token=undefined"
        ),
    ],
)
def test_the_quirks_of_both_sdks_are_absorbed(ask: Ask, query: str) -> None:
    """Capital booleans, lists repeated and joined, `+` for a space, and words for nothing."""
    answer = ask("GET", "/grants/a+b@x.io/messages", query=query, authorization=KEY)
    assert answer["statusCode"] == 200, answer["body"]
    seen = answer["json"]["data"]
    assert seen["grant"] == "a+b@x.io"
    assert seen["unread"] is True
    assert seen["any_email"] == ["a+b@x.io", "c@x.io"]
    assert seen["subject"] == "two words, three"
    assert seen["page_token"] is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("{not json", "body"),
        ("", "body"),
        (None, "body"),
        ("[1]", "body"),
        ('"text"', "body"),
        (b"\xff\xfe", "body"),
        ("[" * 200_000, "body"),
        ('{"a":' * 70 + "1" + "}" * 70, "body"),
        ('{"unread": ' + "7" * 5_000 + "}", "body"),
        ('{"unread": NaN}', "body"),
        ('{"folders": ["\\ud800"]}', "body"),
        ('{"unread": "perhaps"}', "unread"),
        ('{"folders": "INBOX"}', "folders"),
        ('{"folders": ["INBOX", 7]}', "folders.1"),
        ('{"metadata": {"key1": 7}}', "metadata"),
        ('{"metadata": ["key1"]}', "metadata"),
        ('{"metadata": {"": "v"}}', "metadata"),
        ('{"metadata": {"a\\r\\nb": "v"}}', "metadata"),
        ('{"metadata": {"a": "\\u0000"}}', "metadata"),
        ('{"metadata": {"' + "k" * 41 + '": "v"}}', "metadata"),
        ('{"metadata": {"key1": "' + "v" * 501 + '"}}', "metadata"),
        (json.dumps({"metadata": {f"k{n}": "" for n in range(51)}}), "metadata"),
    ],
)
def test_a_wrong_body_is_named(ask: Ask, body: str | bytes | None, named: str) -> None:
    """An unreadable body is 400; a wrong part of it is named by its path."""
    answer = ask("PUT", "/messages", body=body, content_type="application/json", authorization=KEY)
    status, kind, message = error_of(answer)
    assert (status, kind) == (400, "invalid_request_error")
    assert message.startswith(f"{named}: ")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        "application/jsonl",
    ],
)
def test_another_media_type_is_refused(ask: Ask, content_type: str) -> None:
    """A body that is no JSON at all is 415.

    A form without a boundary was once answered with 500, and one of `unread=true` was read.
    """
    answer = ask("PUT", "/messages", body="x", content_type=content_type, authorization=KEY)
    assert error_of(answer)[:2] == (415, "unsupported_media_type_error")


def test_a_media_type_is_read_in_any_case(ask: Ask) -> None:
    """`APPLICATION/JSON ;x=y` is JSON (RFC 9110, 8.3.1); it was 415 on some routes only."""
    answer = ask(
        "PUT",
        "/messages",
        body='{"unread": true}',
        content_type="APPLICATION/JSON ;x=y",
        authorization=KEY,
    )
    assert answer["json"]["data"] == {"unread": True}


def test_bytes_that_are_no_text_are_called_so(ask: Ask) -> None:
    """Latin-1 in place of UTF-8 is a frequent mistake, and was called invalid JSON."""
    latin = '{"folders": ["é"]}'.encode("latin-1")
    answer = ask("PUT", "/messages", body=latin, content_type="Application/Json", authorization=KEY)
    assert error_of(answer)[2] == "body: The body is not UTF-8."


def _done(html: str, text: str, **headers: str) -> dict[str, Any]:
    """Answer a change of a message with these bodies."""
    app = make_resolver(admit=None)
    content = MessageContent(html=html, text=text)

    @app.put("/messages")
    def change() -> Response[str]:
        return app.outcome(MessageOut.from_domain(make_message(), content), grant_id="g")

    return asking(app)("PUT", "/messages", **headers)


@pytest.mark.parametrize(
    ("html", "text", "left"),
    [
        ("x", "y", {"body", "body_text"}),
        ("x" * 3_000_000, "y" * 3_000_000, {"body"}),
        ('"' * 3_000_000, "y" * 3_000_000, set()),
    ],
)
def test_what_was_done_is_never_refused(html: str, text: str, left: set[str]) -> None:
    """A mail was sent and the answer said 413, since the mail did not fit into it.

    Whoever believes a 413 sends again. What was done is answered without the text, and without
    the body, until it fits.
    """
    answer = _done(html, text)
    assert answer["statusCode"] == 200
    assert answer["json"]["grant_id"] == "g"
    shown = answer["json"]["data"]
    assert shown["id"] == make_message().id
    assert {"body", "body_text"} & set(shown) == left


def test_what_fits_once_compressed_is_not_shortened() -> None:
    """Most clients take gzip, and text shrinks."""
    answer = _done("x" * 4_000_000, "y" * 4_000_000, accept_encoding="gzip")
    shown = json.loads(gzip.decompress(base64.b64decode(answer["body"])))["data"]
    assert {"body", "body_text"} <= set(shown)


def test_a_large_answer_says_what_helps(ask: Ask) -> None:
    """The hint named `select` alone, also to somebody who had asked for the raw form."""
    message = error_of(ask("GET", "/large", authorization=KEY))[2]
    assert "`select` without `body`" in message
    assert "`fields=raw_mime`" in message


def test_a_large_answer_is_compressed_or_refused(ask: Ask) -> None:
    """Above Lambda's 6 MB, who takes gzip is answered; who does not is told what to do."""
    answer = ask("GET", "/large", authorization=KEY, accept_encoding="gzip, deflate")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(base64.b64decode(answer["body"])))["body"]) == 8_400_000
    refused = ask("GET", "/large", authorization=KEY)
    assert error_of(refused)[:2] == (413, "request_too_large_error")


def test_a_file_comes_as_it_is_and_is_never_shown(ask: Ask) -> None:
    """Every byte survives; whatever it is, a browser saves it under its name."""
    answer = ask("GET", "/file", authorization=KEY)
    assert answer["isBase64Encoded"]
    assert base64.b64decode(answer["body"]) == bytes(range(256))
    assert answer["headers"]["Content-Type"] == "application/octet-stream"
    assert answer["headers"]["Content-Disposition"] == (
        "attachment; filename*=UTF-8''prei%22s%0D%0A%2F%C3%BC.html"
    )


def test_what_takes_too_long_is_answered_in_time() -> None:
    """Before API Gateway gives up, the caller is told that the outcome is unknown."""
    app = make_resolver(admit=None, time_limit=timedelta(milliseconds=50))

    @app.get("/slow")
    def slow() -> Response[str]:
        threading.Event().wait(timeout=30)
        return app.done()

    answer = asking(app)("GET", "/slow")
    assert error_of(answer)[:2] == (504, "outcome_unknown_error")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
