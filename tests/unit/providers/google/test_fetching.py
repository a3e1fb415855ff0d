"""Fetching messages: the cheapest way, and partial failure as a value."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from postroom.domain.errors import MailboxUnavailable, ReauthRequired, Retryable
from postroom.domain.ids import ProviderMessageId, ProviderThreadId
from postroom.domain.sync import FetchResult, MessageRef
from postroom.providers.google.drafts import Drafts
from postroom.providers.google.fetching import MessageFetcher
from tests.unit.providers.google.gmail import (
    ACCOUNT_ID,
    Gmail,
    batch_answer,
    called,
    message,
    refusal,
)

RATE = {"error": {"errors": [{"reason": "rateLimitExceeded"}]}}


def ref(message_id: str, thread: str = "") -> MessageRef:
    return MessageRef(
        provider_id=ProviderMessageId(message_id),
        provider_thread_id=ProviderThreadId(thread or f"t{message_id}"),
    )


def fetched(gmail: Gmail, *refs: MessageRef) -> FetchResult:
    client = gmail.client()
    return MessageFetcher(client, ACCOUNT_ID, Drafts(client, gmail.clock)).fetch(refs)


def ids(result: FetchResult) -> list[str]:
    return [full.message.provider_id for full in result.messages]


def all_found(request: httpx.Request) -> httpx.Response:
    """Answer every call of a batch with its message."""
    paths = enumerate(called(request))
    return batch_answer([(n, 200, message(p.split("/")[1].split("?")[0])) for n, p in paths])


def test_three_messages_of_a_thread_cost_one_thread() -> None:
    """A thread costs 40 units, a message 20: from three on the thread is cheaper."""
    # Given
    thread = {"id": "t", "messages": [message(n) for n in "abcd"]}
    gmail = Gmail(
        [batch_answer([(0, 200, thread), (1, 200, message("x")), (2, 200, message("y"))])]
    )
    # When
    result = fetched(
        gmail, ref("a", "t"), ref("x", "u"), ref("b", "t"), ref("y", "u"), ref("c", "t")
    )
    # Then
    assert called(gmail.requests[0]) == [
        "threads/t?format=full",
        "messages/x?format=full",
        "messages/y?format=full",
    ]
    assert ids(result) == ["a", "b", "c", "x", "y"]


def test_a_message_that_its_thread_lacks_is_asked_for_itself() -> None:
    """Only the message's own 404 says that it is gone."""
    # Given
    thread = {"id": "t", "messages": [message("a")]}
    gmail = Gmail(
        [
            batch_answer([(0, 200, thread)]),
            batch_answer([(0, 200, message("b")), (1, 404, {})]),
        ]
    )
    # When
    result = fetched(gmail, ref("a", "t"), ref("b", "t"), ref("c", "t"))
    # Then
    assert ids(result) == ["a", "b"]
    assert [each.provider_id for each in result.missing] == ["c"]


def test_an_answer_with_another_message_is_not_asked_for_again() -> None:
    """It was, for as long as Gmail gave the same answer: a fetch without an end."""
    result = fetched(Gmail([batch_answer([(0, 200, message("z"))])]), ref("a"))
    assert ids(result) == []
    assert [(f.ref.provider_id, f.unreadable) for f in result.failed] == [("a", True)]


def test_a_failing_thread_is_taken_apart() -> None:
    """One message that Gmail cannot give does not hold back its thread."""
    gmail = Gmail(
        [
            batch_answer([(0, 500, {})]),
            batch_answer([(0, 200, message("a")), (1, 500, {}), (2, 200, message("c"))]),
        ]
    )
    result = fetched(gmail, ref("a", "t"), ref("b", "t"), ref("c", "t"))
    assert ids(result) == ["a", "c"]
    (failure,) = result.failed
    assert (failure.ref.provider_id, failure.throttled) == ("b", False)


def test_a_batch_holds_twenty_five_messages() -> None:
    """Larger ones are mostly answered with 429."""
    gmail = Gmail([all_found, all_found, all_found])
    result = fetched(gmail, *(ref(f"m{n}") for n in range(60)))
    assert [len(called(request)) for request in gmail.requests] == [25, 25, 10]
    assert len(result.messages) == 60


