"""The routes of threads: what they show, and what they refuse."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functions.conftest import ADDRESS, SAMPLE_GRANT, Deployment
from tests.world import make_mail

REQUIRED = {
    "id",
    "grant_id",
    "object",
    "has_drafts",
    "starred",
    "unread",
    "message_ids",
    "folders",
    "latest_draft_or_message",
}
"""What the official SDKs cannot do without."""

OPTIONAL = {
    "subject",
    "snippet",
    "participants",
    "draft_ids",
    "categories",
    "has_attachments",
    "earliest_message_date",
    "latest_message_received_date",
}
LONG = "x" * 3_000


@pytest.fixture(scope="module")
def threads(deployment: Deployment, simulator: httpx.Client) -> str:
    """The address of the threads of Ada's account, in which there are two, one with a draft."""
    mail = [
        (make_mail(to=ADDRESS, subject="Tea", Message_ID="<tea@example.org>"), {"unread": "true"}),
        (
            make_mail(
                to="charles@example.org",
                sender=ADDRESS,
                subject="Re: Tea",
                In_Reply_To="<tea@example.org>",
                References="<tea@example.org>",
            ),
            {"folder": "drafts", "unread": "false"},
        ),
    ]
    for content, query in mail:
        simulator.post(
            f"/_sim/mailboxes/{ADDRESS}/messages",
            content=content,
            params=query,
            headers={"content-type": "message/rfc822"},
        ).raise_for_status()
    grant = f"/v3/grants/{deployment.names[SAMPLE_GRANT]}"
    deployment.call("POST", f"{grant}/sync", {"mode": "incremental"}, status=202)
    deployment.work_off()
    return f"{grant}/threads"


def listed(deployment: Deployment, threads: str, query: str = "") -> list[dict[str, Any]]:
    """The threads of a list."""
    found: list[dict[str, Any]] = deployment.call("GET", threads, query=query)["data"]
    return found


def test_threads_are_shown_whole(deployment: Deployment, threads: str) -> None:
    """Every field of the contract, the newest message or draft with its body."""
    tea, notes = listed(deployment, threads)
    assert notes.keys() == REQUIRED | OPTIONAL
    assert tea.keys() == REQUIRED | OPTIONAL
    assert [notes["subject"], tea["subject"]] == ["Notes on the engine", "Tea"]
    assert [notes["object"], tea["object"]] == ["thread", "thread"]
    message, draft = notes["latest_draft_or_message"], tea["latest_draft_or_message"]
    assert [message["object"], draft["object"]] == ["message", "draft"]
    assert message["id"] == notes["message_ids"][0]
    assert "How are you?" in message["body"]
    assert "body_text" not in message
    assert tea["has_drafts"]
    assert tea["draft_ids"] == [draft["id"]]
    assert len(tea["message_ids"]) == 1
    assert draft["id"] not in tea["message_ids"]
    assert {person["email"] for person in tea["participants"]} == {
        ADDRESS,
        "ana@elsewhere.example",
        "charles@example.org",
    }
    assert tea["earliest_message_date"] == tea["latest_message_received_date"]


def test_one_thread_is_shown_with_both_bodies(deployment: Deployment, threads: str) -> None:
    """As in the list, and with the text."""
    (_, notes) = listed(deployment, threads)
    found = deployment.call("GET", f"{threads}/{notes['id']}")["data"]
    assert "How are you?" in found["latest_draft_or_message"].pop("body_text")
    assert found == notes
    deployment.call("GET", f"{threads}/no-such-thread", status=404)


@pytest.mark.parametrize("select", ["id,subject", "subject", "nothing"])
def test_selected_threads_have_what_no_sdk_can_do_without(
    deployment: Deployment, threads: str, select: str
) -> None:
    """And no body, unless the message is selected."""
    wanted = REQUIRED | ({"subject"} & set(select.split(",")))
    (_, notes) = listed(deployment, threads, f"select={select}")
    assert notes.keys() == wanted
    assert "body" not in notes["latest_draft_or_message"]
    found = deployment.call("GET", f"{threads}/{notes['id']}", query=f"select={select}")["data"]
    assert found.keys() == wanted
    (_, notes) = listed(deployment, threads, "select=latest_draft_or_message")
    assert "How are you?" in notes["latest_draft_or_message"]["body"]


