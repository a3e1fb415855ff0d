"""Calls to Graph: preferences, links, uploads, batches, and what is never done twice."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from postroom.domain.errors import (
    CursorExpired,
    MailboxUnavailable,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Throttled,
    TooLarge,
)
from postroom.providers.microsoft.client import (
    LARGEST_BATCH,
    UPLOAD_CHUNK_BYTES,
    BatchCall,
    GraphClient,
    quoted,
)
from postroom.providers.refusals import ServerFailed
from tests.unit.providers.microsoft.graph import Graph, called, parts, refusal

FINE = httpx.Response(200, json={"id": "1"})
IMMUTABLE = 'IdType="ImmutableId"'
UPLOAD_URL = "https://outlook.office.com/api/v2.0/AttachmentSessions('x')?authtoken=secret"


@pytest.mark.parametrize(
    "make",
    [
        lambda client: client.get("me/messages/1"),
        lambda client: client.follow("https://graph.microsoft.com/v1.0/me/delta?$deltatoken=x"),
        lambda client: client.read("me/messages/1/$value"),
        lambda client: client.post("me/mailFolders", {"displayName": "Work"}),
        lambda client: client.post_mime("me/messages", b"Subject: x"),
        lambda client: client.patch("me/messages/1", {"isRead": True}),
        lambda client: client.delete("me/messages/1"),
        lambda client: client.send_once("me/messages/1/send"),
    ],
)
def test_every_call_asks_for_immutable_ids(make: Callable[[GraphClient], Any]) -> None:
    """A call without it names messages by ids that change whenever one moves."""
    graph = Graph([FINE])
    make(graph.client())
    (request,) = graph.requests
    assert request.headers["Prefer"] == IMMUTABLE
    assert graph.authorizations == ["Bearer token-0"]


def test_preferences_and_queries_reach_graph_as_they_are_meant() -> None:
    """A plus for a blank, or a lost `$`, is another query."""
    # Given
    graph = Graph([FINE])
    # When
    graph.client().get(
        f"me/mailFolders/{quoted('AQ/+=')}/messages/delta",
        {"$select": "id,subject", "$orderby": "receivedDateTime desc", "$filter": "a eq 'b&c'"},
        prefer=["odata.maxpagesize=50"],
    )
    # Then
    (request,) = graph.requests
    assert request.headers["Prefer"] == f"{IMMUTABLE}, odata.maxpagesize=50"
    assert request.url.raw_path == (
        b"/v1.0/me/mailFolders/AQ%2F%2B%3D/messages/delta?$select=id,subject"
        b"&$orderby=receivedDateTime%20desc&$filter=a%20eq%20'b%26c'"
    )


def test_a_link_is_followed_as_it_stands() -> None:
    """Its token is opaque; what is escaped in it stays so, and preferences are said again."""
    graph = Graph([FINE])
    link = "https://graph.microsoft.com/v1.0/me/mailFolders('AQ')/messages/delta?$skiptoken=a%2Bb=="
    graph.client().follow(link, prefer=["odata.maxpagesize=50"])
    (request,) = graph.requests
    assert str(request.url) == link
    assert "maxpagesize" in request.headers["Prefer"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/me/messages/delta",
        "https://graph.microsoft.com.evil.example/v1.0/",
        "https://graph.microsoft.com@evil.example/v1.0/",
        "https://graph.microsoft.com\\@evil.example/v1.0/",
        "http://graph.microsoft.com/v1.0/",
        "https://graph.microsoft.com:8443/v1.0/",
        "https://user:password@graph.microsoft.com/v1.0/",
        "file:///etc/passwd",
        "//evil.example/",
        "",
    ],
)
def test_a_link_to_somewhere_else_gets_no_token(link: str) -> None:
    """Whoever could write a link into an answer or a row would be sent the mailbox."""
    graph = Graph([])
    with pytest.raises(ServerFailed) as refused:
        graph.client().follow(link)
    assert graph.requests == []
    assert "evil" not in str(refused.value)


def test_an_expired_link_is_said_to_be_one() -> None:
    """The folder is read anew then."""
    with pytest.raises(CursorExpired):
        Graph([refusal(410, "SyncStateNotFound")]).client().follow(
            "https://graph.microsoft.com/v1.0/me/mailFolders/delta?$deltatoken=x"
        )


def test_a_refused_token_is_replaced_once() -> None:
    """An access token may end early (continuous access evaluation); the next one works."""
    graph = Graph([refusal(401, "InvalidAuthenticationToken"), FINE])
    assert graph.client().get("me") == {"id": "1"}
    assert graph.authorizations == ["Bearer token-0", "Bearer token-1"]


def test_a_second_refusal_costs_no_consent() -> None:
    """Of that only the token endpoint tells."""
    graph = Graph([refusal(401, "InvalidAuthenticationToken")] * 2)
    with pytest.raises(Retryable):
        graph.client().get("me")


def test_reading_and_repeatable_changes_are_made_again() -> None:
    """A short failure is nobody's business."""
    repeatable: list[Callable[[GraphClient], Any]] = [
        lambda client: client.get("me"),
        lambda client: client.patch("me/messages/1", {"isRead": True}),
        lambda client: client.post("me/messages/1/move", {"destinationId": "x"}, repeatable=True),
    ]
    for call in repeatable:
        graph = Graph([httpx.RemoteProtocolError("cut"), refusal(503, "ErrorServerBusy"), FINE])
        assert call(graph.client()) == {"id": "1"}