def test_a_throttled_part_fails_alone_and_batches_shrink() -> None:
    """Good parts are kept; what was throttled counts no attempt; 25 becomes 10."""

    # Given a Gmail that finds one call of the first batch too many
    def one_too_many(request: httpx.Request) -> httpx.Response:
        parts: list[tuple[int, int, Any]] = [
            (n, 200, message(p.split("/")[1].split("?")[0])) for n, p in enumerate(called(request))
        ]
        return batch_answer([*parts[:-1], (24, 429, RATE)])

    gmail = Gmail([one_too_many, all_found, all_found])
    # When
    result = fetched(gmail, *(ref(f"m{n}") for n in range(45)))
    # Then
    assert [len(called(request)) for request in gmail.requests] == [25, 10, 10]
    assert len(result.messages) == 44
    (failure,) = result.failed
    assert (failure.ref.provider_id, failure.throttled) == ("m24", True)


def test_a_wholly_throttled_batch_ends_the_fetch() -> None:
    """When nothing gets through any more, the rest waits for a better time."""
    # Given
    gmail = Gmail([all_found, lambda _: batch_answer([(n, 429, RATE) for n in range(25)])])
    # When
    result = fetched(gmail, *(ref(f"m{n}") for n in range(75)))
    # Then
    assert len(result.messages) == 25
    assert len(result.failed) == 50
    assert all(failure.throttled for failure in result.failed)


def test_what_was_fetched_survives_a_later_failure() -> None:
    """Units that were paid for are never thrown away."""
    # Given
    busy = refusal(429, "rateLimitExceeded", {"Retry-After": "9"})
    gmail = Gmail([all_found, busy])
    # When
    result = fetched(gmail, *(ref(f"m{n}") for n in range(30)))
    # Then
    assert len(result.messages) == 25
    assert {failure.retry_after for failure in result.failed} == {timedelta(seconds=9)}


def test_a_fetch_that_brought_nothing_says_when_to_come_again() -> None:
    """Then nothing is lost by trying the same again later."""
    gmail = Gmail([refusal(429, "rateLimitExceeded")])
    with pytest.raises(Retryable):
        fetched(gmail, ref("a"))


def test_a_part_without_an_answer_has_failed() -> None:
    """Silence is no 404."""
    result = fetched(Gmail([batch_answer([(1, 200, message("b"))])]), ref("a"), ref("b"))
    assert ids(result) == ["b"]
    assert [failure.ref.provider_id for failure in result.failed] == ["a"]


def test_trouble_of_the_whole_account_is_no_trouble_of_a_message() -> None:
    """A scope that was withdrawn stops the account, not a hundred messages one by one."""
    scope = {"error": {"errors": [{"reason": "insufficientPermissions"}]}}
    with pytest.raises(ReauthRequired):
        fetched(Gmail([batch_answer([(0, 403, scope)])]), ref("a"))


OFF = {"error": {"errors": [{"reason": "failedPrecondition"}]}}


def test_a_message_that_says_gmail_is_off_fails_alone() -> None:
    """One such message threw away its whole batch and parked the account."""
    gmail = Gmail([batch_answer([(0, 200, message("a")), (1, 400, OFF)])])
    result = fetched(gmail, ref("a"), ref("b"))
    assert ids(result) == ["a"]
    assert [(f.ref.provider_id, f.unreadable) for f in result.failed] == [("b", False)]


def test_a_thread_that_says_gmail_is_off_is_taken_apart() -> None:
    """By itself in a batch, too: the profile tells that the mailbox is fine."""
    # Given
    gmail = Gmail(
        [
            batch_answer([(0, 400, OFF)]),
            httpx.Response(200, json={"historyId": "7"}),
            batch_answer([(0, 200, message("a")), (1, 400, OFF), (2, 200, message("c"))]),
        ]
    )
    # When
    result = fetched(gmail, ref("a", "t"), ref("b", "t"), ref("c", "t"))
    # Then
    assert ids(result) == ["a", "c"]
    assert [f.ref.provider_id for f in result.failed] == ["b"]