def test_pages_go_on_where_they_ended(deployment: Deployment, threads: str) -> None:
    """A token serves this list only, and the last page has none."""
    first = deployment.call("GET", threads, query="limit=1")
    token = first["next_cursor"]
    second = deployment.call("GET", threads, query=f"limit=1&page_token={token}")
    assert [each["subject"] for each in (*first["data"], *second["data"])] == [
        "Tea",
        "Notes on the engine",
    ]
    assert "next_cursor" not in second
    for other in (f"page_token={token}&unread=true", f"page_token={token}x"):
        answer = deployment.call("GET", threads, query=other, status=400)
        assert answer["error"]["message"].startswith("page_token: ")
    messages = threads.replace("threads", "messages")
    deployment.call("GET", messages, query=f"page_token={token}", status=400)


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("in=INBOX&in=UNREAD", ["Tea", "Notes on the engine"]),
        ("in=DRAFT", ["Tea"]),
        ("unread=True&starred=False&has_attachment=false", ["Tea", "Notes on the engine"]),
        ("any_email=charles%40example.org,nobody%40example.org", ["Tea"]),
        ("from=ana%40elsewhere.example&to=CHARLES%40example.org", ["Tea"]),
        ("cc=charles%40example.org", []),
        ("bcc=charles%40example.org", []),
        ("subject=engine", ["Notes on the engine"]),
        ("thread_id=nothing", []),
        ("earliest_message_date=1&latest_message_after=1", ["Tea", "Notes on the engine"]),
        ("latest_message_before=1", []),
        ("search_query_native=subject%3Aengine", ["Notes on the engine"]),
        ("search_query_native=subject%3Aengine&starred=true", []),
        ("page_token=None&subject=None&in=undefined", ["Tea", "Notes on the engine"]),
    ],
)
def test_filters_are_read_as_the_sdks_write_them(
    deployment: Deployment, threads: str, query: str, subjects: list[str]
) -> None:
    """Repeated and joined lists, booleans in any case, words for nothing."""
    assert [each["subject"] for each in listed(deployment, threads, query)] == subjects


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("page_token=x", "page_token"),
        (f"page_token={LONG}", "page_token"),
        (f"subject={LONG}", "subject"),
        ("in=nowhere", "in"),
        ("unread=perhaps", "unread"),
        ("starred=2", "starred"),
        ("has_attachment=x", "has_attachment"),
        (f"thread_id={LONG}", "thread_id"),
        ("earliest_message_date=yesterday", "earliest_message_date"),
        ("latest_message_before=-1", "latest_message_before"),
        ("latest_message_after=1e30", "latest_message_after"),
        ("any_email=" + ",".join(f"{n}%40x.example" for n in range(26)), "any_email"),
        (f"search_query_native={LONG}", "search_query_native"),
        ("search_query_native=x&page_token=x", "page_token"),
        ("query_imap=x", "query_imap"),
        ("shared_from=x", "shared_from"),
    ],
)
def test_what_cannot_be_asked_is_named(
    deployment: Deployment, threads: str, query: str, named: str
) -> None:
    """A filter that was ignored would show what nobody asked for."""
    answer = deployment.call("GET", threads, query=query, status=400)
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("{", "body"),
        ("", "body"),
        ([], "body"),
        ({"unread": "perhaps"}, "unread"),
        ({"unread": [True]}, "unread"),
        ({"unread": {}}, "unread"),
        ({"starred": 2}, "starred"),
        ({"starred": "yes please"}, "starred"),
        ({"folders": "INBOX"}, "folders"),
        ({"folders": {}}, "folders"),
        ({"folders": [1]}, "folders.0"),
        ({"folders": [None]}, "folders.0"),
        ({"folders": ["nowhere"]}, "folders"),
        ({"folders": [LONG]}, "folders"),
        ({"folders": ["INBOX"] * 501}, "folders"),
    ],
)
def test_bad_changes_are_named(deployment: Deployment, threads: str, body: Any, named: str) -> None:
    """And nothing is changed."""
    (_, before) = listed(deployment, threads)
    answer = deployment.call("PUT", f"{threads}/{before['id']}", body, status=400)
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(f"{named}: ")
    (_, after) = listed(deployment, threads)
    assert after == before


@pytest.mark.parametrize("body", [{}, {"unread": None, "starred": None, "folders": None}])
def test_nothing_to_change_changes_nothing(
    deployment: Deployment, threads: str, body: dict[str, Any]
) -> None:
    """Missing fields and null ask for nothing."""
    (_, notes) = listed(deployment, threads)
    changed = deployment.call("PUT", f"{threads}/{notes['id']}", body)["data"]
    changed["latest_draft_or_message"].pop("body_text")
    assert changed == notes


