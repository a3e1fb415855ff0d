"""What every provider promises of messages that are handed over in pieces."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import NotFound, OutcomeUnknown, Rejected, Retryable
from postroom.domain.ids import InternetMessageId
from postroom.domain.outgoing import (
    Answered,
    AnswerKind,
    OutgoingAttachment,
    OutgoingMessage,
    SentMessage,
)
from postroom.domain.upload import TransferMark, Upload, UploadId
from tests.builders import ACCOUNT_ID
from tests.contract.providers.service import ADA, GRACE, Connected, Service, outgoing
from tests.fakes import InMemoryUploadStore
from tests.world import make_mail

FILM = bytes(range(256)) * 20_000
"""Five megabytes: two pieces of either provider."""
SONG = b"la" * 30
NOTE = OutgoingAttachment(filename="note.txt", content_type="text/plain", content=b"a note")


CALL = r"/gmail/|/v1\.0/|/AttachmentSessions"
PIECE = r"/upload/|/AttachmentSessions"
"""Which calls faults concern."""


class Died(Exception):
    """Stands for the end of a process."""


@dataclass
class Files:
    """The uploads, of which a process may die."""

    store: InMemoryUploadStore
    reads_left: int = 1_000_000

    def read(self, upload: Upload, *, start: int, length: int) -> bytes:
        """Return a piece, or die."""
        if self.reads_left == 0:
            raise Died
        self.reads_left -= 1
        return self.store.read(upload, start=start, length=length)


@dataclass
class Sender:
    """Somebody who hands a message over, call by call, as workers do."""

    ada: Connected
    files: Files
    mark: TransferMark = TransferMark("")
    noted: list[TransferMark] = field(default_factory=list)
    notes_left: int = 1_000_000

    def note(self, mark: TransferMark) -> None:
        """Keep a mark, or die before it is kept."""
        if self.notes_left == 0:
            raise Died
        self.notes_left -= 1
        self.mark = mark
        self.noted.append(mark)

    def send(self, message: OutgoingMessage, *, seconds: int = 3600) -> SentMessage | None:
        """Make one call."""
        return self.ada.mailbox.transfer(
            message,
            files=self.files,
            mark=self.mark,
            note=self.note,
            until=self.ada.service.clock.now() + timedelta(seconds=seconds),
        )

    def send_after_all(self, message: OutgoingMessage) -> SentMessage:
        """Make calls until the message has left, as a queue does."""
        for _ in range(10):
            try:
                sent = self.send(message)
            except Retryable:
                continue
            assert sent is not None
            return sent
        raise AssertionError("it never leaves")


def arrived(ada: Connected) -> list[dict[str, Any]]:
    """Return what Grace has got."""
    return list(ada.service.simulator.messages(GRACE).values())


def drafts(ada: Connected) -> list[dict[str, Any]]:
    """Return what is neither sent nor received."""
    messages = ada.service.simulator.messages(ADA).values()
    return [each for each in messages if each.get("draft")]


class TransferContract:
    """Messages with uploaded files."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    @pytest.fixture
    def sender(self, ada: Connected) -> Sender:
        """Somebody who sends from it."""
        return Sender(ada, Files(InMemoryUploadStore(ada.service.clock)))

    @pytest.fixture
    def uploaded(self, sender: Sender) -> Callable[..., OutgoingAttachment]:
        """Uploads a file."""

        def upload(content: bytes, name: str = "film.mp4", **more: Any) -> OutgoingAttachment:
            store = sender.files.store
            made = Upload(
                id=UploadId(name.replace(".", "-")),
                account_id=ACCOUNT_ID,
                filename=name,
                content_type="video/mp4",
                size_bytes=len(content),
                expires_at=sender.ada.service.clock.now() + timedelta(days=1),
            )
            store.put(store.offer(made).url, content)
            there = store.arrived(made)
            assert there is not None
            ready = Upload(
                id=made.id,
                account_id=made.account_id,
                filename=made.filename,
                content_type=made.content_type,
                size_bytes=made.size_bytes,
                expires_at=made.expires_at,
                revision=there.revision,
            )
            store.complete(ready)
            return OutgoingAttachment(filename=name, content_type="video/mp4", upload=ready, **more)

        return upload

    def test_large_and_small_files_arrive_byte_for_byte(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """In their order, with their names; what was sent is told as with any other message."""
        ada = sender.ada
        files = (uploaded(FILM, "Fílm.mp4"), NOTE, uploaded(SONG, "song.mp3"))
        message = outgoing(subject="Grüße", attachments=files)

        sent = sender.send(message)

        assert sent is not None
        assert ada.mailbox.find_sent(message.message_id) == sent
        grace = ada.service.connect(GRACE)
        (ref,) = grace.listed()
        full = grace.read(ref.provider_id)
        found = {
            each.filename: grace.mailbox.attachment(full.message, each.part_id)
            for each in full.message.attachments
        }
        assert found == {"Fílm.mp4": FILM, "note.txt": b"a note", "song.mp3": SONG}
        assert list(found) == ["Fílm.mp4", "note.txt", "song.mp3"]
        assert (full.message.subject, drafts(ada)) == ("Grüße", [])

    def test_who_has_no_time_left_goes_on_later(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """Nothing leaves before all of it is there; then one mail does."""
        message = outgoing(attachments=(uploaded(FILM),))

        assert sender.send(message, seconds=0) is None
        assert arrived(sender.ada) == []
        sent = sender.send(message)

        assert sent is not None
        assert len(arrived(sender.ada)) == 1

    def test_a_dead_workers_message_is_gone_on_with_wherever_it_stopped(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """Killed again and again, after a piece or two: one mail arrives, whole."""
        message = outgoing(attachments=(uploaded(FILM * 3), uploaded(SONG, "song.mp3")))
        sent = None
        deaths = 0
        while sent is None and deaths < 10:
            sender.files.reads_left = 2
            try:
                sent = sender.send(message)
            except Died:
                deaths += 1
                assert arrived(sender.ada) == []

        assert sent is not None
        assert deaths >= 2
        (copy,) = arrived(sender.ada)
        assert [each["filename"] for each in copy["attachments"]] == ["film.mp4", "song.mp3"]
        assert drafts(sender.ada) == []

    def test_a_worker_that_dies_before_it_notes_sends_nothing(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """Whatever was begun and not noted is not what leaves in the end, nor left behind."""
        message = outgoing(attachments=(uploaded(FILM),))
        for notes in range(5):
            sender.notes_left = notes
            sender.mark = TransferMark("")
            try:
                assert sender.send(message) is not None
                break
            except Died:
                assert arrived(sender.ada) == []
        assert notes >= 2
        assert len(arrived(sender.ada)) == 1
        assert drafts(sender.ada) == []

    def test_who_asks_again_after_the_end_is_told_what_was_sent(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """A worker that died after the last answer sends no second mail."""
        message = outgoing(attachments=(uploaded(FILM),))
        sent = sender.send(message)

        again = sender.send(message)

        assert again == sent
        assert len(arrived(sender.ada)) == 1

    @pytest.mark.parametrize(("fault", "times"), [({"status": 503}, 3), ({"drop": True}, 1)])
    @pytest.mark.parametrize("after_effect", [False, True])
    @pytest.mark.parametrize("skipped", [0, 1, 2, 3, 4, 5])
    def test_a_fault_at_any_call_costs_nothing(
        self,
        sender: Sender,
        uploaded: Callable[..., OutgoingAttachment],
        fault: dict[str, Any],
        times: int,
        skipped: int,
        after_effect: bool,  # noqa: FBT001
    ) -> None:
        """Whichever answer is lost: one mail arrives in the end, and no draft stays."""
        message = outgoing(attachments=(uploaded(FILM),))
        ada = sender.ada
        well = [{"path": CALL, "times": skipped}] if skipped else []
        failing = {"path": CALL, "times": times, "after_effect": after_effect, **fault}
        ada.service.simulator.fail(*well, failing)

        try:
            sent: SentMessage | None = sender.send_after_all(message)
        except OutcomeUnknown:
            sent = ada.mailbox.find_sent(message.message_id)
            if sent is None:
                sent = sender.send_after_all(message)

        assert sent is not None
        assert len(arrived(ada)) == 1
        assert drafts(ada) == []

    def test_what_nobody_goes_on_with_is_taken_back(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """Of a message that waits no draft stays; of one that has left the copy does."""
        message = outgoing(attachments=(uploaded(FILM),))
        assert sender.send(message, seconds=0) is None

        for _ in range(2):
            sender.ada.mailbox.abandon(sender.mark)

        assert drafts(sender.ada) == []
        sender.mark = TransferMark("")
        sent = sender.send(message)
        assert sent is not None
        sender.ada.mailbox.abandon(sender.mark)
        assert sender.ada.mailbox.find_sent(message.message_id) == sent

    def test_a_throttled_piece_is_left_to_later(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """The provider's wish is told, and what has come stays there."""
        message = outgoing(attachments=(uploaded(FILM),))
        assert sender.send(message, seconds=0) is None
        sender.ada.service.simulator.fail(
            {"path": PIECE, "status": 429, "headers": {"Retry-After": "11"}, "times": 1}
        )

        with pytest.raises(Retryable) as busy:
            sender.send(message)

        assert busy.value.retry_after == timedelta(seconds=11)
        assert sender.send(message) is not None
        assert len(arrived(sender.ada)) == 1

    def test_a_file_that_is_gone_sends_nothing(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """Nor does one that was replaced after its upload was completed."""
        film = uploaded(FILM)
        assert film.upload is not None
        sender.files.store.put(sender.files.store.offer(film.upload).url, b"another film")

        with pytest.raises(Rejected, match="gone, or was replaced"):
            sender.send(outgoing(attachments=(film,)))

        assert arrived(sender.ada) == []
        assert drafts(sender.ada) == []

    def test_a_message_beyond_the_limit_sends_nothing(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """It is told before a byte is handed over."""
        film = uploaded(SONG)
        assert film.upload is not None
        huge = Upload(
            id=film.upload.id,
            account_id=ACCOUNT_ID,
            filename="film.mp4",
            content_type="video/mp4",
            size_bytes=200 * 1024 * 1024,
            expires_at=film.upload.expires_at,
            revision=film.upload.revision,
        )
        message = outgoing(
            attachments=(
                OutgoingAttachment(filename="film.mp4", content_type="video/mp4", upload=huge),
            )
        )

        with pytest.raises(Rejected, match="at most"):
            sender.send(message)

        assert sender.noted == []

    def test_an_answer_joins_its_thread(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """With large files as without."""
        ada = sender.ada
        question = ada.message(ada.deliver(make_mail(to=ADA, Message_ID="<q@else.example>")))
        message = outgoing(
            subject=f"Re: {question.subject}",
            attachments=(uploaded(FILM),),
            answered=Answered(
                kind=AnswerKind.REPLY,
                provider_id=question.provider_id,
                provider_thread_id=question.provider_thread_id,
                internet_message_id=question.internet_message_id,
                references=(question.internet_message_id,),
            ),
        )

        sent = sender.send(message)

        assert sent is not None
        assert sent.provider_thread_id == question.provider_thread_id

    def test_an_answer_to_what_is_gone_is_sent_all_the_same(
        self, sender: Sender, uploaded: Callable[..., OutgoingAttachment]
    ) -> None:
        """The thread that it wanted is not there any more: it begins one of its own."""
        ada = sender.ada
        question = ada.message(ada.deliver(make_mail(to=ADA, Message_ID="<q@else.example>")))
        ada.service.simulator.change(ADA, {"op": "delete", "id": question.provider_id})
        message = outgoing(
            attachments=(uploaded(FILM),),
            message_id=InternetMessageId("<late@postroom.example>"),
            answered=Answered(
                kind=AnswerKind.REPLY,
                provider_id=question.provider_id,
                provider_thread_id=question.provider_thread_id,
            ),
        )

        assert sender.send(message) is not None

        assert len(arrived(ada)) == 1
        with pytest.raises(NotFound):
            ada.mailbox.trash(question)
