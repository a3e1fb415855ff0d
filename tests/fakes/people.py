"""Sessions and invitations in memory."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from postroom.domain.errors import NotFound
from postroom.domain.person import Invitation, Session


class InMemorySessionStore:
    """Sessions by their tokens."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}

    def put(self, token: str, session: Session) -> None:
        """Remember a session."""
        self._sessions[token] = session

    def get(self, token: str, *, now: datetime) -> Session:
        """Return a session. Raises NotFound."""
        session = self._sessions.get(token)
        if session is None or session.expires_at <= now:
            raise NotFound("the session is unknown, ended or expired")
        return session

    def end(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(token, None)

    def end_at(self, token: str, ends_at: datetime) -> None:
        """Let a session end sooner."""
        with self._lock:
            session = self._sessions.get(token)
            if session is not None and session.expires_at > ends_at:
                self._sessions[token] = replace(session, expires_at=ends_at)


class InMemoryInvitationStore:
    """Invitations by id."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._invitations: dict[str, Invitation] = {}

    def put(self, invitation: Invitation) -> None:
        """Add or replace one."""
        self._invitations[invitation.id] = invitation

    def find(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return one that has not ended."""
        return _living(self._invitations.get(invitation_id), now)

    def take(self, invitation_id: str, *, now: datetime) -> Invitation | None:
        """Return and remove one that has not ended."""
        with self._lock:
            return _living(self._invitations.pop(invitation_id, None), now)

    def all(self) -> Sequence[Invitation]:
        """Return all, oldest first."""
        return sorted(self._invitations.values(), key=lambda each: (each.created_at, each.id))

    def withdraw(self, invitation_id: str) -> None:
        """Remove one. Raises NotFound."""
        with self._lock:
            if self._invitations.pop(invitation_id, None) is None:
                raise NotFound("There is no such invitation.")


def _living(invitation: Invitation | None, now: datetime) -> Invitation | None:
    if invitation is None or (invitation.ends_at is not None and invitation.ends_at <= now):
        return None
    return invitation
