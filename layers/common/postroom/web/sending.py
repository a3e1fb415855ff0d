"""Reading what is to be sent, in whichever form the official SDKs chose, and answering."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.message import FullMessage
from postroom.domain.outgoing import OutboxEntry, OutgoingAttachment
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.domain.written_mime import read_written_mime
from postroom.web.bodies import JSON, MULTIPART, json_object, media_type, text_body, validated
from postroom.web.error_kinds import UnsupportedMediaType
from postroom.web.multipart import message_form, mime_form
from postroom.web.resolver import Api
from postroom.web.schemas.fields import unix_seconds
from postroom.web.schemas.people import is_address
from postroom.web.schemas.sending import SendBody, SentOut, WaitingOut
from postroom.web.schemas.writing import RECIPIENTS_LIMIT, SEND_BYTES_LIMIT


def read_send(
    event: APIGatewayProxyEventV2,
) -> tuple[SendBody, tuple[OutgoingAttachment | UploadedFile, ...]]:
    """Return the message and its files. Raises InvalidRequest, TooLarge, UnsupportedMediaType."""
    kind = media_type(event)
    if kind == MULTIPART:
        text, parts = message_form(event)
        body = validated(SendBody, json_object(text, field="message"))
        return body, body.files(parts)
    if kind == JSON:
        body = validated(SendBody, json_object(text_body(event)))
        return body, body.files()
    raise UnsupportedMediaType(f"Send {JSON} or {MULTIPART}.")


def read_mime(event: APIGatewayProxyEventV2) -> SendRequest:
    """Return what came in MIME. Raises InvalidRequest, TooLarge, UnsupportedMediaType."""
    if media_type(event) != MULTIPART:
        raise UnsupportedMediaType(f"Send {MULTIPART} with the message in its part mime.")
    content = mime_form(event)
    if len(content) > SEND_BYTES_LIMIT:
        raise TooLarge(
            f"mime: A request may carry {SEND_BYTES_LIMIT:,} bytes; this one has "
            f"{len(content):,}. Upload large files by attachment-uploads, and send their ids."
        )
    written = read_written_mime(content)
    recipients = (*written.to, *written.cc, *written.bcc)
    if not recipients:
        raise InvalidRequest("Name at least one recipient in To, Cc or Bcc.", field="mime")
    if len(recipients) > RECIPIENTS_LIMIT:
        raise InvalidRequest(
            f"A message has at most {RECIPIENTS_LIMIT} recipients, Cc and Bcc included.",
            field="mime",
        )
    for person in (written.from_, *recipients, *written.reply_to):
        if not is_address(person.email):
            raise InvalidRequest("One of its people has no e-mail address.", field="mime")
    return SendRequest.of_mime(written)


def answer_send(
    app: Api, entry: OutboxEntry, mail: FullMessage, *, replayed: bool, fields: str = "standard"
) -> Response[str]:
    """Answer a send: 200 with the message that has left, 202 with where to follow the other."""
    headers = {"Idempotent-Response": "true"} if replayed else {}
    if entry.sent is None:
        waiting = WaitingOut.from_domain(entry, mail.message)
        return app.item(waiting, status=202, headers=headers, grant_id=entry.account_id)
    shown = SentOut.from_domain(mail.message, mail.content, fields=fields)
    if entry.is_followed:
        send_at = unix_seconds(entry.send_at) if entry.send_at else None
        shown = shown.model_copy(update={"schedule_id": entry.id, "send_at": send_at})
    return app.outcome(shown, headers=headers, grant_id=entry.account_id)
