"""What the tests of sending do and look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from postroom.domain.account import Account
from postroom.domain.message import Address
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.domain.upload import Upload, UploadOffer
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.storage.dynamodb.table import TableBusy
from postroom.usecases.send_message import SendResult, send_message
from postroom.usecases.upload_attachment import complete_upload, offer_upload
from tests.fakes import FixedClock, InMemoryUploadStore
from tests.interruptions import interrupted
from tests.world import World

ANA, ROSA, SHOP = "ana@mail.example", "rosa@mail.example", "shop@mail.example"
FILM = bytes(range(256)) * 20_000
"""Five megabytes: more than a request carries, and two pieces of either provider."""


STORE_FAILURES = (
    ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your rate"}}, "DeleteObject"),
    ReadTimeoutError(endpoint_url="https://dynamodb.test"),
    TableBusy("busy"),
)


class SlowUploads(InMemoryUploadStore):
    """Uploads of which every piece takes some time; what is uploaded now is not among them."""

    def __init__(self, uploads: InMemoryUploadStore, clock: FixedClock, takes: timedelta) -> None:
        super().__init__(clock)
        self._real = uploads
        self._moving = clock
        self._takes = takes

    def read(self, upload: Upload, *, start: int, length: int) -> bytes:
        """Return a piece of the file, after some time."""
        self._moving.advance(self._takes)
        return self._real.read(upload, start=start, length=length)


def connected(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    world.simulator.add_mailbox(ANA)
    world.simulator.add_mailbox(ROSA)
    account = world.connect(ROSA)
    world.work_off()
    return account


def connected_with_alias(world: World, alias: str = SHOP) -> Account:
    """Rosa's connected mailbox, which may also send from another address; Ana has one, too."""
    world.simulator.add_mailbox(ANA)
    mailbox = {"address": ROSA, "name": "Rosa", "aliases": [alias]}
    world.simulator.control("POST", "mailboxes", json=mailbox)
    account = world.connect(ROSA)
    world.work_off()
    return account


@contextmanager
def failing(world: World, call: str, failure: Exception) -> Iterator[None]:
    """Have a call (`store.method`) fail once before it does anything."""

    def fail() -> None:
        raise failure

    name, method = call.split(".")
    store = getattr(world, name)
    setattr(world, name, interrupted(store, before=method, by=fail))
    try:
        yield
    finally:
        setattr(world, name, store)


def send(world: World, account: Account, key: str = "", **changed: Any) -> SendResult:
    """Send a message to Ana."""
    asked: dict[str, Any] = {"to": (Address(email=ANA),), "subject": "Olá", "body": "<p>Olá!</p>"}
    return send_message(
        account=account,
        request=SendRequest(**(asked | changed)),
        idempotency_key=key,
        tools=world.send_tools,
    )


def received(world: World) -> list[dict[str, Any]]:
    """What has come to Ana."""
    return list(world.simulator.messages(ANA).values())


def let_come(world: World, at: datetime) -> None:
    """Let the time come: what was scheduled is called, and what is queued then is done."""
    world.clock.advance(max(at - world.clock.now(), timedelta()))
    world.strike()
    world.work_off()


def offer(world: World, account: Account, size_bytes: int | None = None) -> UploadOffer:
    """Have an address offered for a film."""
    return offer_upload(
        account=account,
        filename="Fílm.mp4",
        content_type="video/mp4",
        size_bytes=size_bytes,
        limit=MESSAGE_LIMITS[world.provider],
        uploads=world.uploads,
        clock=world.clock,
    )


def upload(world: World, account: Account, content: bytes = FILM) -> UploadedFile:
    """Upload a film the whole way; answers how a request names it."""
    assert isinstance(world.uploads, InMemoryUploadStore)
    offered = offer(world, account)
    world.uploads.put(offered.address.url, content)
    ready = complete_upload(
        account=account,
        upload_id=offered.upload.id,
        limit=MESSAGE_LIMITS[world.provider],
        uploads=world.uploads,
    )
    return UploadedFile(upload_id=ready.id, field="attachments.0.id")
