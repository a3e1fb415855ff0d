"""Microsoft's own client against the simulator: nothing but the base address is changed."""

from typing import Any

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.attachment_item import AttachmentItem
from msgraph.generated.models.attachment_type import AttachmentType
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.file_attachment import FileAttachment
from msgraph.generated.models.followup_flag import FollowupFlag
from msgraph.generated.models.followup_flag_status import FollowupFlagStatus
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.users.item.messages.item.attachments.create_upload_session.create_upload_session_post_request_body import (  # noqa: E501
    CreateUploadSessionPostRequestBody,
)
from msgraph.generated.users.item.messages.item.create_reply.create_reply_post_request_body import (
    CreateReplyPostRequestBody,
)
from msgraph.generated.users.item.messages.item.move.move_post_request_body import (
    MovePostRequestBody,
)
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from tests.simulators.conftest import FRIEND, OWNER, WITHOUT_TLS, Control
from tests.simulators.letters import letter, letter_with_everything

IMMUTABLE = 'IdType="ImmutableId"'


def wishing(*preferences: str) -> Any:
    """Return a configuration with Prefer headers."""
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    for preference in preferences or (IMMUTABLE,):
        configuration.headers.add("Prefer", preference)
    return configuration


def to(address: str) -> list[Recipient]:
    return [Recipient(email_address=EmailAddress(address=address))]


async def followed(builder: Any, *preferences: str) -> tuple[list[Any], str]:
    """Return all items of a delta, page by page, and its deltaLink."""
    page = await builder.get(wishing(*preferences))
    items = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get(wishing(*preferences))
        items += page.value
    return items, page.odata_delta_link


def test_deltas_of_folders_and_messages(served: Control, with_sdk: Any) -> None:
    """Folders, then the inbox page by page to the deltaLink; a message that moves is removed."""
    delivered = [served.deliver(OWNER, letter(f"Number {n}")) for n in range(7)]

    async def work(client: Any) -> None:
        folders, _ = await followed(client.me.mail_folders.delta)
        by_name = {folder.display_name: folder for folder in folders}
        assert (by_name["Inbox"].total_item_count, by_name["Inbox"].unread_item_count) == (7, 7)

        delta = client.me.mail_folders.by_mail_folder_id(by_name["Inbox"].id).messages.delta
        items, link = await followed(delta, IMMUTABLE, "odata.maxpagesize=3")
        assert sorted(item.id for item in items) == sorted(delivered)
        assert items[0].body.content_type is BodyType.Html

        message = client.me.messages.by_message_id(delivered[2])
        await message.move.post(MovePostRequestBody(destination_id="archive"), wishing())
        flag = FollowupFlag(flag_status=FollowupFlagStatus.Flagged)
        await client.me.messages.by_message_id(delivered[3]).patch(Message(flag=flag), wishing())
        changed, _ = await followed(delta.with_url(link))
        by_id = {item.id: item for item in changed}
        assert by_id.keys() == {delivered[2], delivered[3]}
        assert by_id[delivered[2]].additional_data["@removed"] == {"reason": "deleted"}
        assert by_id[delivered[3]].flag.flag_status is FollowupFlagStatus.Flagged
        assert by_id[delivered[3]].subject is None

    with_sdk(work)


def test_drafts_replies_and_sending(served: Control, with_sdk: Any) -> None:
    """A draft keeps its id when it is sent; a reply stays in the conversation of both sides."""

    async def work(client: Any) -> None:
        body = ItemBody(content_type=BodyType.Html, content="<p>Tea?</p>")
        draft = await client.me.messages.post(
            Message(subject="Tea", body=body, to_recipients=to(FRIEND)), wishing()
        )
        await client.me.messages.by_message_id(draft.id).send.post()
        sent = await client.me.messages.by_message_id(draft.id).get(wishing())
        assert (sent.is_draft, sent.internet_message_id) == (False, draft.internet_message_id)

        served.deliver(OWNER, letter("Re: Tea", answers=draft.internet_message_id))
        page = await client.me.mail_folders.by_mail_folder_id("inbox").messages.get(wishing())
        reply = await client.me.messages.by_message_id(page.value[0].id).create_reply.post(
            CreateReplyPostRequestBody(), wishing()
        )
        assert reply.subject == "RE: Tea"
        assert reply.conversation_id == page.value[0].conversation_id == sent.conversation_id
        await client.me.messages.by_message_id(reply.id).send.post()

    with_sdk(work)
    truth = served.get(f"mailboxes/{FRIEND}")["messages"]
    assert [message["subject"] for message in truth] == ["RE: Tea", "Tea"]


