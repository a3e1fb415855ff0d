"""What Graph's notifications say, and the hands that are shaken before."""

import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.domain.errors import InvalidRequest, PostroomError
from postroom.domain.ids import ProviderMessageId
from postroom.domain.push import PushRequest, WatchPush
from postroom.providers.microsoft.push import MicrosoftPushReader
from tests.builders import ACCOUNT_ID

READER = MicrosoftPushReader()
SECRET = f"{ACCOUNT_ID}.{'r' * 43}"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


def read(*items: Any) -> list[WatchPush]:
    return [*READER.read(PushRequest(body=json.dumps({"value": items}).encode()))]


def change(kind: str = "created", **replaced: Any) -> dict[str, Any]:
    """Return a change notification."""
    usual = {
        "clientState": SECRET,
        "changeType": kind,
        "subscriptionId": "s1",
        "resourceData": {"id": "AAkALgAA-_0=", "@odata.type": "#Microsoft.Graph.Message"},
    }
    return usual | replaced


@pytest.mark.parametrize("kind", ["created", "updated"])
def test_a_change_names_its_account_and_its_message(kind: str) -> None:
    """The account stands in the secret; of the secret only its hash goes on."""
    assert read(change(kind)) == [
        WatchPush(
            account_id=ACCOUNT_ID,
            secret_hash=HASH,
            message_id=ProviderMessageId("AAkALgAA-_0="),
        )
    ]


@pytest.mark.parametrize(
    "item",
    [
        change("deleted"),
        change("unheard of"),
        change(resourceData=None),
        change(resourceData={"id": 7}),
        change(resourceData={"id": "../me"}),
        change(resourceData={"id": "a" * 513}),
        {"clientState": SECRET},
    ],
    ids=str,
)
def test_a_change_without_a_message_to_read_rings_all_the_same(item: Any) -> None:
    """A deletion tells of no folder, so anything may have changed."""
    assert read(item) == [WatchPush(account_id=ACCOUNT_ID, secret_hash=HASH)]


@pytest.mark.parametrize(
    ("event", "is_ending"),
    [
        ("reauthorizationRequired", True),
        ("subscriptionRemoved", True),
        ("missed", False),
        ("something new", False),
    ],
)
def test_lifecycle_events_tell_whether_the_watch_ends(event: str, *, is_ending: bool) -> None:
    """What was missed is found by a round; what ends has to be renewed or started again."""
    [push] = read({"clientState": SECRET, "lifecycleEvent": event, "subscriptionId": "s1"})

    assert push == WatchPush(account_id=ACCOUNT_ID, secret_hash=HASH, watch_is_ending=is_ending)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "item",
        [],
        {},
        change(clientState=None),
        change(clientState=7),
        change(clientState="no-account"),
        change(clientState=f".{'r' * 43}"),
        change(clientState=f"{ACCOUNT_ID}."),
        change(clientState=f"{ACCOUNT_ID}.a/b"),
        change(clientState=f"{ACCOUNT_ID}.\ud800"),
        change(clientState=f"{ACCOUNT_ID}.{'r' * 128}"),
        change(clientState=f"{'a' * 65}.r"),
    ],
    ids=str,
)
def test_one_bad_item_leaves_the_good_ones_alone(bad: Any) -> None:
    """One POST carries items of many mailboxes: none answers for another."""
    good = change()

    assert read(good, bad, good) == read(good, good)
    assert read(bad) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"value": {}}', b'{"value": []}'],
    ids=lambda body: str(body[:12]),
)
def test_a_malformed_body_is_named(body: bytes) -> None:
    """What is no list of notifications is none of Graph's."""
    with pytest.raises(InvalidRequest):
        READER.read(PushRequest(body=body))


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text() | st.just(SECRET),
    lambda below: st.lists(below) | st.dictionaries(
        st.sampled_from(["value", "clientState", "changeType", "resourceData", "id"]), below),
).map(lambda document: json.dumps(document).encode()))  # fmt: skip
def test_no_body_is_a_mistake_of_ours(body: bytes) -> None:
    """Whatever comes is read, dropped or named."""
    with suppress(PostroomError):
        READER.read(PushRequest(body=body))


@pytest.mark.parametrize(
    ("query", "token"),
    [
        (
            "validationToken=Validation%3a+Testing%20client+%3Cb%3E",
            "Validation: Testing client <b>",
        ),
        ("a=b&validationToken=a%2Bb%26c", "a+b&c"),
        ("validationToken=%C3%B6", "ö"),
        ("", None),
        ("token=x", None),
    ],
)
def test_the_handshakes_token_is_decoded_once(query: str, token: str | None) -> None:
    """Graph wants back what it had before it encoded it."""
    assert READER.handshake(query) == token


@pytest.mark.parametrize(
    "query",
    [
        "validationToken=",
        "validationToken",
        "validationToken=%ff",
        "validationToken=a&validationToken=b",
        f"validationToken={'a' * 4_097}",
    ],
)
def test_a_handshake_that_is_none_of_graphs_is_refused(query: str) -> None:
    """Nobody is echoed at whatever length, or what is no text."""
    with pytest.raises(InvalidRequest):
        READER.handshake(query)


@given(st.text())
def test_no_query_is_a_mistake_of_ours(query: str) -> None:
    """Whatever stands behind a question mark."""
    with suppress(InvalidRequest):
        READER.handshake(query)


def test_nothing_secret_shows_in_a_log() -> None:
    """Whoever logs a push by mistake does not log what proves the next one."""
    [push] = read(change())

    assert HASH not in repr(push)
