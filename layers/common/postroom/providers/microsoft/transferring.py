"""Hands a message's large files over in pieces, and goes on where an earlier process stopped.

    draft made ─► noted ─► each file: upload session ─► noted ─► pieces ─► attached
                                         ▲                         └─ time is up, or no answer:
                                         └─ where does it go on? ◄─┘  later
    all attached ─► (noted: leaving) send ─► sent

Nothing leaves but by the last call, and the same draft can be sent only once; another one is made
only where the first is known to be gone without having been sent.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from postroom.domain.errors import (
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PostroomError,
    Rejected,
    Retryable,
)
from postroom.domain.ids import ProviderMessageId, ProviderThreadId
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage, SentMessage
from postroom.domain.upload import TransferMark, Upload
from postroom.ports import UploadReader
from postroom.providers.answers import text
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import UPLOAD_CHUNK_BYTES, GraphClient
from postroom.providers.microsoft.outgoing import check, upload_of
from postroom.providers.microsoft.sending import MessageSender
from postroom.providers.refusals import ServerFailed, Unanswered

_STATE = "id,conversationId,isDraft"
_ATTEMPTS = 3
"""Of pieces that do not arrive, before they are left to a later call."""

Note = Callable[[TransferMark], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What the next process has to know."""

    draft_id: str
    thread_id: str
    upload_link: str = ""
    """Where the file goes that has begun to be put in."""
    is_leaving: bool = False
    """Somebody may have asked to send the draft."""

    @property
    def sent(self) -> SentMessage:
        """Return what the draft becomes: its id stays."""
        return SentMessage(
            provider_id=ProviderMessageId(self.draft_id),
            provider_thread_id=ProviderThreadId(self.thread_id),
        )


class MessageTransfer:
    """Sends one message from one mailbox, in as many calls as it takes."""

    def __init__(
        self,
        client: GraphClient,
        sender: MessageSender,
        message: OutgoingMessage,
        *,
        files: UploadReader,
        note: Note,
    ) -> None:
        self._client = client
        self._sender = sender
        self._message = message
        self._files = files
        self._note = note

    def go_on(self, noted: TransferMark, *, until: datetime) -> SentMessage | None:
        """Hand over what is left; None when the time is up before that. See Mailbox.transfer."""
        check(self._message)
        mark = _Mark(**json.loads(noted)) if noted else self._begun()
        with self._known_to_be_gone(mark):
            if noted and self._has_left(mark):
                return mark.sent
            with self._discarded_when_refused(mark):
                attached = len(self._sender.files_of(mark.draft_id)) if noted else 0
                for attachment in self._message.attachments[attached:]:
                    if not self._attach(mark, attachment, until):
                        return None
                    attached += 1
                    mark = self._noted(replace(mark, upload_link=""))
                return self._leave(mark)

    def _begun(self) -> _Mark:
        """Make the draft, still without files; whoever died before noting one has left it."""
        for stray in self._sender.drafts_with_id(self._message.message_id):
            self._sender.discard(text(stray.get("id")))
        draft = self._sender.drafted(replace(self._message, attachments=()))
        return self._noted(
            _Mark(draft_id=text(draft.get("id")), thread_id=text(draft.get("conversationId")))
        )

    def _has_left(self, mark: _Mark) -> bool:
        state = self._client.get(paths.message(mark.draft_id), {"$select": _STATE})
        return state.get("isDraft") is False

    @contextmanager
    def _known_to_be_gone(self, mark: _Mark) -> Iterator[None]:
        """Tell what it means that the draft is gone, which may be found at any call.

        Its owner has deleted it, unless somebody may have sent it before: then, perhaps, the mail.
        """
        try:
            yield
        except NotFound as error:
            self._note(TransferMark(""))
            if mark.is_leaving:
                raise OutcomeUnknown("Outlook has neither the draft nor the mail") from error
            raise Retryable("the draft was deleted before it could be sent") from error

    # ── Files ────────────────────────────────────────────────────────────────────────────

    def _attach(self, mark: _Mark, attachment: OutgoingAttachment, until: datetime) -> bool:
        """Put the next file in; False when the time is up before that."""
        upload = attachment.upload
        if self._client.now() >= until:
            return False
        if upload is None:
            self._sender.attach(mark.draft_id, attachment, is_plaintext=self._message.is_plaintext)
            return True
        start = self._client.upload_position(mark.upload_link) if mark.upload_link else None
        if start is None:
            mark, start = self._opened(mark, attachment), 0
        failures, is_whole = 0, False
        while not is_whole:
            if self._client.now() >= until:
                return False
            piece = self._read(upload, start)
            try:
                is_whole = self._client.upload_piece(
                    mark.upload_link, piece, start=start, size_bytes=attachment.size_bytes
                )
                start += len(piece)
            except NotFound as error:
                # An upload that has ended may have attached the file: who goes on counts them.
                raise ServerFailed("Outlook no longer knows the upload") from error
            except (ServerFailed, Unanswered, Rejected) as problem:
                failures += 1
                position = self._client.upload_position(mark.upload_link)
                is_refused = isinstance(problem, Rejected) and position in (None, start)
                if is_refused or position is None or failures == _ATTEMPTS:
                    raise
                start = position
            if start >= attachment.size_bytes and not is_whole:
                raise ServerFailed("Outlook did not finish the upload")
        return True

    def _opened(self, mark: _Mark, attachment: OutgoingAttachment) -> _Mark:
        session = self._client.post(
            paths.message(mark.draft_id, "attachments", "createUploadSession"),
            upload_of(attachment, is_plaintext=self._message.is_plaintext),
        )
        return self._noted(replace(mark, upload_link=text(session.get("uploadUrl"))))

    def _read(self, upload: Upload, start: int) -> bytes:
        try:
            return self._files.read(upload, start=start, length=UPLOAD_CHUNK_BYTES)
        except NotFound as error:
            raise Rejected(
                "An uploaded file is gone, or was replaced after it was ready."
            ) from error

    # ── The end ──────────────────────────────────────────────────────────────────────────

    def _leave(self, mark: _Mark) -> SentMessage:
        mark = self._noted(replace(mark, is_leaving=True))
        try:
            self._sender.leave(mark.draft_id)
        except OutcomeUnknown as doubt:
            if not self._is_seen_to_have_left(mark):
                raise doubt from None
        return mark.sent

    def _is_seen_to_have_left(self, mark: _Mark) -> bool:
        try:
            return self._has_left(mark)
        except PostroomError:
            return False

    @contextmanager
    def _discarded_when_refused(self, mark: _Mark) -> Iterator[None]:
        """Leave no draft behind that nobody will go on with."""
        try:
            yield
        except (Rejected, InvalidRequest):
            self._sender.discard(mark.draft_id)
            self._note(TransferMark(""))
            raise

    def _noted(self, mark: _Mark) -> _Mark:
        self._note(TransferMark(json.dumps(asdict(mark))))
        return mark


def abandon(client: GraphClient, sender: MessageSender, noted: TransferMark) -> None:
    """Delete the draft that a mark names, unless it has left or is gone."""
    mark = _Mark(**json.loads(noted))
    try:
        state = client.get(paths.message(mark.draft_id), {"$select": _STATE})
    except NotFound:
        return
    if state.get("isDraft") is True:
        sender.discard(mark.draft_id)