def test_a_mailbox_that_is_off_is_no_trouble_of_its_messages() -> None:
    """When every part says it, and the profile too, the account has no mailbox."""
    off = batch_answer([(0, 400, OFF), (1, 400, OFF)])
    with pytest.raises(MailboxUnavailable):
        fetched(Gmail([off, *[refusal(400, "failedPrecondition")] * 3]), ref("a"), ref("b"))


def test_too_large_an_answer_is_asked_for_in_smaller_ones() -> None:
    """Only the message that is too large itself has failed."""
    # Given a batch, and a message in it, beyond what we can hold
    huge = httpx.Response(200, content=b"x" * (41 * 1024 * 1024))
    gmail = Gmail([huge, huge, batch_answer([(0, 200, message("b"))])])
    # When
    result = fetched(gmail, ref("a"), ref("b"))
    # Then
    assert ids(result) == ["b"]
    assert [(f.ref.provider_id, f.reason) for f in result.failed] == [("a", "TooLarge")]
    assert result.failed[0].unreadable


def test_a_body_that_gmail_left_out_is_fetched_too() -> None:
    """A large text comes by attachments.get; the message is whole in the end."""
    # Given
    long = message("a")
    long["payload"]["body"] = {"size": 9, "attachmentId": "A/1"}
    text = httpx.Response(200, json={"size": 9, "data": "bG9uZyB0ZXh0"})
    gmail = Gmail([batch_answer([(0, 200, long)]), text])
    # When
    (full,) = fetched(gmail, ref("a")).messages
    # Then
    assert full.content.text == "long text"
    assert gmail.requests[1].url.raw_path.endswith(b"/messages/a/attachments/A%2F1")


def test_a_message_that_breaks_the_mapping_breaks_nothing_else() -> None:
    """A killer message stopped whole imports elsewhere (emailengine cb6ca8a)."""
    broken = message("a", payload="no tree")
    result = fetched(
        Gmail([batch_answer([(0, 200, broken), (1, 200, message("b"))])]), ref("a"), ref("b")
    )
    assert ids(result) == ["b"]
    assert [(f.ref.provider_id, f.unreadable) for f in result.failed] == [("a", True)]


def test_a_tree_deeper_than_a_reader_can_go_fails_alone() -> None:
    """Thousands of levels of MIME exhaust the JSON reader, not the worker."""
    deep = '{"id":"a","payload":' + '{"parts":[' * 5000 + "]}" * 5000 + "}"
    gmail = Gmail([batch_answer([(0, 200, deep), (1, 200, message("b"))])])
    result = fetched(gmail, ref("a"), ref("b"))
    assert ids(result) == ["b"]
    assert [(f.ref.provider_id, f.unreadable) for f in result.failed] == [("a", True)]


@pytest.mark.parametrize(
    ("status", "content", "unreadable", "throttled"),
    [
        (400, {"error": {"errors": [{"reason": "invalidArgument"}]}}, True, False),
        (403, {"error": {"errors": [{"reason": "forbidden"}]}}, True, False),
        (500, {}, False, False),
        (503, {}, False, False),
        (200, '{"id": "a", "payl', False, False),
        (429, RATE, False, True),
        (403, RATE, False, True),
    ],
)
def test_only_the_message_itself_makes_it_unreadable(
    status: int,
    content: Any,
    unreadable: bool,  # noqa: FBT001
    throttled: bool,  # noqa: FBT001
) -> None:
    """An hour of 5xx counted three attempts, and good mail was stored as unreadable for ever."""
    result = fetched(Gmail([batch_answer([(0, status, content)])]), ref("a"))
    (failure,) = result.failed
    assert (failure.unreadable, failure.throttled) == (unreadable, throttled)


