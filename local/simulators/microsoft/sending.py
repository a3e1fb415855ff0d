"""Drafts made, answered from, and sent.

    POST messages ─┐
    createReply… ──┼─▶ draft ─▶ PATCH, attachments … ─▶ send ─▶ Sent Items, and each recipient
    sendMail ──────┴──────────────────────────────────────────────▲ (no draft in between)

https://learn.microsoft.com/en-us/graph/outlook-create-send-messages
"""

import html
import re
from dataclasses import replace
from email.utils import format_datetime
from typing import Final

from werkzeug import Response

from local.simulators import mime
from local.simulators.microsoft import drafts
from local.simulators.microsoft.compose import address_field
from local.simulators.microsoft.content import Content, Person, html_of_text
from local.simulators.microsoft.errors import GraphError, invalid, invalid_argument
from local.simulators.microsoft.graph_call import (
    Answer,
    GraphCall,
    Json,
    accepted,
    created,
    parameter,
)
from local.simulators.microsoft.message_endpoints import (
    FLAG_PROPERTIES,
    checked_flags,
    message_of,
    rendered,
    set_flags,
)
from local.simulators.microsoft.rendering import moment
from local.simulators.microsoft.stored_message import StoredMessage

_PREFIX = re.compile(r"^\s*((re|fw|fwd)\s*:\s*)+", re.I)
_BODY = re.compile(r"<body\b[^>]*>(.*)</body\s*>", re.I | re.S)
_NOT_CONTENT: Final = FLAG_PROPERTIES | {"attachments"}


def create_message(call: GraphCall) -> Response:
    """`POST …/messages`: a draft, from JSON or from MIME."""
    folder = call.mailbox.folder(call.path.get("folder") or "drafts")
    said: bytes | Content
    body: Json = {}
    if _is_mime(call):
        said = _with_message_id(drafts.mime_of(call.content()))
    else:
        body = call.json()
        said = _content_of(body)
    flags = checked_flags(body, call.now_ms)
    message = call.mailbox.add(said, folder, call.now_ms, is_read=True, is_draft=True)
    set_flags(call, message, flags)
    return created(rendered(call, message))


def replace_mime(call: GraphCall) -> Json:
    """`PUT …/messages/{id}/$value`: a draft written anew as MIME."""
    message = message_of(call)
    if not message.is_draft:
        raise GraphError(400, "ErrorInvalidOperation", "Only drafts can be replaced.")
    message.replace(_with_message_id(drafts.mime_of(call.content())))
    call.mailbox.reindex(message)
    call.mailbox.changed(message, call.now_ms)
    return rendered(call, message)


def send_draft(call: GraphCall) -> Response:
    """`POST …/messages/{id}/send`."""
    message = message_of(call)
    if not message.is_draft:
        raise GraphError(400, "ErrorInvalidOperation", "The message is not a draft.")
    _send_draft(call, message)
    return accepted()


def send_mail(call: GraphCall) -> Response:
    """`POST …/sendMail`: JSON or MIME, without a draft; the answer has no id."""
    if _is_mime(call):
        said: bytes | Content = _with_message_id(drafts.mime_of(call.content()))
        keep = True
    else:
        body = call.json()
        resource = parameter(body, "message")
        if not isinstance(resource, dict):
            raise invalid("The message is missing.")
        said = _content_of(resource)
        keep = parameter(body, "saveToSentItems") is not False
    drafts_folder = call.mailbox.folder("drafts")
    announced = len(call.mailbox.notices)
    message = call.mailbox.add(said, drafts_folder, call.now_ms, is_read=True, is_draft=True)
    try:
        _send_draft(call, message)
    except GraphError:
        call.mailbox.remove(message)
        del call.mailbox.notices[announced:]
        raise
    if not keep:
        call.mailbox.remove(message)
    return accepted()


def create_reply(call: GraphCall) -> Response:
    """`POST …/messages/{id}/createReply`."""
    return created(rendered(call, _answer(call, "reply")))


def create_reply_all(call: GraphCall) -> Response:
    """`POST …/messages/{id}/createReplyAll`."""
    return created(rendered(call, _answer(call, "reply_all")))


