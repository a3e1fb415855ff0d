"""SessionStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import NotFound
from postroom.domain.ids import PersonId
from postroom.domain.person import KeyInUse, Session
from postroom.ports.people import SessionStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.sessions import DynamoSessionStore
from postroom.storage.dynamodb.table import Table
from tests.builders import NOW
from tests.fakes.people import InMemorySessionStore

SESSION = Session(
    person_id=PersonId("person-1"),
    key=KeyInUse(api_key_id="key-1", fingerprint="", ends_at=NOW + timedelta(hours=2)),
    began_at=NOW - timedelta(days=3),
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=3),
)


@pytest.fixture(params=["memory", "dynamodb"])
def sessions(request: pytest.FixtureRequest) -> SessionStore:
    if request.param == "memory":
        return InMemorySessionStore()
    return DynamoSessionStore(request.getfixturevalue("table"))


class TestSessionStore:
    """Sessions under their tokens."""

    @pytest.mark.parametrize("missing", ["nothing", "person_id", "key"])
    def test_a_session_is_kept_whole(self, sessions: SessionStore, missing: str) -> None:
        """A person's, an administrator's, and one that is both."""
        without: dict[str, Any] = {} if missing == "nothing" else {missing: None}
        session = replace(SESSION, **without)

        sessions.put("token-1", session)

        assert sessions.get("token-1", now=NOW) == session

    def test_a_session_ends_at_its_time(self, sessions: SessionStore) -> None:
        """To the moment, although rows are cleaned up days later."""
        sessions.put("token-1", SESSION)

        sessions.get("token-1", now=SESSION.expires_at - timedelta(microseconds=1))
        with pytest.raises(NotFound):
            sessions.get("token-1", now=SESSION.expires_at)

    def test_an_ended_session_is_gone(self, sessions: SessionStore) -> None:
        """Ending it twice is fine, and other sessions stay."""
        sessions.put("token-1", SESSION)
        sessions.put("token-2", SESSION)

        sessions.end("token-1")
        sessions.end("token-1")

        with pytest.raises(NotFound):
            sessions.get("token-1", now=NOW)
        assert sessions.get("token-2", now=NOW) == SESSION

    def test_a_session_is_shortened_and_never_prolonged(self, sessions: SessionStore) -> None:
        """A replaced token serves a moment longer; one that was ended does not come back."""
        soon = NOW + timedelta(minutes=1)
        sessions.put("token-1", SESSION)

        sessions.end_at("token-1", soon)
        sessions.end_at("token-1", soon + timedelta(days=1))
        sessions.end_at("never there", soon)

        assert sessions.get("token-1", now=NOW).expires_at == soon
        with pytest.raises(NotFound):
            sessions.get("never there", now=NOW)


def test_the_table_does_not_know_the_token(table: Table) -> None:
    """Whoever reads the table cannot sign in with what stands there."""
    DynamoSessionStore(table).put("token-1", SESSION)

    row = table.get(keys.session("token-1"))

    assert row is not None
    assert "token-1" not in str(row)
