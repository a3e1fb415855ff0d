"""A message to send, as JSON or as the `message` part of a form, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from postroom.domain.errors import InvalidRequest
from postroom.domain.message import Message
from postroom.domain.outgoing import OutboxEntry, OutgoingAttachment, SendState
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.web.error_kinds import type_of_consequence
from postroom.web.multipart import Part
from postroom.web.schemas.fields import Flag, Output, Query, UnixTimeNumber, unix_seconds
from postroom.web.schemas.messages import Fields, MessageOut
from postroom.web.schemas.people import PersonOut, people
from postroom.web.schemas.writing import WritingIn, sent_files_of

IDEMPOTENCY_KEY_LENGTH = 256


class SendBody(WritingIn):
    """What an author asks to send."""

    starred: Flag | None = None
    """Of drafts, whose fields both SDKs take for those of sends: what leaves has no star."""
    send_at: UnixTimeNumber | None = None
    use_draft: Flag | None = None
    """Whether the provider's own draft is sent. How a message leaves at once is the provider's
    matter, and the same for who gets it; together with `send_at` it is refused."""

    @model_validator(mode="after")
    def _check(self) -> "SendBody":
        if self.recipients() == 0:
            raise InvalidRequest("Name at least one recipient.", field="to")
        if self.use_draft and self.send_at is not None:
            raise InvalidRequest(
                "A message that waits for its time is kept by Postroom, and stands among nobody's "
                "drafts: leave this out, or make a draft and send that when it is time.",
                field="use_draft",
            )
        return self

    def files(self, parts: Sequence[Part] = ()) -> tuple[OutgoingAttachment | UploadedFile, ...]:
        """Return all files, those of the form last. Raises TooLarge, InvalidRequest."""
        return sent_files_of(self.attachments, parts, body=self.body)


class SendQuery(Query):
    """How the message comes, and how it is shown in the answer."""

    type: Literal["json", "mime"] | None = None
    fields: Fields = "standard"


class SentOut(MessageOut):
    """A message that has left; `schedule_id` and `send_at` if it had waited for its time."""

    schedule_id: str | None = None
    send_at: int | None = None


class WaitingOut(Output):
    """A message on its way: what becomes of it stands under the schedule. It has no id yet."""

    grant_id: str
    object: str = "message"
    schedule_id: str
    send_at: int | None
    subject: str
    from_: list[PersonOut] = Field(serialization_alias="from")
    to: list[PersonOut]
    cc: list[PersonOut]
    bcc: list[PersonOut]
    reply_to: list[PersonOut]

    @classmethod
    def from_domain(cls, entry: OutboxEntry, message: Message) -> "WaitingOut":
        """Render what was asked to send."""
        return cls(
            grant_id=entry.account_id,
            schedule_id=entry.id,
            send_at=unix_seconds(entry.send_at) if entry.send_at else None,
            subject=message.subject,
            from_=people(message.from_),
            to=people(message.to),
            cc=people(message.cc),
            bcc=people(message.bcc),
            reply_to=people(message.reply_to),
        )


_STATUSES: Mapping[SendState, tuple[str, str]] = {
    SendState.QUEUED: ("pending", "schedule send awaiting send at time"),
    SendState.SENDING: ("sending", "schedule send is being sent"),
    SendState.SENT: ("success", "schedule send succeeded"),
    SendState.REJECTED: ("failed", "schedule send failed"),
    SendState.UNKNOWN: ("unknown", "the provider is asked whether it was sent"),
    SendState.CANCELLED: ("cancelled", "schedule send was cancelled"),
}
"""Code and description; where something went wrong, its reason is the description."""


class ScheduleStatusOut(Output):
    """`code`: `pending`, `sending`, `success`, `failed`, `unknown` or `cancelled`."""

    code: str
    description: str
    error_type: str | None
    """The `error.type` of what went wrong."""


class ScheduleOut(Output):
    """What becomes of a send that was not done at once. Times are Unix seconds."""

    schedule_id: str
    status: ScheduleStatusOut
    send_at: int | None
    close_time: int | None

    @classmethod
    def from_domain(cls, entry: OutboxEntry) -> "ScheduleOut":
        """Render a send that is followed."""
        code, description = _STATUSES[entry.state]
        return cls(
            schedule_id=entry.id,
            status=ScheduleStatusOut(
                code=code,
                description=entry.error or description,
                error_type=type_of_consequence(entry.consequence) if entry.error else None,
            ),
            send_at=unix_seconds(entry.send_at) if entry.send_at else None,
            close_time=unix_seconds(entry.closed_at) if entry.closed_at else None,
        )


class ScheduleStoppedOut(Output):
    """That a send was called back; the words are the contract's."""

    message: str = "requested cancelation for workflow"


def send_request(
    body: SendBody, files: tuple[OutgoingAttachment | UploadedFile, ...]
) -> SendRequest:
    """Return what is asked to send."""
    metadata = tuple(sorted((body.metadata or {}).items()))
    return replace(body.to_request(files), send_at=body.send_at, metadata=metadata)


def idempotency_key(header: str) -> str:
    """Check the Idempotency-Key header; an empty one is none. Raises InvalidRequest."""
    key = header.strip()
    if len(key) > IDEMPOTENCY_KEY_LENGTH or not (key.isascii() and (key.isprintable() or not key)):
        raise InvalidRequest(
            f"Use at most {IDEMPOTENCY_KEY_LENGTH} printable ASCII characters.",
            field="Idempotency-Key",
        )
    return key
