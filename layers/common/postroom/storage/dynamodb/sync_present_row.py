"""The row of the present: dirty mark, watch, round and times, from and to what they mean.

`watch_secret_hash` is absent without a secret, so that a condition on it fails. A round's units
stand in `round_units` by ten letters of their hashes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from postroom.domain.ids import AccountId
from postroom.domain.sync import Round, SyncState, SyncUnit, SyncUnitId, Watch
from postroom.storage.dynamodb.attributes import Row, from_text, to_text

_WATCH_ATTRIBUTES = ("watch_id", "watch_expires_at", "watch_secret_hash")


def state_of(account_id: AccountId, present: Row, units: Sequence[SyncUnit]) -> SyncState:
    """Return the state that the row and the units tell of, without the other lane's error."""
    return SyncState(
        account_id=account_id,
        units={unit.id: unit for unit in units},
        dirty=present["dirty"],
        served=present.get("served", 0),
        nearly_served=present.get("nearly_served", 0),
        round=_round(present, units),
        watch=_watch(present),
        watch_due_at=moment_in(present, "watch_due_at"),
        watch_problem=present.get("watch_problem", ""),
        audit_due_at=moment_in(present, "audit_due_at"),
        paused_until=moment_in(present, "paused_until"),
        synced_at=moment_in(present, "synced_at"),
        folders_synced_at=moment_in(present, "folders_synced_at"),
        last_error=present.get("last_error", ""),
        last_consequence=present.get("last_consequence", ""),
    )


def moment_in(row: Row, name: str) -> datetime | None:
    """Return a time of a row; None when it is not there."""
    return from_text(row[name]) if name in row else None


def _round(row: Row, units: Iterable[SyncUnit]) -> Round | None:
    if "round_dirty" not in row:
        return None
    left = frozenset(unit.id for unit in units if short(unit.id) in row["round_units"])
    return Round(dirty=row["round_dirty"], units=left)


def short(unit_id: SyncUnitId) -> str:
    """Return the name of a unit in a round."""
    return sha256(unit_id.encode()).hexdigest()[:10]


def _watch(row: Row) -> Watch | None:
    expires_at = moment_in(row, "watch_expires_at")
    if expires_at is None:
        return None
    return Watch(
        id=row["watch_id"],
        expires_at=expires_at,
        secret_hash=row.get("watch_secret_hash", ""),
    )


def watch_changes(watch: Watch | None, problem: str) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return what to set, what to take away, and the values, for a watch to stand in the row."""
    values = {"watch_problem": problem}
    if watch is not None:
        values |= {"watch_id": watch.id, "watch_expires_at": to_text(watch.expires_at)}
        if watch.secret_hash:
            values["watch_secret_hash"] = watch.secret_hash
    sets = [f"#{name} = :{name}" for name in values]
    removes = [f"#{name}" for name in _WATCH_ATTRIBUTES if name not in values]
    return sets, removes, values


def expression(sets: Sequence[str], removes: Sequence[str]) -> str:
    """Write an update of those names."""
    changes = f"SET {', '.join(sets)}"
    return f"{changes} REMOVE {', '.join(removes)}" if removes else changes
