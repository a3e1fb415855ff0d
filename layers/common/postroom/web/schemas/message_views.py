"""Messages as somebody looks at them."""

from postroom.domain.message import FullMessage
from postroom.domain.shown_pictures import shown_pictures
from postroom.web.mail_html import content_ids, height_hint, is_empty, safe_html, text_parts
from postroom.web.schemas.fields import Output, Query


class PicturesQuery(Query):
    """Whether pictures come along that their senders would see being fetched."""

    remote_pictures: bool = False


class TextPartOut(Output):
    """Lines that are the author's own, or are quoted, a signature or the like."""

    text: str
    is_quoted: bool


class MessageViewOut(Output):
    """A message to look at: `text` where it has no HTML, else `html` and how to frame it."""

    id: str
    grant_id: str
    object: str = "message_view"
    text: list[TextPartOut] | None = None
    html: str | None = None
    """Safe, with remote pictures where they were asked for, inline ones by their `cid:`.

    To quote and to pass on: whoever gets it decides on its pictures.
    """
    has_remote_pictures: bool = False
    has_inline_pictures: bool = False
    height_hint: int | None = None
    """About how many pixels the frame wants to be high."""
    shown_attachment_ids: list[str]
    """Those that the frame shows where it can have them; its document names those that it has."""

    @classmethod
    def from_domain(cls, mail: FullMessage, *, with_remote: bool) -> "MessageViewOut":
        """Render a message's content."""
        message, content = mail.message, mail.content
        inline = content_ids(content.html)
        with_places = safe_html(
            content.html, pictures=dict.fromkeys(inline, "data:,"), with_remote=False
        )
        if is_empty(with_places.html):
            parts = text_parts(content.text)
            return cls(
                id=message.id,
                grant_id=message.account_id,
                text=[TextPartOut(text=each.text, is_quoted=each.is_quoted) for each in parts],
                shown_attachment_ids=[],
            )
        there = inline & {each.content_id for each in message.attachments}
        safe = safe_html(
            content.html, pictures={each: f"cid:{each}" for each in there}, with_remote=with_remote
        )
        return cls(
            id=message.id,
            grant_id=message.account_id,
            html=safe.html,
            has_remote_pictures=safe.has_remote_pictures,
            has_inline_pictures=bool(inline),
            height_hint=height_hint(with_places.html),
            shown_attachment_ids=[
                each.id for each in shown_pictures(message, safe.shown_content_ids)
            ],
        )