def test_a_new_thing_is_made_once() -> None:
    """A folder or a draft that was made twice stays twice."""
    making: list[Callable[[GraphClient], Any]] = [
        lambda client: client.post("me/mailFolders", {"displayName": "Work"}),
        lambda client: client.post_mime("me/messages", b"x"),
    ]
    for call in making:
        graph = Graph([httpx.ReadError("cut")])
        with pytest.raises(Retryable):
            call(graph.client())
        assert len(graph.requests) == 1


def test_a_mail_travels_as_base64() -> None:
    """Graph takes MIME as text/plain, and answers the draft."""
    graph = Graph([httpx.Response(201, json={"id": "draft"})])
    assert graph.client().post_mime("me/messages", b"Subject: \xff") == {"id": "draft"}
    (request,) = graph.requests
    assert request.headers["Content-Type"] == "text/plain"
    assert base64.b64decode(request.content) == b"Subject: \xff"


def test_an_empty_answer_is_none() -> None:
    """Graph answers 204 to what needs no words."""
    assert Graph([httpx.Response(204)]).client().post("me/messages/1/permanentDelete", {}) is None


def test_an_answer_that_would_fill_the_memory_is_given_up() -> None:
    """A limit names the mail and goes on."""
    with pytest.raises(TooLarge):
        Graph([httpx.Response(200, content=b"x" * 2000)]).client().read("m", largest_bytes=1000)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500),
        refusal(503, "ErrorServerBusy"),
        httpx.Response(504),
    ],
)
def test_a_send_whose_answer_is_lost_is_never_repeated(trouble: httpx.Response | Exception) -> None:
    """It may have left: whoever asks next must look at the draft."""
    graph = Graph([trouble])
    with pytest.raises(OutcomeUnknown):
        graph.client().send_once("me/messages/1/send")
    assert len(graph.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (httpx.ConnectError("down"), Retryable),
        (refusal(429, "ApplicationThrottled"), Throttled),
        (refusal(403, "ErrorSendAsDenied"), Rejected),
        (refusal(403, "ErrorAccessDenied"), Rejected),
        (refusal(400, "ErrorInvalidRecipients"), Rejected),
        (refusal(404, "ErrorItemNotFound"), NotFound),
    ],
)
def test_a_send_that_surely_did_not_happen_says_so(
    trouble: httpx.Response | Exception, expected: type[Exception]
) -> None:
    """An explicit refusal, or a connection that never came about, left nothing behind."""
    with pytest.raises(expected):
        Graph([trouble]).client().send_once("me/messages/1/send")


def test_sending_a_draft_has_no_body() -> None:
    """Graph wants a length all the same."""
    graph = Graph([httpx.Response(202)])
    graph.client().send_once("me/messages/1/send")
    assert graph.requests[0].headers["Content-Length"] == "0"


