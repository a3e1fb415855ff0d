"""Answers of Graph become messages. Each file of tests/data/microsoft is one, and its meaning."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.domain.ids import (
    ProviderMessageId,
    ProviderThreadId,
    folder_id,
    message_id,
    parse_attachment_id,
    thread_id,
)
from postroom.domain.message import Address, FullMessage
from postroom.providers.microsoft.mapping import has_attachments, map_edit, map_message
from tests.builders import ACCOUNT_ID

CASES = sorted((Path(__file__).parents[3] / "data" / "microsoft").glob("*.json"))


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
        "cc": people(message.cc),
        "text": full.content.text,
        "html": full.content.html,
        "headers": [[header.name, header.value] for header in full.content.headers],
        "snippet": message.snippet,
        "unread": message.unread,
        "starred": message.starred,
        "is_draft": message.is_draft,
        "categories": list(message.categories),
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
    full = map_message(case["message"], ACCOUNT_ID, attachments=case["attachments"])
    # Then
    expected = case["expect"]
    assert {name: seen(full)[name] for name in expected} == expected, case["incident"]


def test_ids_are_derived_and_attachments_lead_back_to_their_message() -> None:
    """Outlook's own ids are long and not fit for paths; ours lead back to them."""
    # Given
    case = read("inline_picture")
    raw = case["message"]
    # When
    message = map_message(raw, ACCOUNT_ID, attachments=case["attachments"]).message
    # Then
    assert message.id == message_id(ACCOUNT_ID, ProviderMessageId(raw["id"]))
    assert message.thread_id == thread_id(ACCOUNT_ID, ProviderThreadId(raw["conversationId"]))
    assert message.folders == (folder_id(ACCOUNT_ID, raw["parentFolderId"]),)
    assert parse_attachment_id(message.attachments[0].id) == (message.id, "A1")


@pytest.mark.parametrize(
    ("name", "has_some"), [("inline_picture", True), ("attached_items", True), ("whole", False)]
)
def test_pictures_inside_the_html_are_looked_for(name: str, has_some: bool) -> None:  # noqa: FBT001
    """`hasAttachments` does not count them; whoever believed it showed mail with holes."""
    assert has_attachments(read(name)["message"]) is has_some


@pytest.mark.parametrize(
    ("told", "unread", "starred", "categories"),
    [
        ({"isRead": True}, False, None, None),
        ({"flag": {"flagStatus": "flagged"}}, None, True, None),
        ({"flag": {"flagStatus": "complete"}}, None, False, None),
        ({"categories": []}, None, None, ()),
        ({"isRead": None, "flag": None, "categories": None}, None, None, None),
    ],
)
def test_an_edit_changes_what_it_tells_and_nothing_else(
    told: dict[str, Any],
    unread: bool | None,  # noqa: FBT001
    starred: bool | None,  # noqa: FBT001
    categories: tuple[str, ...] | None,
) -> None:
    """An entry of a delta has at least what changed, and leaves the rest as it was."""
    edit = map_edit({"id": "M", "lastModifiedDateTime": "2026-11-21T08:00:07Z", **told}, ACCOUNT_ID)
    assert (edit.unread, edit.starred, edit.categories) == (unread, starred, categories)
    assert (edit.version, edit.add, edit.remove) == (1795248007000, frozenset(), frozenset())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["emailAddress", "name", "address", "content", "flagStatus", "value"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(read("whole")["message"])), _JSON),
    attachment=st.dictionaries(
        st.sampled_from(["id", "name", "contentType", "size", "isInline", "contentId"]), _JSON
    ),
)
def test_no_content_makes_reading_raise(
    changes: dict[str, Any], attachment: dict[str, Any]
) -> None:
    """Whatever Graph answers becomes a message that can be stored."""
    # Given
    raw = {**read("whole")["message"], **changes}
    # When
    has_attachments(raw)
    full = map_message(raw, ACCOUNT_ID, attachments=[attachment])
    # Then
    json.dumps(seen(full), ensure_ascii=False).encode()
    assert "\0" not in full.content.html + full.message.subject
