"""Invitations in the table, in one partition: an administrator adds them by hand.

The id of a link is derived from its token, so that the row does not tell the token.
"""

from collections.abc import Sequence
from datetime import datetime

from postroom.domain.errors import NotFound
from postroom.domain.person import Invitation, InvitationKind
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table


class DynamoInvitationStore:
    """One row for each invitation."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, invitation: Invitation) -> None:
        """Add or replace one by its id."""
        self._table.put(keys.invitation(invitation.id), _row(invitation))

    def find(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return one that has not ended."""
        row = self._table.get(keys.invitation(invitation_id))
        return None if row is None else _living(row, now)

    def take(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return and remove one that has not ended."""
        row = self._table.delete(keys.invitation(invitation_id))
        return None if row is None else _living(row, now)

    def all(self) -> Sequence[Invitation]:
        """Return all, oldest first."""
        found = map(_invitation, self._table.query(keys.INVITATIONS))
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def withdraw(self, invitation_id: str) -> None:
        """Remove one. Raises NotFound."""
        try:
            self._table.delete(keys.invitation(invitation_id), "attribute_exists(#pk)")
        except ConditionFailed:
            raise NotFound("There is no such invitation.") from None


def _living(row: Row, now: datetime) -> Invitation | None:
    invitation = _invitation(row)
    return None if invitation.ends_at is not None and invitation.ends_at <= now else invitation


def _row(invitation: Invitation) -> Row:
    ends: Row = {}
    if invitation.ends_at is not None:
        ends = {"ends_at": to_text(invitation.ends_at), "expires_at": to_ttl(invitation.ends_at)}
    return {
        "id": invitation.id,
        "kind": invitation.kind,
        "value": invitation.value,
        "created_at": to_text(invitation.created_at),
        **ends,
    }


def _invitation(row: Row) -> Invitation:
    return Invitation(
        id=row["id"],
        kind=InvitationKind(row["kind"]),
        value=row["value"],
        created_at=from_text(row["created_at"]),
        ends_at=from_text(row["ends_at"]) if "ends_at" in row else None,
    )
