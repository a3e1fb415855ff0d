"""Hands a message over in pieces, and goes on where an earlier process stopped.

    upload begun ─► noted ─► piece ─► piece ─► … ─► (noted: the last) the last piece ─► sent
                      ▲        └─ no answer: ask how much has come ─┐
                      └───────────── another process: asks ─────────┴─► goes on there, or: sent

Gmail sends what it has when the last piece has come, and only then; an upload takes it once. So
whoever goes on with the same upload never sends a second mail. Begun anew is only what cannot have
been sent: an upload that Gmail no longer knows, and whose last piece nobody has handed over.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from postroom.domain.errors import NotFound, OutcomeUnknown, ProviderError, Rejected
from postroom.domain.mime_stream import MimeStream, streamed
from postroom.domain.outgoing import OutgoingMessage
from postroom.domain.upload import TransferMark, Upload
from postroom.ports import Clock, UploadReader
from postroom.providers.google.client import GmailClient, UploadProgress
from postroom.providers.google.send_as import SendAsAddresses
from postroom.providers.google.types import GmailMessage
from postroom.providers.message_limits import GMAIL
from postroom.providers.refusals import ServerFailed

PIECE_BYTES = 16 * 256 * 1024
"""Of each piece but the last; a multiple of 256 KiB, as Gmail wants it."""

_ATTEMPTS = 3
"""Of a piece that does not arrive, before it is left to a later call."""

Note = Callable[[TransferMark], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What the next process has to know."""

    link: str
    size_bytes: int
    threaded: bool
    is_last: bool = False
    """The last piece has been handed over, perhaps."""

    def noted(self) -> TransferMark:
        """Return it as it is kept."""
        return TransferMark(json.dumps(asdict(self)))


class MessageTransfer:
    """Sends one message from one mailbox, in as many calls as it takes."""

    def __init__(
        self,
        client: GmailClient,
        clock: Clock,
        message: OutgoingMessage,
        *,
        send_as: SendAsAddresses,
        files: UploadReader,
        note: Note,
    ) -> None:
        self._client = client
        self._clock = clock
        self._message = message
        self._send_as = send_as
        self._files = files
        self._note = note
        self._mime: MimeStream = streamed(message)
        self._size = self._mime.size_bytes

    def go_on(self, noted: TransferMark, *, until: datetime) -> GmailMessage | None:
        """Hand over what is left; None when the time is up before that. See Mailbox.transfer."""
        if self._size > GMAIL.message_bytes:
            raise Rejected(f"The message has {self._size:,} bytes. {GMAIL.sentence()}")
        mark, progress = self._taken_up(noted)
        if self._message.from_alias and progress.done is None and not mark.is_last:
            # Later, a refusal would be said of what Gmail may have sent.
            self._send_as.check(self._message.from_)
        while progress.done is None:
            if self._clock.now() >= until:
                if mark.is_last:
                    raise OutcomeUnknown("Gmail may have the last piece")
                return None
            mark, progress = self._next(mark, progress.received_bytes)
        done: GmailMessage = progress.done
        return done

    def _taken_up(self, noted: TransferMark) -> tuple[_Mark, UploadProgress]:
        if not noted:
            return self._begun(threaded=self._thread_id is not None)
        mark = _Mark(**json.loads(noted))
        try:
            progress = self._client.upload_progress(mark.link, size_bytes=mark.size_bytes)
        except NotFound as error:
            self._note(TransferMark(""))
            if mark.is_last:
                raise OutcomeUnknown("Gmail no longer knows what became of the upload") from error
            return self._begun(threaded=mark.threaded)
        except ProviderError as error:
            if mark.is_last:
                raise OutcomeUnknown("Gmail does not say what became of the upload") from error
            raise
        if progress.done is None and mark.size_bytes != self._size:  # by another version of ours
            if mark.is_last:
                self._note(TransferMark(""))
                raise OutcomeUnknown("Gmail may have the last piece of an upload of another size")
            return self._begun(threaded=mark.threaded)
        return mark, progress

    def _begun(self, *, threaded: bool) -> tuple[_Mark, UploadProgress]:
        fields = {"threadId": self._thread_id} if threaded else {}
        try:
            link = self._client.begin_upload("messages/send", fields, size_bytes=self._size)
        except NotFound:
            if not threaded:
                raise Rejected("Gmail refuses to send the message") from None
            return self._begun(threaded=False)
        mark = _Mark(link=link, size_bytes=self._size, threaded=threaded)
        self._note(mark.noted())
        return mark, UploadProgress()

    def _next(self, mark: _Mark, start: int) -> tuple[_Mark, UploadProgress]:
        """Hand over the next piece, and say how much has come."""
        piece, handed_over_before = self._piece(start), mark.is_last
        if start + len(piece) == self._size and not mark.is_last:
            mark = replace(mark, is_last=True)
            self._note(mark.noted())
        for _ in range(_ATTEMPTS):
            try:
                return mark, self._client.upload_piece(
                    mark.link, piece, start=start, size_bytes=self._size
                )
            except NotFound as error:
                if handed_over_before:
                    self._note(TransferMark(""))
                    raise OutcomeUnknown(
                        "Gmail no longer knows what became of the upload"
                    ) from error
                # Gmail knew the upload a moment ago: it is the thread that it does not find.
                if not mark.threaded:
                    raise Rejected("Gmail refuses to send the message") from None
                return self._begun(threaded=False)
            except OutcomeUnknown:
                progress, handed_over_before = self._asked(mark), mark.is_last
            if progress.done is not None or progress.received_bytes != start:
                return mark, progress
        if mark.is_last:
            raise OutcomeUnknown("Gmail does not take the message")
        raise ServerFailed("Gmail does not take the message")

    def _asked(self, mark: _Mark) -> UploadProgress:
        """Ask what has come, when the answer to a piece was lost."""
        try:
            return self._client.upload_progress(mark.link, size_bytes=self._size)
        except NotFound as error:
            self._note(TransferMark(""))
            if mark.is_last:
                raise OutcomeUnknown("Gmail no longer knows what became of the upload") from error
            raise ServerFailed("Gmail no longer knows the upload") from error
        except ProviderError as error:
            if mark.is_last:
                raise OutcomeUnknown("Gmail does not say what became of the upload") from error
            raise

    def _piece(self, start: int) -> bytes:
        try:
            return self._mime.read(start, PIECE_BYTES, self._read)
        except NotFound as error:
            raise Rejected(
                "An uploaded file is gone, or was replaced after it was ready."
            ) from error

    def _read(self, upload: Upload, start: int, length: int) -> bytes:
        return self._files.read(upload, start=start, length=length)

    @property
    def _thread_id(self) -> str | None:
        return self._message.answered.provider_thread_id if self._message.answered else None
