"""A sync unit as a row.

`cursor` and `view` are absent where a unit has none, so that a condition on them can fail. So is
`checkpoint` until a reading has saved one; it has its own generation, `generation` beside it is the
one that the unit needs. `backfill_fence` is the fence of the lease that saved the checkpoint.
"""

from postroom.domain.ids import MessageId
from postroom.domain.message import Position, View
from postroom.domain.sync import Backfill, BackfillPhase, Cursor, SyncUnit
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text


def to_row(unit: SyncUnit) -> Row:
    """Write a unit whose reading nobody has begun to save."""
    row: Row = {"rank": unit.rank, "generation": unit.generation}
    if unit.view is not None:
        row["view"] = unit.view
    if unit.cursor is not None:
        row["cursor"] = unit.cursor
    if unit.backfill is not None:
        row["checkpoint"] = checkpoint_to_row(unit.backfill)
    return row


def from_row(row: Row) -> SyncUnit:
    """Read a unit."""
    return SyncUnit(
        id=keys.unit_of_sync(row["sk"]),
        rank=row["rank"],
        view=View(row["view"]) if "view" in row else None,
        cursor=Cursor(row["cursor"]) if "cursor" in row else None,
        generation=row["generation"],
        backfill=_checkpoint(row["checkpoint"]) if "checkpoint" in row else None,
    )


def checkpoint_to_row(backfill: Backfill) -> Row:
    """Write a checkpoint."""
    oldest, swept = backfill.oldest_stored_at, backfill.swept
    return {
        "phase": backfill.phase,
        "generation": backfill.generation,
        "position": backfill.position,
        "swept": swept and {"at": to_text(swept.received_at), "id": swept.message_id},
        "stored": backfill.stored,
        "total_estimate": backfill.total_estimate,
        "oldest_stored_at": None if oldest is None else to_text(oldest),
    }


def _checkpoint(row: Row) -> Backfill:
    oldest, swept = row["oldest_stored_at"], row["swept"]
    return Backfill(
        phase=BackfillPhase(row["phase"]),
        generation=row["generation"],
        position=row["position"],
        swept=None if swept is None else _position(swept),
        stored=row["stored"],
        total_estimate=row["total_estimate"],
        oldest_stored_at=None if oldest is None else from_text(oldest),
    )


def _position(row: Row) -> Position:
    return Position(received_at=from_text(row["at"]), message_id=MessageId(row["id"]))