def create_forward(call: GraphCall) -> Response:
    """`POST …/messages/{id}/createForward`: attachments go along."""
    return created(rendered(call, _answer(call, "forward")))


def reply(call: GraphCall) -> Answer:
    """`POST …/messages/{id}/reply`: sent at once."""
    return _answer_at_once(call, "reply")


def reply_all(call: GraphCall) -> Answer:
    """`POST …/messages/{id}/replyAll`: sent at once."""
    return _answer_at_once(call, "reply_all")


def forward(call: GraphCall) -> Answer:
    """`POST …/messages/{id}/forward`: sent at once."""
    return _answer_at_once(call, "forward")


def _is_mime(call: GraphCall) -> bool:
    return call.request.mimetype == "text/plain"


def _with_message_id(raw: bytes) -> bytes:
    headers, _ = mime.split_headers(raw)
    if mime.message_ids(mime.first_header(headers, "Message-ID")):
        return raw
    return mime.rewrite_headers(raw, put=[("Message-ID", drafts.new_internet_message_id())])


def _content_of(body: Json) -> Content:
    """Return the content of a message resource; raises a 400 or 413 GraphError."""
    content = Content(body_type="text", internet_message_id=drafts.new_internet_message_id())
    drafts.write(content, {n: v for n, v in body.items() if n not in _NOT_CONTENT})
    attachments = body.get("attachments") or []
    if not isinstance(attachments, list):
        raise invalid("attachments must be a list.")
    for each in attachments:
        content.attach(drafts.attachment_of(each))
    if str(body.get("importance") or "").lower() in {"low", "high"}:
        content.importance = str(body["importance"]).lower()
    return content


# --- sending


def _send_draft(call: GraphCall, message: StoredMessage) -> None:
    """Check a draft, move it to Sent Items, and deliver it; raises a 400 or 403 GraphError."""
    free_at = call.settings.sending_free_at
    if free_at is not None and call.now_ms < free_at * 1000:
        raise GraphError(
            429, "ErrorExceededMessageLimit", "The message limit for this mailbox was exceeded."
        )
    content = message.content
    recipients = [*content.to, *content.cc, *content.bcc]
    if not recipients or any("@" not in person.address for person in recipients):
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    _check_author(call, content)
    if message.written is not None:
        message.rewrite(_completed_content(call, message))
    else:
        message.replace(_completed(call, message.mime()))
    call.mailbox.mark_sent(message, call.now_ms)
    raw = mime.rewrite_headers(message.mime(), remove=["Bcc"])
    _deliver(call, raw, [person.address for person in recipients])


def _check_author(call: GraphCall, content: Content) -> None:
    for person in (content.author, content.sender):
        if person is not None and person.address.lower() not in call.mailbox.addresses:
            raise GraphError(
                403,
                "ErrorSendAsDenied",
                "The user account which was used to submit this request does not have the right "
                "to send mail on behalf of the specified sending account.",
            )


def _own(call: GraphCall) -> Person:
    return Person(call.mailbox.name or call.mailbox.address, call.mailbox.address)


def _completed_content(call: GraphCall, message: StoredMessage) -> Content:
    """Return what a draft says, with its author and the time of sending."""
    content = message.content
    author = content.author or _own(call)
    if author.name in {"", author.address}:
        author = Person(call.mailbox.name or author.address, author.address)
    return replace(
        content,
        author=author,
        sender=content.sender or author,
        sent_ms=call.now_ms,
        importance=message.importance,
    )


def _completed(call: GraphCall, raw: bytes) -> bytes:
    """Put the author and the date into MIME where they are missing."""
    headers, _ = mime.split_headers(raw)
    put = []
    if not mime.first_header(headers, "From"):
        put.append(("From", address_field([_own(call)])))
    if not mime.first_header(headers, "Date"):
        put.append(("Date", format_datetime(call.clock.now())))
    return mime.rewrite_headers(raw, put=put) if put else raw


def _deliver(call: GraphCall, raw: bytes, recipients: list[str]) -> None:
    """Give each mailbox one copy, whichever of its addresses were named."""
    reached = set()
    for address in dict.fromkeys(address.lower() for address in recipients):
        mailbox = call.find_mailbox(address)
        if mailbox is None or not mailbox.mail_enabled:
            if mailbox is None:
                call.parting_letters.append((address, raw))
            continue
        if mailbox.address not in reached:
            reached.add(mailbox.address)
            mailbox.add(raw, mailbox.folder("inbox"), call.now_ms)


