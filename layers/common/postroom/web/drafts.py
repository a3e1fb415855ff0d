"""Reading what is to be written into a draft, and pages of drafts."""

from collections.abc import Sequence

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.message import MessagePage, Position
from postroom.domain.outgoing import OutgoingAttachment
from postroom.web.bodies import JSON, MULTIPART, json_object, media_type, text_body, validated
from postroom.web.error_kinds import UnsupportedMediaType
from postroom.web.message_pages import Shown, message_page
from postroom.web.multipart import message_form
from postroom.web.schemas.drafts import DraftIn, DraftListQuery

_PARTS = ("message", "draft")
"""The official SDKs call the part of the form `message`, the contract's document `draft`."""


def read_draft_body(
    event: APIGatewayProxyEventV2,
) -> tuple[DraftIn, tuple[OutgoingAttachment, ...] | None]:
    """Return the draft and its files, None when none is named.

    Raises InvalidRequest, TooLarge, UnsupportedMediaType.
    """
    kind = media_type(event)
    if kind == MULTIPART:
        text, parts = message_form(event, named=_PARTS)
        body = validated(DraftIn, json_object(text, field="message"))
        return body, body.files(parts)
    if kind == JSON:
        body = validated(DraftIn, json_object(text_body(event)))
        return body, body.files(())
    raise UnsupportedMediaType(f"Send {JSON} or {MULTIPART}.")


def draft_page(
    page: MessagePage[Position], query: DraftListQuery, *, of_list: str, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return the drafts of a page that fit, and the token of the next page."""
    shown, next_cursor = message_page(page, query, of_list=of_list, key=key)
    drafts = [
        {**each, "id": message.draft_id, "object": "draft"}
        for each, message in zip(shown, page.messages, strict=False)
    ]
    return drafts, next_cursor
