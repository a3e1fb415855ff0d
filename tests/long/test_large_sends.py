"""The largest messages that the providers send, from workers whose memory is measured."""

from dataclasses import replace

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.message import Address
from postroom.domain.outgoing import SendState
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.usecases.send_message import send_message
from postroom.usecases.upload_attachment import complete_upload, offer_upload
from tests.fakes import InMemoryUploadStore, WorkKind
from tests.processes.worker_process import WorkerProcess
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.parametrize("provider", ProviderName)]

ANA, ROSA = "ana@mail.example", "rosa@mail.example"
MEMORY_LIMIT_BYTES = 256 * 2**20
"""Half of what the worker of sends has."""


def test_the_largest_message_is_sent_in_bounded_memory(provider: ProviderName) -> None:
    """35 MB by Gmail, 150 MB by Outlook: one mail arrives, and the worker never held it."""
    # Given
    world = World(provider=provider)
    world.simulator.add_mailbox(ROSA)
    world.simulator.add_mailbox(ANA)
    account = world.connect(ROSA)
    world.work_off()
    limit = MESSAGE_LIMITS[provider]
    size = limit.file_bytes - (0 if limit.counts_mime else 1024)
    assert isinstance(world.uploads, InMemoryUploadStore)
    upload = offer_upload(
        account=account,
        filename="film.mp4",
        content_type="video/mp4",
        size_bytes=size,
        limit=limit,
        uploads=world.uploads,
        clock=world.clock,
    ).upload
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    world.uploads.put(world.uploads.offer(upload).url, content)
    complete_upload(account=account, upload_id=upload.id, limit=limit, uploads=world.uploads)
    result = send_message(
        account=account,
        request=SendRequest(
            to=(Address(email=ANA),),
            subject="A film",
            body="<p>See attached</p>",
            attachments=(UploadedFile(upload_id=upload.id, field="attachments.0.id"),),
        ),
        idempotency_key="",
        tools=world.send_tools,
    )
    work = world.work.take(WorkKind.SETTLE_SEND)
    assert work is not None
    # When
    with WorkerProcess(world) as worker:
        outcome = worker.do(replace(work))
    # Then
    entry = world.outbox.get(account.id, result.entry.id)
    assert (entry.state, entry.error) == (SendState.SENT, "")
    (arrived,) = world.simulator.messages(ANA).values()
    assert [(file["filename"], file["size"]) for file in arrived["attachments"]] == [
        ("film.mp4", size)
    ]
    print(f"{provider}: {size:,} bytes, peak {outcome.peak_memory_bytes / 2**20:.0f} MiB")  # noqa: T201
    assert outcome.peak_memory_bytes < MEMORY_LIMIT_BYTES