def test_unknown_threads_are_neither_changed_nor_deleted(
    deployment: Deployment, threads: str
) -> None:
    """They are not found."""
    deployment.call("PUT", f"{threads}/nothing", {"starred": True}, status=404)
    deployment.call("DELETE", f"{threads}/nothing", status=404)


def test_a_thread_is_changed_and_trashed(deployment: Deployment, threads: str) -> None:
    """All of it, the draft as well; the labels that a folder list names replace the others."""
    (tea, _) = listed(deployment, threads)
    one = f"{threads}/{tea['id']}"
    changed = deployment.call("PUT", one, {"starred": True, "unread": False})["data"]
    assert changed["starred"]
    assert not changed["unread"]
    moved = deployment.call("PUT", one, {"folders": ["IMPORTANT"]})["data"]
    assert set(moved["folders"]) == {"DRAFT", "IMPORTANT", "STARRED"}
    deployment.call("DELETE", one)
    trashed = deployment.call("GET", one)["data"]
    assert "TRASH" in trashed["folders"]
    ids = [*trashed["message_ids"], trashed["latest_draft_or_message"]["id"]]
    assert len(set(ids)) == 2


@pytest.fixture
def deliver(deployment: Deployment, simulator: httpx.Client) -> Callable[..., None]:
    """Put letters into Ada's mailbox, each with where it stands, and see them stored."""

    def delivering(*letters: tuple[bytes, dict[str, str]]) -> None:
        for content, query in letters:
            simulator.post(
                f"/_sim/mailboxes/{ADDRESS}/messages",
                content=content,
                params=query,
                headers={"content-type": "message/rfc822"},
            ).raise_for_status()
        grant = f"/v3/grants/{deployment.names[SAMPLE_GRANT]}"
        deployment.call("POST", f"{grant}/sync", {"mode": "incremental"}, status=202)
        deployment.work_off()

    return delivering


def test_what_was_sent_from_an_alias_was_sent(
    deployment: Deployment,
    simulator: httpx.Client,
    threads: str,
    deliver: Callable[..., None],
) -> None:
    """Such an answer was told of as received, and `latest_message_sent_date` was missing."""
    # Given
    alias, grant = "desk@example.com", threads.removesuffix("/threads")
    simulator.put(
        f"/_sim/mailboxes/{ADDRESS}/aliases", json={"aliases": [alias]}
    ).raise_for_status()
    asked = make_mail(to=ADDRESS, subject="Alias talk", Message_ID="<al@example.org>")
    deliver((asked, {"received_at": "1790000000"}))
    (unanswered,) = listed(deployment, threads, "subject=Alias")
    # When
    answer = {
        "from": [{"email": alias}],
        "to": [{"email": "ana@elsewhere.example"}],
        "subject": "Re: Alias talk",
        "body": "Yes",
        "reply_to_message_id": unanswered["message_ids"][0],
    }
    sent = deployment.call("POST", f"{grant}/messages/send", answer)["data"]
    deliver()
    # Then
    (listing,) = listed(deployment, threads, "subject=Alias")
    found = deployment.call("GET", f"{threads}/{listing['id']}")["data"]
    changed = deployment.call("PUT", f"{threads}/{listing['id']}", {"unread": False})["data"]
    assert "latest_message_sent_date" not in unanswered
    for thread in (listing, found, changed):
        assert sent["id"] in thread["message_ids"]
        assert thread["latest_message_sent_date"] >= sent["date"]
        assert thread["latest_message_received_date"] == 1790000000


def test_a_draft_without_an_author_is_the_owners_in_its_thread_too(
    deployment: Deployment, threads: str, deliver: Callable[..., None]
) -> None:
    """Its thread showed nobody as its author, and the list of drafts the account's owner."""
    # Given
    draft = b"Subject: Nobody's\r\nTo: b@example.org\r\n\r\nhi"
    # When
    deliver((draft, {"folder": "drafts"}))
    # Then
    drafts = threads.replace("threads", "drafts")
    (alone,) = deployment.call("GET", drafts, query="subject=Nobody")["data"]
    thread = deployment.call("GET", f"{threads}/{alone['thread_id']}")["data"]
    assert [each["email"] for each in alone["from"]] == [ADDRESS]
    assert thread["latest_draft_or_message"]["from"] == alone["from"]
