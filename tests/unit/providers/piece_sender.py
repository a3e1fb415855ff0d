"""Somebody who hands a message with a film over to a scripted provider, piece by piece."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage, SentMessage
from postroom.domain.upload import TransferMark, Upload, UploadId
from postroom.ports import Mailbox
from tests.builders import ACCOUNT_ID, NOW, make_outgoing_message
from tests.fakes import FixedClock, InMemoryUploadStore


class PieceSender:
    """Makes the calls of a worker; `noted` is what it would have kept."""

    def __init__(self, mailbox: Mailbox, clock: FixedClock, film: bytes, **changes: Any) -> None:
        self._mailbox = mailbox
        self._clock = clock
        self._files = InMemoryUploadStore(clock)
        upload = Upload(
            id=UploadId("film"),
            account_id=ACCOUNT_ID,
            filename="film.mp4",
            content_type="video/mp4",
            size_bytes=len(film),
            expires_at=NOW + timedelta(days=1),
        )
        self._files.put(self._files.offer(upload).url, film)
        there = self._files.arrived(upload)
        assert there is not None
        file = OutgoingAttachment(
            filename="film.mp4",
            content_type="video/mp4",
            upload=replace(upload, revision=there.revision),
        )
        self._message: OutgoingMessage = make_outgoing_message(attachments=(file,), **changes)
        self.noted: list[TransferMark] = []

    def send(self, mark: str = "") -> SentMessage | None:
        """Make one call."""
        return self._mailbox.transfer(
            self._message,
            files=self._files,
            mark=TransferMark(mark),
            note=self.noted.append,
            until=self._clock.now() + timedelta(minutes=1),
        )