# --- answers


def _answer_at_once(call: GraphCall, kind: str) -> Response:
    announced = len(call.mailbox.notices)
    draft = _answer(call, kind)
    try:
        _send_draft(call, draft)
    except GraphError:
        call.mailbox.remove(draft)
        del call.mailbox.notices[announced:]
        raise
    return accepted()


def _answer(call: GraphCall, kind: str) -> StoredMessage:
    """Make the draft of an answer in the conversation; raises a 400 GraphError."""
    original = message_of(call)
    body = call.json()
    given = parameter(body, "message") or {}
    comment = parameter(body, "comment") or ""
    if not isinstance(given, dict) or not isinstance(comment, str):
        raise invalid("message must be a message, and comment a text.")
    if original.is_draft:
        raise GraphError(400, "ErrorInvalidReferenceItem", "A draft cannot be answered.")
    if comment and "body" in given:
        raise invalid_argument("Specify either comment or the message's body, not both.")
    content = _answer_content(call, original, kind, comment)
    if kind == "forward":
        content.to = drafts.people_of(parameter(body, "toRecipients"))
    drafts.write(content, {n: v for n, v in given.items() if n not in _NOT_CONTENT})
    flags = checked_flags(given, call.now_ms)
    draft = call.mailbox.add(
        content,
        call.mailbox.folder("drafts"),
        call.now_ms,
        is_read=True,
        is_draft=True,
        conversation_id=original.conversation_id
        if mime.subject_key(content.subject) == original.subject_key
        else None,
    )
    set_flags(call, draft, flags)
    return draft


def _answer_content(call: GraphCall, original: StoredMessage, kind: str, comment: str) -> Content:
    said = original.content
    prefix = "FW: " if kind == "forward" else "RE: "
    content = Content(
        subject=prefix + _PREFIX.sub("", said.subject),
        author=_own(call),
        sender=_own(call),
        body=_quoted(said, comment),
        headers=_references(original),
        internet_message_id=drafts.new_internet_message_id(),
    )
    if kind != "forward":
        content.to = list(said.reply_to or ([said.author] if said.author else []))
    if kind == "reply_all":
        own = call.mailbox.addresses | {person.address.lower() for person in content.to}
        content.to += [person for person in said.to if person.address.lower() not in own]
        own |= {person.address.lower() for person in content.to}
        content.cc = [person for person in said.cc if person.address.lower() not in own]
    for attachment in said.attachments:
        if kind == "forward" or attachment.is_inline:
            content.attach(replace(attachment))
    return content


def _references(original: StoredMessage) -> list[tuple[str, str]]:
    answered = mime.message_ids(original.internet_message_id)
    if not answered:
        return []
    before = mime.message_ids(mime.first_header(original.content.headers, "References"))
    if not before:
        before = mime.message_ids(mime.first_header(original.content.headers, "In-Reply-To"))
    chain = [each for each in before if each != answered[0]] + answered[:1]
    return [("In-Reply-To", answered[0]), ("References", " ".join(chain))]


def _quoted(said: Content, comment: str) -> str:
    """Return the page of an answer: the comment, a line, and what is answered."""
    page = said.body if said.body_type == "html" else html_of_text(said.body)
    inner = _BODY.search(page)
    rows = [("From", _shown([said.author] if said.author else []))]
    if said.sent_ms is not None:
        rows.append(("Sent", moment(said.sent_ms)))
    rows += [("To", _shown(said.to)), ("Cc", _shown(said.cc)), ("Subject", said.subject)]
    head = "<br>".join(f"<b>{name}:</b> {html.escape(text)}" for name, text in rows if text)
    first = html.escape(comment, quote=False).replace("\n", "<br>")
    return (
        '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
        f'</head><body><div>{first}</div>\r\n<hr><div id="divRplyFwdMsg" dir="ltr">{head}</div>'
        f"<br>\r\n{inner[1] if inner else page}</body></html>"
    )


def _shown(people: list[Person]) -> str:
    return "; ".join(f"{person.name} <{person.address}>" for person in people)
