"""Messages and folders as the wire shows them."""

import base64
import json
from typing import Any

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import FolderChange, FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import (
    MessageChange,
    MessageContent,
    MessageFilter,
    MessagePage,
    Position,
    RawMessage,
)
from postroom.web.bodies import validated
from postroom.web.message_pages import (
    PAGE_BYTES_LIMIT,
    folder_page,
    message_page,
    raw_message,
    raw_page,
)
from postroom.web.paging import message_position
from postroom.web.schemas.fields import wire
from postroom.web.schemas.folders import FolderIn, FolderListQuery, FolderOut, NewFolderIn
from postroom.web.schemas.messages import (
    MessageChangeIn,
    MessageListQuery,
    MessageOut,
    selected,
)
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


def test_a_match_lies_in_every_folder_that_is_named() -> None:
    """The first names the list that is walked, the others narrow it."""
    wanted = _query().to_filter([FolderId("INBOX"), FolderId("Label_1"), FolderId("STARRED")])
    both = make_message(folders=(FolderId("INBOX"), FolderId("Label_1")), starred=True)
    assert wanted.folder == "INBOX"
    assert wanted.matches(both)
    assert not wanted.matches(make_message(folders=both.folders))
    assert not wanted.matches(make_message(folders=both.folders[1:], starred=True))
    assert _query().to_filter([]) == MessageFilter()


@pytest.mark.parametrize("nothing", ["None", "undefined", "null", "", " ", ["None"], ["", ""]])
def test_what_sdks_write_for_nothing_asks_for_nothing(nothing: Any) -> None:
    """One writes `None`, the other `undefined`, whatever the parameter is."""
    names = [
        *("limit", "page_token", "select", "fields", "subject", "any_email", "from", "to", "cc"),
        *("bcc", "in", "unread", "starred", "thread_id", "received_before", "received_after"),
        *("has_attachment", "metadata_pair", "search_query_native", "query_imap"),
    ]
    assert validated(MessageListQuery, dict.fromkeys(names, nothing)) == MessageListQuery()


def test_metadata_is_asked_for_in_pairs() -> None:
    """A value may hold colons, and all pairs have to fit."""
    wanted = _query(metadata_pair=["key1:a:b", "key5:"]).to_filter([])
    assert wanted.metadata == {("key1", "a:b"), ("key5", "")}
    assert wanted.matches(make_message(metadata={"key1": "a:b", "key5": "", "other": "x"}))
    assert not wanted.matches(make_message(metadata={"key1": "a:b"}))
    assert not wanted.matches(make_message())


def test_metadata_is_shown_where_there_is_any() -> None:
    """None is no field at all; it can be selected like any other."""
    shown = wire(MessageOut.from_domain(make_message(metadata={"snake_key": "v"}), None))
    assert selected(shown, ["metadata"])["metadata"] == {"snake_key": "v"}
    assert "metadata" not in wire(MessageOut.from_domain(make_message(), None))


def test_tracking_options_say_that_nothing_is_tracked() -> None:
    """They come when they are asked for; headers do not."""
    shown = wire(
        MessageOut.from_domain(make_message(), make_content(), fields="include_tracking_options")
    )
    assert shown["tracking_options"] == {
        "opens": False,
        "links": False,
        "thread_replies": False,
        "label": "",
    }
    assert "headers" not in shown
    assert "tracking_options" not in wire(MessageOut.from_domain(make_message(), make_content()))


def test_addresses_are_compared_without_case() -> None:
    """The filter holds them as the domain compares them; blanks are nothing."""
    wanted = _query(**{"from": ["Ada@Example.com", ""]}).to_filter([])
    assert wanted.from_ == {"ada@example.com"}


