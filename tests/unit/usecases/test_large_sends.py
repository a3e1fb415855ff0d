"""Messages with uploaded files: accepted at once, handed over by workers, sent once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.event import EventType
from postroom.domain.outgoing import OutgoingAttachment, SendState
from postroom.domain.send_request import UploadedFile
from postroom.domain.upload import UPLOAD_LIFETIME, Upload, UploadId
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.scheduled_sends import cancel_scheduled_send
from postroom.usecases.send_message import SendResult
from tests.fakes import InMemoryUploadStore, WorkKind
from tests.interruptions import interrupted
from tests.unit.usecases.sends import (
    FILM,
    ROSA,
    SlowUploads,
    connected,
    offer,
    received,
    send,
    upload,
)
from tests.world import World

NOTE = OutgoingAttachment(filename="note.txt", content_type="text/plain", content=b"a note")


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


@pytest.fixture
def uploads(world: World) -> InMemoryUploadStore:
    assert isinstance(world.uploads, InMemoryUploadStore)
    return world.uploads


def _send(
    world: World,
    account: Account,
    *files: UploadedFile | OutgoingAttachment,
    key: str = "",
    **changed: Any,
) -> SendResult:
    return send(world, account, key, attachments=files, **changed)


def _files(message: dict[str, Any]) -> list[str]:
    return [file["filename"] for file in message["attachments"]]


def _state(world: World, result: SendResult) -> SendState:
    return world.outbox.get(result.entry.account_id, result.entry.id).state


def test_a_message_with_an_upload_is_sent_by_the_worker(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """It is accepted at once and can be followed; then it arrives, and its follower is told."""
    result = _send(world, account, upload(world, account), NOTE)
    assert (result.has_left, result.entry.state) == (False, SendState.QUEUED)
    assert received(world) == []

    world.work_off()

    (arrived,) = received(world)
    assert _files(arrived) == ["Fílm.mp4", "note.txt"]
    assert _state(world, result) is SendState.SENT
    assert [(event.type, event.object_id) for event in world.told()] == [
        (EventType.MESSAGE_SENT, result.entry.id)
    ]
    assert world.kept() == []
    world.assert_equal(account)


def test_the_same_key_sends_the_same_message_once(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Whether asked before it has left or after; even when the upload has expired meanwhile."""
    file = upload(world, account)
    first = _send(world, account, file, key="k")
    second = _send(world, account, file, key="k")
    world.work_off()
    world.clock.advance(UPLOAD_LIFETIME)

    third = _send(world, account, file, key="k")

    assert [each.replayed for each in (first, second, third)] == [False, True, True]
    assert third.has_left
    assert len(received(world)) == 1


