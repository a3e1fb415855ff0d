"""The whole product in this process, on the real stores, with a meter on each provider it pays."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from moto import mock_aws

from benchmarks.request_units import MeteredDynamoDB, RequestUnits
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.audits import DynamoAuditStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.listed_marks import DynamoListedMarks
from postroom.storage.dynamodb.locks import DynamoLocks
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.pending_fetches import DynamoPendingFetchStore
from postroom.storage.dynamodb.quotas import DynamoQuotaStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from postroom.storage.dynamodb.threads import DynamoThreadStore
from tests.contract import aws
from tests.fakes import FixedClock
from tests.world import World

MAIL_ROWS = ("M", "L", "T", "P")
"""Messages with their contents, locations, threads, pending fetches; others are bookkeeping."""


@dataclass(frozen=True)
class Cost:
    """What something cost in all."""

    gmail_units: int
    dynamodb: RequestUnits
    s3: Counter[str]
    """Requests by operation."""

    @property
    def mail_writes(self) -> int:
        """Write request units of the mail itself."""
        return sum(self.dynamodb.writes[kind] for kind in MAIL_ROWS)

    @property
    def other_writes(self) -> int:
        """Write request units of leases, cursors, quotas, folders, sends and the due index."""
        return self.dynamodb.writes.total() - self.mail_writes

    @property
    def reads(self) -> float:
        """Read request units."""
        return sum(self.dynamodb.reads.values())


class TickingClock(FixedClock):
    """Goes on a little whenever it is looked at, so that a renewed lease ends later than before."""

    def now(self) -> datetime:
        """Return the time, a millisecond after the last one."""
        return self.advance(timedelta(milliseconds=1))


@dataclass
class MeasuredWorld(World):
    """A deployment whose stores are the real ones, on moto; used inside `measured_world`."""

    clock: FixedClock = field(default_factory=TickingClock)

    def __post_init__(self) -> None:
        super().__post_init__()
        dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
        aws.create_table(dynamodb)
        aws.create_bucket(s3)
        self._dynamodb = MeteredDynamoDB(dynamodb, aws.TABLE)
        self._s3 = Counter[str]()
        self._gmail_units = 0
        s3.meta.events.register("before-call.s3", self._count_s3_request)
        table = Table(cast("Any", self._dynamodb), aws.TABLE)
        self.accounts = DynamoAccountStore(table)
        self.locks = DynamoLocks(table)
        self.sync_states = DynamoSyncStateStore(table, self.clock)
        self.messages = DynamoMessageStore(table, self.clock)
        self.threads = DynamoThreadStore(table)
        self.contents = S3ContentStore(table, s3, aws.BUCKET)
        self.pending = DynamoPendingFetchStore(table)
        self.listed = DynamoListedMarks(table, self.clock)
        self.folders = DynamoFolderStore(table)
        self.audits = DynamoAuditStore(table)
        self.outbox = DynamoOutboxStore(table, self.clock)
        self.quota_store = DynamoQuotaStore(table, self.clock)

    def cost(self) -> Cost:
        """Return what was spent since this was last asked."""
        units = gmail_units(self)
        cost = Cost(
            gmail_units=units - self._gmail_units,
            dynamodb=self._dynamodb.consumed,
            s3=Counter(self._s3),
        )
        self._gmail_units = units
        self._dynamodb.consumed = RequestUnits()
        self._s3.clear()
        return cost

    def _count_s3_request(self, model: Any, **_: Any) -> None:
        self._s3[model.name] += 1


def gmail_units(world: World) -> int:
    """Return the quota units that Gmail has counted so far."""
    return int(world.simulator.control("GET", "usage")["totals"]["units"])


@contextmanager
def measured_world() -> Iterator[MeasuredWorld]:
    """Make a deployment that lasts for a `with` block."""
    with mock_aws():
        yield MeasuredWorld()