def test_a_rule_against_a_change_says_nothing_of_the_mailbox() -> None:
    """Elsewhere one folder that nobody may change took the whole account out of service."""
    denied = refusal(403, "ErrorAccessDenied")
    with pytest.raises(Rejected):
        Graph([denied]).client().patch("me/messages/1", {"isRead": True})
    with pytest.raises(MailboxUnavailable):
        Graph([denied]).client().get("me/mailFolders")


# ── Uploads ──────────────────────────────────────────────────────────────────────────────


def test_an_upload_goes_in_pieces_and_without_a_token() -> None:
    """Its address is the permission; Outlook refuses one that comes with another."""
    # Given
    content = bytes(UPLOAD_CHUNK_BYTES + 10)
    graph = Graph([httpx.Response(200, json={}), httpx.Response(201, headers={"Location": "x"})])
    # When
    graph.client().upload(UPLOAD_URL, content)
    # Then
    assert graph.authorizations == ["", ""]
    assert [request.headers["Content-Range"] for request in graph.requests] == [
        f"bytes 0-{UPLOAD_CHUNK_BYTES - 1}/{len(content)}",
        f"bytes {UPLOAD_CHUNK_BYTES}-{UPLOAD_CHUNK_BYTES + 9}/{len(content)}",
    ]
    assert b"".join(request.content for request in graph.requests) == content


def test_a_lost_piece_is_sent_again() -> None:
    """A draft is not sent yet: nothing can happen twice."""
    graph = Graph([httpx.WriteError("cut"), httpx.Response(503), httpx.Response(201)])
    graph.client().upload(UPLOAD_URL, b"x")
    assert len(graph.requests) == 3


def test_an_upload_that_outlook_does_not_finish_is_no_attachment() -> None:
    """A mail would leave without its file."""
    with pytest.raises(Retryable):
        Graph([httpx.Response(200, json={"nextExpectedRanges": ["1-"]})]).client().upload(
            UPLOAD_URL, b"x"
        )


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/upload",
        "https://office.com.evil.example/upload",
        "https://notoffice.com/upload",
        "http://outlook.office.com/upload",
        "https://outlook.office.com:8443/upload",
        "https://graph.microsoft.com/v1.0/upload",
    ],
)
def test_a_file_goes_to_outlook_alone(link: str) -> None:
    """An upload address comes with an answer, and is looked at like any other."""
    graph = Graph([])
    with pytest.raises(ServerFailed):
        graph.client().upload(link, b"x")
    assert graph.requests == []


# ── Batches ──────────────────────────────────────────────────────────────────────────────


def calls(*names: str) -> dict[str, BatchCall]:
    return {name: BatchCall(path=f"me/messages/{name}") for name in names}


def test_a_batch_is_one_chain() -> None:
    """Twenty at once fill all four places of a mailbox, and those without one are refused."""
    # Given
    graph = Graph([parts((1, 200, {"id": "b"}), (0, 200, {"id": "A"}))])
    # When
    answers = graph.client().batch(calls("A", "a"))
    # Then
    asked = json.loads(graph.requests[0].content)["requests"]
    assert [(each["id"], each.get("dependsOn")) for each in asked] == [("0", None), ("1", ["0"])]
    assert all(each["headers"]["Prefer"] == IMMUTABLE for each in asked)
    assert {key: part.body["id"] for key, part in answers.items()} == {"A": "A", "a": "b"}


def test_a_change_in_a_batch_has_its_body() -> None:
    """With the type that Graph demands of a part that has one."""
    graph = Graph([parts((0, 200, {}))])
    call = BatchCall(method="PATCH", path="me/messages/1", body={"isRead": True}, prefer=["x=1"])
    graph.client().batch({"1": call})
    (part,) = json.loads(graph.requests[0].content)["requests"]
    assert part["method"] == "PATCH"
    assert part["body"] == {"isRead": True}
    assert part["headers"] == {"Prefer": f"{IMMUTABLE}, x=1", "Content-Type": "application/json"}


def test_a_missing_item_does_not_take_the_others_with_it() -> None:
    """What comes after the break of a chain is asked again."""
    # Given
    names = [str(number) for number in range(LARGEST_BATCH)]
    broken: list[tuple[int, int, Any]] = [(n, 424, {}) for n in range(3, LARGEST_BATCH)]
    graph = Graph(
        [
            parts((0, 200, {}), (1, 200, {}), (2, 404, {"error": {}}), *broken),
            parts(*((n, 200, {}) for n in range(LARGEST_BATCH - 3))),
        ]
    )
    # When
    answers = graph.client().batch(calls(*names))
    # Then
    assert [answers[name].status for name in names] == [200, 200, 404] + [200] * 17
    assert called(graph.requests[1]) == [f"/me/messages/{name}" for name in names[3:]]


