"""Where sessions and invitations are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from postroom.domain.person import Invitation, Session


class SessionStore(Protocol):
    """Sessions. The token is a secret; its hash is stored."""

    def put(self, token: str, session: Session) -> None:
        """Remember a session under its token."""

    def get(self, token: str, *, now: datetime) -> Session:
        """Return a session. Raises NotFound when unknown, ended or expired."""

    def end(self, token: str) -> None:
        """End a session; an unknown one is fine."""

    def end_at(self, token: str, ends_at: datetime) -> None:
        """Let a session end at a time, if that is sooner; an unknown one stays unknown."""


class InvitationStore(Protocol):
    """Who may become a person."""

    def put(self, invitation: Invitation) -> None:
        """Add or replace one by its id."""

    def find(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return one that has not ended."""

    def take(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return and remove one that has not ended; of two who come at once, one gets it."""

    def all(self) -> Sequence[Invitation]:
        """Return all, ended ones too until they are cleaned up, oldest first."""

    def withdraw(self, invitation_id: str) -> None:
        """Remove one. Raises NotFound."""