def test_a_page_ends_where_an_answer_would() -> None:
    """Messages that do not fit come with the next page, and none is left out."""
    html = '<p class="x">\N{GRINNING FACE}</p>' * 60_000
    messages = tuple(make_message(number=number) for number in range(9, 0, -1))
    page = MessagePage(
        messages=messages,
        places=tuple(map(Position.of, messages)),
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
    page = MessagePage(
        messages=(message,),
        places=(Position.of(message),),
        contents={message.id: content},
        next_position=None,
    )
    shown, token = message_page(page, _query(), of_list="list", key=KEY)
    assert len(shown) == 1
    assert token is None


def test_lists_leave_the_second_body_out() -> None:
    """`body_text` doubles a list; it comes when it is selected."""
    message = make_message()
    page = MessagePage(
        messages=(message,), places=(Position.of(message),), contents={message.id: make_content()}
    )
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


def test_a_page_of_raw_forms_ends_where_an_answer_would() -> None:
    """What its provider has no longer is left out; what does not fit comes with the next page."""
    messages = tuple(make_message(number=number) for number in range(5, 0, -1))
    mime = b"x" * 2_000_000
    raw = {message.id: RawMessage(mime=mime) for message in messages[1:]}
    page = MessagePage(messages=messages, places=tuple(map(Position.of, messages)))
    shown, token = raw_page(page, raw, of_list="list", key=KEY)
    assert [each["id"] for each in shown] == [messages[1].id]
    assert base64.urlsafe_b64decode(shown[0]["raw_mime"]) == mime
    position = message_position(token, of_list="list", key=KEY)
    assert position == Position(received_at=messages[1].received_at, message_id=messages[1].id)


def _change(**values: Any) -> MessageChange:
    return validated(MessageChangeIn, values).to_domain()


def test_categories_come_and_can_be_selected() -> None:
    """They are an addition: a list of names, empty where there are none."""
    shown = wire(MessageOut.from_domain(make_message(categories=("Blue", "Red")), None))
    assert selected(shown, ["categories"])["categories"] == ["Blue", "Red"]
    assert wire(MessageOut.from_domain(make_message(), None))["categories"] == []


def test_categories_may_be_changed() -> None:
    """Nothing named leaves them, an empty list takes them away."""
    assert _change(categories=[" Blue ", "Größe 😀"]).categories == ("Blue", "Größe 😀")
    assert _change(categories=[]).categories == ()
    assert _change(categories=None) == _change() == MessageChange()
    assert len(_change(categories=[f"{n:0255}" for n in range(25)]).categories or ()) == 25


@pytest.mark.parametrize(
    "categories",
    [
        "Blue",
        [1],
        [""],
        ["a\tb"],
        ["a\x85b"],
        ["x" * 256],
        ["Blue", "blue"],
        [str(n) for n in range(26)],
    ],
)
def test_impossible_categories_are_named(categories: Any) -> None:
    """Control characters, too long or too many names, and one of them twice."""
    with pytest.raises(InvalidRequest, match="categories"):
        _change(categories=categories)


def test_a_folder_is_what_it_is_asked_to_be() -> None:
    """Nulls leave things as they are; an empty parent is none."""
    asked = {"name": " Work/2026 ", "parent_id": "Label_1", "background_color": "#16A766"}
    assert validated(FolderIn, asked).to_domain() == FolderChange(
        name="Work/2026", parent_id=FolderId("Label_1"), background_color="#16a766"
    )
    assert validated(FolderIn, {"parent_id": ""}).to_domain() == FolderChange(to_top=True)
    nothing = dict.fromkeys(("name", "parent_id", "background_color", "text_color"))
    assert validated(FolderIn, nothing).to_domain() == FolderChange()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": "\t"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a", "parent_id": "x" * 257}, "parent_id"),
        ({"name": "a", "parent_id": 7}, "parent_id"),
        ({"name": "a", "text_color": "#fff"}, "text_color"),
        ({"name": "a", "background_color": "#16a766\n"}, "background_color"),
    ],
)
def test_an_impossible_folder_is_refused_by_the_part_that_is_wrong(
    asked: dict[str, Any], field: str
) -> None:
    """A new folder needs a name."""
    with pytest.raises(InvalidRequest) as refusal:
        validated(NewFolderIn, asked)
    assert refusal.value.field == field


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


def test_a_folders_token_is_good_for_the_same_part_of_the_tree_only() -> None:
    """A place in one list is none in another."""
    folders = [
        make_folder(id=FolderId("top")),
        *[make_folder(id=FolderId(f"in-{n}"), parent_id=FolderId("top")) for n in range(3)],
    ]
    inside = FolderListQuery(limit=1, parent_id="top")
    _, token = folder_page(ACCOUNT_ID, folders, inside, key=KEY)
    shown, _ = folder_page(
        ACCOUNT_ID, folders, FolderListQuery(parent_id="top", page_token=token), key=KEY
    )
    assert [each["id"] for each in shown] == ["in-1", "in-2"]
    for other in ({}, {"single_level": True}, {"parent_id": "in-1"}):
        with pytest.raises(InvalidRequest) as refusal:
            query = FolderListQuery.model_validate({"page_token": token, **other})
            folder_page(ACCOUNT_ID, folders, query, key=KEY)
        assert refusal.value.field == "page_token"