def test_a_message_is_called_back_before_its_worker_comes(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """As any other that waits."""
    result = _send(world, account, upload(world, account))

    cancel_scheduled_send(account_id=account.id, wanted=result.entry.id, tools=world.send_tools)
    world.work_off()

    assert received(world) == []
    assert _state(world, result) is SendState.CANCELLED


def _half_handed_over(world: World, account: Account, uploads: InMemoryUploadStore) -> SendResult:
    """Have a worker run out of time after the first piece."""
    result = _send(world, account, upload(world, account))

    world.uploads = SlowUploads(uploads, world.clock, timedelta(minutes=1))
    world.do_next(WorkKind.SETTLE_SEND)
    assert world.outbox.get(account.id, result.entry.id).transfer
    return result


def test_what_was_handed_over_is_taken_back_with_the_send(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Called back between two calls: no draft of it stays in the mailbox."""
    result = _half_handed_over(world, account, uploads)

    cancel_scheduled_send(account_id=account.id, wanted=result.entry.id, tools=world.send_tools)
    world.work_off()

    assert _state(world, result) is SendState.CANCELLED
    assert received(world) == []
    assert [each for each in world.simulator.messages(ROSA).values() if each["draft"]] == []


def test_what_was_handed_over_is_taken_back_first(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Who called it back died on the way: what it was to send was forgotten, and its draft stayed.

    Nobody else knew of the draft. What is kept of a send that has ended is swept by its last call.
    """
    result = _half_handed_over(world, account, uploads)
    outgoing = world.outgoing

    def die() -> None:
        raise Died

    world.outgoing = interrupted(outgoing, before="delete", by=die)
    with pytest.raises(Died):
        cancel_scheduled_send(account_id=account.id, wanted=result.entry.id, tools=world.send_tools)
    world.outgoing = outgoing
    world.work_off()

    assert [each for each in world.simulator.messages(ROSA).values() if each["draft"]] == []
    assert world.kept() == []


def test_what_cannot_be_sent_any_more_is_taken_back(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """A file that cannot be read any more ends the send, and its draft with it."""
    result = _half_handed_over(world, account, uploads)
    uploads.erase(account.id)

    world.work_off()

    assert _state(world, result) is SendState.REJECTED
    assert received(world) == []
    assert [each for each in world.simulator.messages(ROSA).values() if each["draft"]] == []


def test_a_dead_worker_is_followed_by_another(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Killed while it reads the file: after the look-ups the rest is handed over, once."""
    result = _send(world, account, upload(world, account))

    class Dies(InMemoryUploadStore):
        """Of which a worker dies at its second piece."""

        reads = 0

        def read(self, upload: Upload, *, start: int, length: int) -> bytes:
            Dies.reads += 1
            if Dies.reads == 2:
                raise Died
            return uploads.read(upload, start=start, length=length)

    world.uploads = Dies(world.clock)
    with pytest.raises(Died):
        world.do_next(WorkKind.SETTLE_SEND)
    assert (received(world), _state(world, result)) == ([], SendState.SENDING)
    noted = world.outbox.get(account.id, result.entry.id).transfer
    assert noted

    world.work_off()

    assert len(received(world)) == 1
    assert _state(world, result) is SendState.SENT
    assert world.outbox.get(account.id, result.entry.id).transfer == ""
    drafts = [each for each in world.simulator.messages(ROSA).values() if each["draft"]]
    assert drafts == []


def test_a_call_without_time_leaves_the_rest_to_the_next(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """A slow provider is no reason to fail: each call brings some pieces more."""
    result = _send(world, account, upload(world, account, FILM * 3))

    world.uploads = SlowUploads(uploads, world.clock, timedelta(seconds=30))

    world.work_off()

    assert len(received(world)) == 1
    assert _state(world, result) is SendState.SENT
    assert world.outbox.get(account.id, result.entry.id).claims > 1


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}])
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_provider_that_is_down_for_a_while_costs_nothing(
    world: World,
    account: Account,
    uploads: InMemoryUploadStore,
    fault: dict[str, Any],
    after_effect: bool,  # noqa: FBT001
) -> None:
    """One mail arrives once it answers again."""
    result = _send(world, account, upload(world, account))
    world.simulator.fail_calls("any", times=12, after_effect=after_effect, **fault)

    world.work_off()

    assert len(received(world)) == 1
    assert _state(world, result) is SendState.SENT


def test_a_file_that_was_replaced_is_not_sent(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """What nobody has looked at does not leave; the follower hears why nothing has."""
    file = upload(world, account)
    result = _send(world, account, file)
    uploads.put(uploads.offer(uploads.get(account.id, file.upload_id)).url, b"another film")

    world.work_off()

    assert received(world) == []
    assert _state(world, result) is SendState.REJECTED
    assert "replaced" in world.outbox.get(account.id, result.entry.id).error
    assert [event.type for event in world.told()] == [EventType.MESSAGE_NOT_SENT]


def test_what_is_no_upload_of_the_account_is_refused(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Unknown, somebody else's, not complete, expired: named, and nothing is sent."""
    world.simulator.add_mailbox("eva@mail.example")
    other = world.connect("eva@mail.example")
    world.work_off()
    expired = upload(world, account)
    world.clock.advance(UPLOAD_LIFETIME)
    wrong = {
        "unknown": UploadedFile(upload_id=UploadId("unknown"), field="attachments.0.id"),
        "somebody else's": upload(world, other),
        "not complete": replace(expired, upload_id=offer(world, account).upload.id),
        "expired": expired,
    }

    for what, file in wrong.items():
        with pytest.raises(InvalidRequest) as refused:
            _send(world, account, file, key=what)
        assert refused.value.field == "attachments.0.id", what

    world.work_off()
    assert received(world) == []


def test_files_that_are_too_large_together_are_refused(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Each alone would do; the sentence names the provider's limit, and nothing is sent."""
    limit = MESSAGE_LIMITS[world.provider]
    size = limit.file_bytes * 2 // 3
    files = []
    for number in range(2):
        offered = offer(world, account, size).upload
        uploads.complete(replace(offered, revision="looked at"))
        files.append(UploadedFile(upload_id=offered.id, field=f"attachments.{number}.id"))

    with pytest.raises(TooLarge, match=f"{limit.message_bytes:,} bytes"):
        _send(world, account, *files)

    world.work_off()
    assert received(world) == []


def test_a_message_is_not_scheduled_beyond_its_uploads_life(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """It would have nothing to send by then; within the day it is sent at its time."""
    file = upload(world, account)

    with pytest.raises(InvalidRequest) as refused:
        _send(world, account, file, send_at=world.clock.now() + timedelta(days=2))
    result = _send(world, account, file, send_at=world.clock.now() + timedelta(minutes=10))
    world.work_off()

    assert refused.value.field == "send_at"
    assert len(received(world)) == 1
    assert _state(world, result) is SendState.SENT


def test_a_removed_account_leaves_no_files_behind(
    world: World, account: Account, uploads: InMemoryUploadStore
) -> None:
    """Neither those that were to be sent, nor those that nobody has named."""
    file = upload(world, account)
    stored = uploads.get(account.id, file.upload_id)
    _send(world, account, file)

    disconnect_account(account=account, tools=world.tools)
    world.work_off()

    assert uploads.arrived(stored) is None
    assert received(world) == []


class Died(Exception):
    """Stands for the end of a worker's process."""
