"""Messages and folders as the wire shows them."""

import base64
import json
from typing import Any

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import MessageContent, MessagePage, Position
from postroom.web.message_pages import PAGE_BYTES_LIMIT, folder_page, message_page, raw_message
from postroom.web.paging import message_position
from postroom.web.schemas.fields import wire
from postroom.web.schemas.folders import FolderListQuery, FolderOut
from postroom.web.schemas.messages import MessageListQuery, MessageOut, selected
from tests.builders import (
    ACCOUNT_ID,
    make_attachment,
    make_content,
    make_folder,
    make_message,
)

KEY = b"k" * 32


def _query(**values: Any) -> MessageListQuery:
    return MessageListQuery.model_validate(values)


def test_a_message_has_the_contracts_fields() -> None:
    """Times are Unix seconds, people objects, attachments listed, no field null."""
    message = make_message()
    message = make_message(
        attachments=(make_attachment(message=message.id, content_id="c", is_inline=True),)
    )
    shown = wire(MessageOut.from_domain(message, make_content()))
    assert shown["object"] == "message"
    assert shown["grant_id"] == ACCOUNT_ID
    assert shown["from"] == [{"email": "charles@example.org", "name": "Charles Babbage"}]
    assert shown["date"] == shown["created_at"] == int(message.received_at.timestamp())
    assert shown["body"] == "<p>The engine weaves algebraical patterns.</p>"
    assert shown["attachments"][0] == {
        "id": message.attachments[0].id,
        "grant_id": ACCOUNT_ID,
        "filename": "engine.pdf",
        "content_type": "application/pdf",
        "size": 51_200,
        "content_id": "c",
        "is_inline": True,
        "content_disposition": "inline",
    }
    assert "headers" not in shown
    assert "defects" not in shown
    assert None not in shown.values()


def test_a_text_becomes_html_that_cannot_do_anything() -> None:
    """Where there is no HTML, the text is escaped."""
    content = MessageContent(text="<script>alert(1)</script>\nyours")
    shown = wire(MessageOut.from_domain(make_message(), content))
    assert "<script>" not in shown["body"]
    assert "&lt;script&gt;" in shown["body"]
    assert shown["body_text"] == content.text


def test_headers_and_defects_come_when_there_is_a_reason() -> None:
    """All headers, the basic ones, or none; defects when something could not be read."""
    message = make_message(defects=("no_date",))
    all_of_them = wire(MessageOut.from_domain(message, make_content(), fields="include_headers"))
    assert [header["name"] for header in all_of_them["headers"]] == ["Received", "Subject"]
    basic = wire(MessageOut.from_domain(message, make_content(), fields="include_basic_headers"))
    assert basic["headers"] == []
    assert basic["defects"] == ["no_date"]


def test_select_keeps_what_no_sdk_can_do_without() -> None:
    """id, grant_id and object come always; unknown names are nothing."""
    shown = wire(MessageOut.from_domain(make_message(), None))
    assert set(selected(shown, ["subject", "nonsense"])) == {"id", "grant_id", "object", "subject"}
    assert selected(shown, []) == shown


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, True),
        ({"select": ["id", "subject"]}, False),
        ({"select": ["body"]}, True),
        ({"select": ["headers"], "fields": "include_headers"}, True),
        ({"select": ["body_text"]}, True),
    ],
)
def test_bodies_are_read_only_when_they_are_wanted(
    query: dict[str, Any],
    wanted: bool,  # noqa: FBT001
) -> None:
    """Without `select` they are."""
    assert _query(**query).with_content() == wanted


def test_an_unknown_folder_is_named() -> None:
    """Names are no ids; before the folders are known, nothing is."""
    query = _query(**{"in": ["inbox"]})
    with pytest.raises(InvalidRequest, match="in: "):
        query.to_filter({FolderId("INBOX")})
    assert query.to_filter(set()).folder == "inbox"
    assert _query(**{"in": ["INBOX"]}).to_filter({FolderId("INBOX")}).folder == "INBOX"


def test_addresses_are_compared_without_case() -> None:
    """The filter holds them as the domain compares them; blanks are nothing."""
    wanted = _query(**{"from": ["Ada@Example.com", ""]}).to_filter(set())
    assert wanted.from_ == {"ada@example.com"}


def test_a_page_ends_where_an_answer_would() -> None:
    """Messages that do not fit come with the next page, and none is left out."""
    html = '<p class="x">\N{GRINNING FACE}</p>' * 60_000
    messages = tuple(make_message(number=number) for number in range(9, 0, -1))
    page = MessagePage(
        messages=messages,
        contents={message.id: MessageContent(html=html) for message in messages},
        next_position=None,
    )
    shown, token = message_page(page, _query(), of_list="list", key=KEY)
    assert 1 <= len(shown) < 9
    assert len(json.dumps(json.dumps(shown, ensure_ascii=False), ensure_ascii=False).encode()) < (
        PAGE_BYTES_LIMIT + 100_000
    )
    last = messages[len(shown) - 1]
    assert message_position(token, of_list="list", key=KEY) == Position(
        received_at=last.received_at, message_id=last.id
    )


def test_one_message_always_comes() -> None:
    """A message larger than a page is a page of its own."""
    message = make_message()
    content = MessageContent(html="x" * (PAGE_BYTES_LIMIT + 1))
    page = MessagePage(messages=(message,), contents={message.id: content}, next_position=None)
    shown, token = message_page(page, _query(), of_list="list", key=KEY)
    assert len(shown) == 1
    assert token is None


def test_lists_leave_the_second_body_out() -> None:
    """`body_text` doubles a list; it comes when it is selected."""
    message = make_message()
    page = MessagePage(messages=(message,), contents={message.id: make_content()})
    (plain,), _ = message_page(page, _query(), of_list="", key=KEY)
    assert "body_text" not in plain
    (both,), _ = message_page(page, _query(select=["body_text"]), of_list="", key=KEY)
    assert both["body_text"]


def test_the_raw_form_is_base64url() -> None:
    """The contract shows four fields, and any byte survives."""
    mime = bytes(range(256))
    shown = raw_message(ACCOUNT_ID, make_message().id, mime=mime, address="")
    assert set(shown) == {"grant_id", "object", "id", "raw_mime"}
    assert base64.urlsafe_b64decode(shown["raw_mime"]) == mime


def test_folders_have_attributes_and_counts() -> None:
    """The role becomes the word of RFC 6154; a count that nobody knows is missing."""
    inbox = make_folder(role=FolderRole.INBOX, is_system=True, unread_count=3)
    shown = wire(FolderOut.from_domain(ACCOUNT_ID, inbox))
    assert shown["attributes"] == ["\\Inbox"]
    assert (shown["system_folder"], shown["unread_count"]) == (True, 3)
    assert "total_count" not in shown
    assert wire(FolderOut.from_domain(ACCOUNT_ID, make_folder()))["attributes"] == []


def test_folders_come_all_at_once_or_in_pages() -> None:
    """Following the tokens yields every folder once, whatever the limits are."""
    folders = [make_folder(id=FolderId(f"Label_{n}")) for n in range(7)]
    everything, token = folder_page(ACCOUNT_ID, folders, FolderListQuery(), key=KEY)
    assert (len(everything), token) == (7, None)
    found: list[str] = []
    query = FolderListQuery(limit=3)
    while True:
        shown, token = folder_page(ACCOUNT_ID, folders, query, key=KEY)
        found += [each["id"] for each in shown]
        if token is None:
            break
        query = FolderListQuery(limit=2, page_token=token)
    assert found == [folder.id for folder in folders]
