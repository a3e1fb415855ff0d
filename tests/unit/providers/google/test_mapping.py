"""Gmail's answers become messages. Each file of tests/data/google is a payload and its meaning."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.domain.ids import (
    AttachmentId,
    ProviderMessageId,
    ProviderThreadId,
    message_id,
    parse_attachment_id,
    thread_id,
)
from postroom.domain.message import Address, FullMessage
from postroom.domain.sync import MessageRef
from postroom.providers.google.mapping import detached_texts, map_message
from postroom.providers.mail_content import unreadable
from tests.builders import ACCOUNT_ID

CASES = sorted((Path(__file__).parents[3] / "data" / "google").glob("*.json"))


def read(name: str) -> dict[str, Any]:
    path = next(path for path in CASES if path.stem == name)
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def seen(full: FullMessage) -> dict[str, Any]:
    """What a message says, in the words of the data files."""
    message = full.message

    def people(addresses: tuple[Address, ...]) -> list[list[str]]:
        return [[person.email, person.name] for person in addresses]

    return {
        "subject": message.subject,
        "from": people(message.from_),
        "to": people(message.to),
        "text": full.content.text,
        "html": full.content.html,
        "snippet": message.snippet,
        "unread": message.unread,
        "starred": message.starred,
        "is_draft": message.is_draft,
        "folders": list(message.folders),
        "version": message.version,
        "internet_message_id": message.internet_message_id,
        "in_reply_to": message.in_reply_to,
        "references": list(message.references),
        "received_at": int(message.received_at.timestamp()),
        "size_bytes": message.size_bytes,
        "attachments": [
            [a.part_id, a.filename, a.content_type, a.size_bytes, a.content_id, a.is_inline]
            for a in message.attachments
        ],
        "defects": list(message.defects),
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_payload_is_read_as_it_was_meant(path: Path) -> None:
    """Every known oddity of mail is read as well as it can be, and named."""
    # Given
    case = json.loads(path.read_text())
    # When
    full = map_message(case["message"], ACCOUNT_ID)
    # Then
    expected = case["expect"]
    assert {name: seen(full)[name] for name in expected} == expected, case["incident"]


def test_ids_are_derived_and_attachments_lead_back_to_their_message() -> None:
    """The same mail has the same ids for ever, and an attachment's id names its part."""
    # Given / When
    case = read("alternative_with_inline_picture_and_attachment")["message"]
    message = map_message(case, ACCOUNT_ID).message
    # Then
    assert message.id == message_id(ACCOUNT_ID, ProviderMessageId(case["id"]))
    assert message.thread_id == thread_id(ACCOUNT_ID, ProviderThreadId(case["threadId"]))
    menu: AttachmentId = message.attachments[1].id
    assert parse_attachment_id(menu) == (message.id, "1")


def test_a_body_that_gmail_left_out_is_named_and_filled_in() -> None:
    """Large bodies come by a second call; the message reads as if they had come at once."""
    # Given
    raw = read("detached_body_absent")["message"]
    assert detached_texts(raw) == {"0": "A"}
    # When
    full = map_message(raw, ACCOUNT_ID, detached={"0": "Grüße".encode()})
    # Then
    assert full.content.text == "Grüße"
    assert full.message.defects == ()


@pytest.mark.parametrize(
    "part",
    [
        {"filename": "b\ufffd\ufffdg.pdf"},
        {"filename": "=?utf-8?b?////?=.pdf"},
        {
            "headers": [
                {"name": "Content-Disposition", "value": 'attachment; filename="b\ufffdg.pdf"'}
            ]
        },
    ],
)
def test_a_file_name_that_cannot_be_read_is_flagged(part: dict[str, Any]) -> None:
    """`b\ufffd\ufffdg.pdf` stood for `büg.pdf`, and nothing said that this is not its name.

    The fields of parts below the root are not among the message's headers, so nobody else looks.
    """
    # Given
    raw = read("plain")["message"]
    file = {"partId": "1", "mimeType": "application/pdf", "body": {"attachmentId": "A"}, **part}
    raw["payload"] = {**raw["payload"], "mimeType": "multipart/mixed", "parts": [file]}
    # When
    message = map_message(raw, ACCOUNT_ID).message
    # Then
    assert message.attachments[0].filename.endswith(".pdf")
    assert message.defects == ("header_encoding",)


def test_all_headers_are_kept_in_order_and_decoded() -> None:
    """Headers repeat and their order counts."""
    # Given
    raw = read("plain")["message"]
    raw["payload"]["headers"] += [
        {"name": "Received", "value": "one"},
        {"name": "Received", "value": "=?utf-8?q?zw=C3=B6lf?="},
    ]
    # When
    headers = map_message(raw, ACCOUNT_ID).content.headers
    # Then
    assert [h.value for h in headers if h.name == "Received"] == ["one", "zwölf"]


def test_an_unreadable_message_loses_against_every_real_version() -> None:
    """A stub stands in until the message can be read."""
    # Given / When
    raw = read("plain")["message"]
    ref = MessageRef(
        provider_id=ProviderMessageId(raw["id"]),
        provider_thread_id=ProviderThreadId(raw["threadId"]),
    )
    stub, real = unreadable(ref, ACCOUNT_ID).message, map_message(raw, ACCOUNT_ID).message
    # Then
    assert (stub.id, stub.thread_id) == (real.id, real.thread_id)
    assert stub.version < real.version
    assert stub.defects == ("unreadable",)
    assert stub.received_at == datetime(1970, 1, 1, tzinfo=UTC)


_WEIRD = st.text(max_size=60) | st.sampled_from(
    ["=?utf-8?B?/?=", "=?x?q?=zz?= =?utf-8?b?4pi?=", "<<>>,;:", '"', "a@b, <", "(((", "=??q??="]
)
_FIELDS = (
    *("From", "To", "Subject", "Date", "References", "Message-ID"),
    *("Content-Type", "Content-Disposition", "Content-ID"),
)
_LEAF = st.fixed_dictionaries(
    {},
    optional={
        "partId": st.sampled_from(["", "0", "1.2"]),
        "mimeType": st.sampled_from(["", "text/plain", "text/html", "image/png", "x"]) | _WEIRD,
        "filename": _WEIRD,
        "headers": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.sampled_from(
                        [
                            "From",
                            "To",
                            "Subject",
                            "Date",
                            "References",
                            "Message-ID",
                            "Content-Type",
                            "Content-Disposition",
                            "Content-ID",
                        ]
                    ),
                    "value": _WEIRD | st.sampled_from(["text/plain; charset*0=\x00", "a; x*=''%"]),
                },
            ),
            max_size=6,
        ),
        "body": st.fixed_dictionaries(
            {}, optional={"data": _WEIRD, "size": st.integers(-1, 9), "attachmentId": _WEIRD}
        ),
    },
)
_TREE = st.recursive(
    _LEAF,
    lambda below: st.fixed_dictionaries(
        {
            "mimeType": st.sampled_from(["multipart/mixed", "multipart/alternative", ""]),
            "parts": st.lists(below, max_size=3),
        }
    ),
    max_leaves=6,
)


@given(payload=_TREE, date=st.text(max_size=25) | st.integers(-(10**20), 10**20).map(str))
def test_no_content_makes_the_mapping_raise(payload: Any, date: str) -> None:
    """Whatever a mail holds, something storable comes out: it never stops a sync."""
    full = map_message(
        {"id": "1", "historyId": "x", "internalDate": date, "payload": payload}, ACCOUNT_ID
    )
    (full.content.text + full.content.html + full.message.subject).encode()
    assert full.message.received_at.tzinfo is UTC
