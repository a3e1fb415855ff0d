"""Reading what is to be sent, in whichever form the official SDKs chose."""

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.outgoing import OutgoingAttachment
from postroom.web.bodies import JSON, MULTIPART, json_object, media_type, text_body, validated
from postroom.web.errors import UnsupportedMediaType
from postroom.web.multipart import message_form
from postroom.web.schemas.sending import SendBody


def read_send(event: APIGatewayProxyEventV2) -> tuple[SendBody, tuple[OutgoingAttachment, ...]]:
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
