"""Fetching by id: each message has its own outcome."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from postroom.domain.errors import MailboxUnavailable, ReauthRequired, Retryable
from postroom.domain.ids import ProviderMessageId, ProviderThreadId
from postroom.domain.sync import FetchResult, MessageRef
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID
from tests.unit.providers.microsoft.graph import Graph, called, parts, refusal, whole
from tests.unit.providers.scripted import Answer

BUSY = {"error": {"code": "ApplicationThrottled"}}
FAILED = {"error": {"code": "ErrorInternalServerError"}}


def ref(provider_id: str) -> MessageRef:
    return MessageRef(
        provider_id=ProviderMessageId(provider_id), provider_thread_id=ProviderThreadId("C")
    )


def opened(*answers: Answer) -> tuple[Graph, GraphMailbox]:
    graph = Graph(list(answers))
    return graph, GraphMailbox(graph.client(), ACCOUNT_ID)


def listing(*folders: str) -> httpx.Response:
    """The visible folders."""
    link = "https://graph.microsoft.com/v1.0/me/mailFolders/delta?$deltatoken=t"
    return httpx.Response(
        200, json={"value": [{"id": each} for each in folders], "@odata.deltaLink": link}
    )


def ids(result: FetchResult) -> list[str]:
    return [full.message.provider_id for full in result.messages]


def failures(result: FetchResult) -> dict[str, tuple[bool, bool]]:
    return {each.ref.provider_id: (each.unreadable, each.throttled) for each in result.failed}


def test_each_message_of_a_batch_has_its_own_outcome() -> None:
    """Nothing that was fetched is lost for what was not."""
    # Given
    graph, mailbox = opened(
        parts(
            (2, 500, FAILED),
            (0, 200, whole("fine")),
            (3, 400, {"error": {"code": "ErrorInvalidRequest"}}),
            (1, 404, {"error": {"code": "ErrorItemNotFound"}}),
            (4, 200, whole("another")),
            (5, 200, "cut off"),
        ),
        httpx.Response(200, json={"responses": []}),  # and one that is never answered
        listing("F"),
    )
    names = ["fine", "gone", "failing", "refused", "swapped", "cut", "unanswered"]
    # When
    result = mailbox.fetch([ref(each) for each in names])
    # Then
    assert ids(result) == ["fine"]
    assert [each.provider_id for each in result.missing] == ["gone"]
    assert failures(result) == {
        "failing": (False, False),
        "refused": (True, False),
        "swapped": (True, False),
        "cut": (False, False),
        "unanswered": (False, False),
    }
    assert called(graph.requests[0])[0].startswith("/me/messages/fine?$select=id,")


def test_a_throttled_part_leaves_the_rest_for_later() -> None:
    """What came is kept, and nobody is asked again before the time is over."""
    # Given
    names = [f"m{n}" for n in range(30)]
    graph, mailbox = opened(
        parts((0, 200, whole("m0")), (1, 429, BUSY), wait_seconds=17), listing("F")
    )
    # When
    result = mailbox.fetch([ref(each) for each in names])
    # Then
    assert ids(result) == ["m0"]
    assert set(failures(result)) == set(names[1:])
    assert {each.throttled for each in result.failed} == {True}
    assert {each.retry_after for each in result.failed} == {timedelta(seconds=17)}
    assert len(graph.requests) == 2


@pytest.mark.parametrize(
    "lost", [httpx.ReadTimeout("lost"), refusal(503, "", {"Retry-After": "1"})]
)
def test_a_message_that_takes_its_batch_down_fails_alone(lost: Answer) -> None:
    """One mail on which Graph always failed stopped its account for ever."""
    # Given
    _, mailbox = opened(
        lost,
        parts((0, 200, whole("a"))),
        lost,
        parts((0, 200, whole("c"))),
        listing("F"),
    )
    # When
    result = mailbox.fetch([ref("a"), ref("b"), ref("c")])
    # Then
    assert ids(result) == ["a", "c"]
    assert failures(result) == {"b": (False, False)}


def test_after_three_losses_the_rest_is_left_for_later() -> None:
    """Each loss may have cost a whole timeout."""
    # Given
    lost = httpx.ReadTimeout("lost")
    graph, mailbox = opened(lost, lost, lost)
    # When
    result = mailbox.fetch([ref(each) for each in "abcde"])
    # Then
    assert failures(result) == {
        "a": (False, False),
        "b": (False, False),
        "c": (False, True),
        "d": (False, True),
        "e": (False, True),
    }
    assert len(graph.requests) == 3


def test_a_throttled_fetch_that_brought_nothing_is_raised() -> None:
    """The account pauses for as long as Graph asks."""
    _, mailbox = opened(refusal(429, "ApplicationThrottled", {"Retry-After": "30"}))
    with pytest.raises(Retryable) as busy:
        mailbox.fetch([ref("a")])
    assert busy.value.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("MailboxNotEnabledForRESTAPI", MailboxUnavailable),
        ("ErrorAccessDenied", MailboxUnavailable),
        ("Authorization_RequestDenied", ReauthRequired),
    ],
)
def test_what_concerns_the_whole_mailbox_is_raised(code: str, error: type[Exception]) -> None:
    """When every message is refused, it is not the messages."""
    refused = {"error": {"code": code}}
    closed = refusal(403, code)
    _, mailbox = opened(parts((0, 403, refused), (1, 403, refused)), closed)
    with pytest.raises(error):
        mailbox.fetch([ref("a"), ref("b")])


def test_a_rule_against_one_message_is_no_matter_of_the_mailbox() -> None:
    """A protected message stopped its whole account."""
    denied = {"error": {"code": "ErrorAccessDenied"}}
    _, mailbox = opened(parts((0, 200, whole("a")), (1, 403, denied)), listing("F"))
    result = mailbox.fetch([ref("a"), ref("b")])
    assert ids(result) == ["a"]
    assert failures(result) == {"b": (True, False)}


def test_a_rule_against_the_only_message_of_a_batch_is_no_matter_of_the_mailbox() -> None:
    """The files of the only new mail were refused: the account was parked, and again each hour."""
    denied = {"error": {"code": "ErrorAccessDenied"}}
    graph, mailbox = opened(parts((0, 403, denied)), httpx.Response(200, json={"id": "I"}))
    assert failures(mailbox.fetch([ref("a")])) == {"a": (True, False)}
    assert graph.requests[1].url.path == "/v1.0/me/mailFolders/inbox"


@pytest.mark.parametrize(
    ("refused", "unreadable"),
    [
        (refusal(403, "ErrorAccessDenied"), True),
        (refusal(410, "SyncStateNotFound"), False),
        (refusal(503), False),
    ],
)
def test_a_refused_page_of_attachments_fails_that_message_alone(
    refused: httpx.Response,
    unreadable: bool,  # noqa: FBT001
) -> None:
    """Whatever it says, it says nothing of the folder or the mailbox."""
    link = "https://graph.microsoft.com/v1.0/me/messages/M/attachments?$skip=10"
    with_file = whole("M", hasAttachments=True)
    _, mailbox = opened(
        parts((0, 200, with_file)),
        listing("F"),
        parts((0, 200, {"value": [], "@odata.nextLink": link})),
        *[refused] * 3,
    )
    assert failures(mailbox.fetch([ref("M")])) == {"M": (unreadable, False)}


def test_what_lies_outside_the_visible_folders_counts_as_deleted() -> None:
    """Chats, and what was deleted for good, can be fetched by id; neither is mail any more."""
    # Given
    hidden = [whole(each, parentFolderId="recoverable") for each in ("x", "y")]
    graph, mailbox = opened(
        parts((0, 200, whole("a")), (1, 200, hidden[0]), (2, 200, hidden[1])),
        listing("F"),
        listing("F"),  # it may have come since: looked for once more, for both of them
    )
    # When
    result = mailbox.fetch([ref("a"), ref("x"), ref("y")])
    # Then
    assert ids(result) == ["a"]
    assert [each.provider_id for each in result.missing] == ["x", "y"]
    assert len(graph.requests) == 3


def test_a_folder_that_has_just_come_is_visible() -> None:
    """Its messages are not taken for deleted ones."""
    _, mailbox = opened(
        parts((0, 200, whole("a")), (1, 200, whole("b", parentFolderId="new"))),
        listing("F"),
        listing("F", "new"),
    )
    assert ids(mailbox.fetch([ref("a"), ref("b")])) == ["a", "b"]


@pytest.mark.parametrize("answer", [refusal(400), refusal(403, "ErrorAccessDenied"), refusal(500)])
def test_a_message_that_cannot_even_be_described_is_its_id(answer: Answer) -> None:
    """A stub stands where a message was refused for good."""
    _, mailbox = opened(*[answer] * 3)
    stub = mailbox.stub(ref("M")).message
    assert (stub.provider_id, stub.version, stub.defects) == ("M", 0, ("unreadable",))


def test_a_stub_describes_what_it_stands_for() -> None:
    """Who wrote it and when can be told even where the body cannot."""
    described: dict[str, Any] = {name: each for name, each in whole("M").items() if name != "body"}
    graph, mailbox = opened(httpx.Response(200, json=described))
    stub = mailbox.stub(ref("M")).message
    assert stub.subject == "Lunch"
    assert "unreadable" in stub.defects
    assert "body" not in graph.requests[0].url.params["$select"].split(",")