def test_where_nothing_is_found_two_are_asked_for_at_a_time() -> None:
    """A chain breaks at each missing item: emptying a folder cost a request for every mail."""
    # Given
    there = {"6", "7", "9"}

    def answered(request: httpx.Request) -> httpx.Response:
        answers: list[tuple[int, int, Any]] = []
        broken = False
        for number, part in enumerate(json.loads(request.content)["requests"]):
            is_there = part["url"].rpartition("/")[2] in there
            status = 424 if broken else 200 if is_there else 404
            broken |= "dependsOn" in json.loads(request.content)["requests"][-1] and not is_there
            answers.append((number, status, {}))
        return parts(*answers)

    graph = Graph([answered] * 20)
    names = [str(number) for number in range(12)]
    # When
    answers = graph.client().batch(calls(*names), places=2)
    # Then
    assert {name for name in names if answers[name].status == 200} == there
    asked = [[url.rpartition("/")[2] for url in called(each)] for each in graph.requests]
    until_one_is_found = [["1", "2"], ["3", "4"], ["5", "6"]]
    assert asked == [names, *until_one_is_found, names[7:], names[9:], ["11"]]


def test_a_fresh_token_is_not_given_up_for_the_one_that_was_refused() -> None:
    """Two threads had each a batch refused: the second gave up the token that the first had got."""
    graph = Graph([])

    def refused(_: httpx.Request) -> httpx.Response:
        graph.tokens.replace("token-0")  # by another thread, meanwhile
        return parts((0, 401, {}))

    graph.answers += [refused, parts((0, 200, {}))]
    graph.client().batch(calls("a"))
    assert graph.authorizations == ["Bearer token-0", "Bearer token-1"]
    assert graph.tokens.replaced == 1


def test_a_throttled_item_ends_the_asking() -> None:
    """Each further call would count against the mailbox; the rest waits as long as that one."""
    # Given
    graph = Graph([parts((0, 200, {}), (1, 429, {}), (2, 424, {}), wait_seconds=17)])
    # When
    client = graph.client()
    answers = client.batch(calls("a", "b", "c"))
    # Then
    assert {key: part.status for key, part in answers.items()} == {"a": 200, "b": 429, "c": 429}
    for key in ("b", "c"):
        error = client.error(answers[key])
        assert isinstance(error, Throttled)
        assert error.retry_after == timedelta(seconds=17)


def test_items_with_a_refused_token_are_asked_again_with_another() -> None:
    """A token may end in the middle of a batch."""
    graph = Graph(
        [
            parts((0, 200, {}), (1, 401, {}), (2, 424, {})),
            parts((0, 200, {}), (1, 200, {})),
        ]
    )
    answers = graph.client().batch(calls("a", "b", "c"))
    assert [part.status for part in answers.values()] == [200, 200, 200]
    assert graph.authorizations == ["Bearer token-0", "Bearer token-1"]


def test_items_refused_twice_cost_no_consent() -> None:
    """What holds for a call holds inside a batch."""
    refused = parts((0, 401, {}), (1, 424, {}))
    with pytest.raises(Retryable):
        Graph([refused, refused]).client().batch(calls("a", "b"))


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b'{"responses": null}',
        b'{"responses": [7, {"id": "x", "status": 200}, {"id": "0", "status": "fine"}]}',
    ],
)
def test_what_graph_did_not_answer_is_absent(content: bytes) -> None:
    """Nor is it asked for without end."""
    graph = Graph([httpx.Response(200, content=content)])
    assert graph.client().batch(calls("a")) == {}


def test_four_threads_share_a_client() -> None:
    """Four folders are read at once, each with its own answer."""

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"path": request.url.path})

    client = Graph([echo] * 40).client()
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda n: client.get(f"me/{n}")["path"], range(40)))
    assert paths == [f"/v1.0/me/{n}" for n in range(40)]
