"""Sessions in the table, under the hashes of their tokens."""

from datetime import datetime

from postroom.domain.errors import NotFound
from postroom.domain.ids import PersonId
from postroom.domain.person import KeyInUse, Session
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table


class DynamoSessionStore:
    """One row for each session."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, token: str, session: Session) -> None:
        """Remember a session under its token."""
        self._table.put(keys.session(token), _row(session))

    def get(self, token: str, *, now: datetime) -> Session:
        """Return a session. Raises NotFound."""
        row = self._table.get(keys.session(token))
        # DynamoDB deletes up to two days late.
        if row is None or from_text(row["ends_at"]) <= now:
            raise NotFound("the session is unknown, ended or expired")
        return _session(row)

    def end(self, token: str) -> None:
        """End a session."""
        self._table.delete(keys.session(token))

    def end_at(self, token: str, ends_at: datetime) -> None:
        """Let a session end at a time, if that is sooner."""
        values = {"ends_at": to_text(ends_at), "expires_at": to_ttl(ends_at)}
        try:
            self._table.update(
                keys.session(token),
                "SET #ends_at = :ends_at, #expires_at = :expires_at",
                values,
                condition="#ends_at > :ends_at",
            )
        except ConditionFailed:
            return


def _row(session: Session) -> Row:
    key: Row = {}
    if session.key is not None:
        key = {
            "api_key_id": session.key.api_key_id,
            "key_fingerprint": session.key.fingerprint,
            "key_ends_at": to_text(session.key.ends_at),
        }
    return {
        **({"person_id": session.person_id} if session.person_id else {}),
        **key,
        "began_at": to_text(session.began_at),
        "issued_at": to_text(session.issued_at),
        "ends_at": to_text(session.expires_at),
        "expires_at": to_ttl(session.expires_at),
    }


def _session(row: Row) -> Session:
    key = None
    if "key_ends_at" in row:
        key = KeyInUse(
            api_key_id=row["api_key_id"],
            fingerprint=row["key_fingerprint"],
            ends_at=from_text(row["key_ends_at"]),
        )
    return Session(
        person_id=PersonId(row["person_id"]) if "person_id" in row else None,
        key=key,
        began_at=from_text(row["began_at"]),
        issued_at=from_text(row["issued_at"]),
        expires_at=from_text(row["ends_at"]),
    )