# ── Lost batches ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Killers:
    """A Gmail on which certain calls take down the whole batch they stand in."""

    names: set[str]
    trouble: Exception | int = field(default_factory=lambda: httpx.ReadTimeout("slow"))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a batch, or nothing at all."""
        paths = [path.partition("?")[0] for path in called(request)]
        if any(path.split("/")[1] in self.names for path in paths):
            if isinstance(self.trouble, Exception):
                raise self.trouble
            return httpx.Response(self.trouble)
        return batch_answer(
            (n, 200, message(name) if kind == "messages" else whole_thread(name))
            for n, (kind, name) in enumerate(path.split("/") for path in paths)
        )


def whole_thread(name: str) -> dict[str, Any]:
    return {"id": name, "messages": [message(f"{name}{n}", name) for n in range(3)]}


LOSSES = [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), 500, 503]


@pytest.mark.parametrize("trouble", LOSSES, ids=str)
def test_a_message_that_kills_its_batch_fails_alone(trouble: Exception | int) -> None:
    """One such mail wedged its account for ever: every fetch began with it and raised."""
    # Given
    gmail = Gmail([Killers({"m0"}, trouble)] * 99)
    # When
    result = fetched(gmail, *(ref(f"m{n}") for n in range(60)))
    # Then
    assert ids(result) == [f"m{n}" for n in range(1, 60)]
    (failure,) = result.failed
    assert (failure.ref.provider_id, failure.unreadable, failure.throttled) == ("m0", False, False)


@pytest.mark.parametrize("trouble", LOSSES, ids=str)
def test_messages_that_kill_their_batch_fail_together(trouble: Exception | int) -> None:
    """They meet where failures are tried again; taken for an outage, they stopped the account."""
    gmail = Gmail([Killers({"a", "b"}, trouble)] * 99)
    result = fetched(gmail, ref("a"), ref("b"))
    assert [f.ref.provider_id for f in result.failed] == ["a", "b"]
    assert not any(f.throttled or f.unreadable for f in result.failed)


def test_a_thread_that_kills_its_batch_is_read_message_by_message() -> None:
    """A conversation too long to be answered in time is not lost."""
    gmail = Gmail([Killers({"long"})] * 99)
    result = fetched(gmail, ref("x"), *(ref(f"long{n}", "long") for n in range(3)))
    assert ids(result) == ["x", "long0", "long1", "long2"]
    assert result.failed == ()


def test_the_message_of_a_thread_that_kills_its_batch_is_found() -> None:
    """Each fetch settles one such message at least; what it did not try counts no attempt."""
    # Given
    gmail = Gmail([Killers({"t", "a"})] * 99)
    # When
    result = fetched(gmail, *(ref(each, "t") for each in "abc"), ref("x"))
    # Then
    assert [(f.ref.provider_id, f.throttled) for f in result.failed] == [
        ("a", False),
        ("b", True),
        ("c", True),
        ("x", True),
    ]


@pytest.mark.parametrize(
    ("trouble", "requests"), [(httpx.ReadTimeout("slow"), 3), (httpx.ConnectError("down"), 9)]
)
def test_a_gmail_that_is_down_is_noticed_soon(trouble: Exception, requests: int) -> None:
    """Hundreds of messages are not asked for one by one; all of them wait in the end."""
    # Given
    gmail = Gmail([trouble] * 99)
    # When
    result = fetched(gmail, *(ref(f"m{n}") for n in range(200)))
    # Then
    assert len(gmail.requests) == requests
    assert sum(gmail.clock.slept) < 5
    assert [f.throttled for f in result.failed] == [False] * 2 + [True] * 198


def test_throttling_after_a_loss_loses_no_failure() -> None:
    """Raised then, the failure would never have counted."""
    # Given a lost batch, a lost message, and then too many calls
    killers, busy = Killers({"a"}), refusal(429, "rateLimitExceeded", {"Retry-After": "9"})
    gmail = Gmail([killers, killers, busy])
    # When
    result = fetched(gmail, ref("a"), ref("b"), ref("c"))
    # Then
    assert [(f.ref.provider_id, f.throttled) for f in result.failed] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert result.failed[1].retry_after == timedelta(seconds=9)