def test_upload_session(served: Control, with_sdk: Any) -> None:
    """A large file goes up in parts, to an address that takes no token."""
    content, part = bytes(range(256)) * 16_384, 3 * 1024 * 1024

    async def work(client: Any) -> Any:
        draft = await client.me.messages.post(
            Message(subject="Large", to_recipients=to(FRIEND)), wishing()
        )
        item = AttachmentItem(
            attachment_type=AttachmentType.File, name="large.bin", size=len(content)
        )
        message = client.me.messages.by_message_id(draft.id)
        session = await message.attachments.create_upload_session.post(
            CreateUploadSessionPostRequestBody(attachment_item=item)
        )
        # The client's own LargeFileUploadTask cannot read Outlook's open ranges.
        async with httpx.AsyncClient(verify=WITHOUT_TLS) as http:
            for start in range(0, len(content), part):
                some = content[start : start + part]
                reach = f"bytes {start}-{start + len(some) - 1}/{len(content)}"
                answer = await http.put(
                    session.upload_url, content=some, headers={"Content-Range": reach}
                )
                assert answer.is_success, answer.text
        assert answer.status_code == 201
        return await message.attachments.get(wishing())

    attachments = with_sdk(work)
    assert [(each.name, each.size) for each in attachments.value] == [("large.bin", len(content))]
    assert attachments.value[0].content_bytes


def test_a_message_and_its_attachments(served: Control, with_sdk: Any) -> None:
    """Raw MIME is what was delivered; attachments come as files, with their bytes."""
    raw = letter_with_everything()
    message_id = served.deliver(OWNER, raw)

    async def work(client: Any) -> tuple[bytes, list[Any], bytes]:
        message = client.me.messages.by_message_id(message_id)
        files = (await message.attachments.get(wishing())).value
        one = message.attachments.by_attachment_id(files[1].id)
        return await message.content.get(), files, (await one.get(wishing())).content_bytes

    mime, files, content = with_sdk(work)
    assert mime == raw
    assert [(file.name, file.is_inline) for file in files] == [
        ("ATT00001", True),
        ("großes bild.png", False),
        ("table.csv", False),
    ]
    assert isinstance(files[0], FileAttachment)
    assert files[0].content_id == "logo"
    assert content


def test_a_batch_of_twenty(served: Control, with_sdk: Any) -> None:
    """Each part has its own status; the client reads no more of JSON answers than that."""
    ids = [served.deliver(OWNER, letter(f"Number {number}")) for number in range(19)]

    async def work(client: Any) -> Any:
        content = BatchRequestContent()
        for number, message_id in enumerate([*ids, "gone"]):
            request = client.me.messages.by_message_id(message_id).to_get_request_information(
                wishing()
            )
            content.add_request(None, BatchRequestItem(request, id=str(number)))
        return await client.batch.post(content)

    answers = with_sdk(work)
    statuses = answers.get_response_status_codes()
    assert statuses == {**{str(n): 200 for n in range(19)}, "19": 404}


def test_errors_are_the_clients_errors(served: Control, with_sdk: Any) -> None:
    """The client reads Graph's error body."""

    async def work(client: Any) -> None:
        await client.me.messages.by_message_id("no-such").get()

    with pytest.raises(ODataError) as failure:
        with_sdk(work)
    assert failure.value.response_status_code == 404
    assert failure.value.error.code == "ErrorItemNotFound"
