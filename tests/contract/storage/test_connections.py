"""ConnectionStore, in memory and in the table."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from postroom.domain.connection import CONNECTION_LIFETIME, BearerKind
from postroom.domain.errors import ConnectionRefused, NotFound
from postroom.ports import ConnectionStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.table import Table
from tests.builders import (
    NOW,
    make_authorization_code,
    make_bearer_token,
    make_connection_request,
)
from tests.contract import aws
from tests.fakes import InMemoryConnectionStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BROWSER = make_connection_request().browser_hash


@pytest.fixture(params=["memory", "dynamodb"])
def connections(request: pytest.FixtureRequest) -> ConnectionStore:
    if request.param == "memory":
        return InMemoryConnectionStore()
    return DynamoConnectionStore(request.getfixturevalue("table"))


class TestConnectionStore:
    """One-time things of a connection in progress."""

    def test_request_is_taken_once(self, connections: ConnectionStore) -> None:
        """The first callback gets the request whole, the second is refused."""
        request = make_connection_request()
        connections.put_request("state-1", request)

        assert connections.take_request("state-1", browser_hash=BROWSER, now=NOW) == request

        with pytest.raises(ConnectionRefused) as refused:
            connections.take_request("state-1", browser_hash=BROWSER, now=NOW)
        assert refused.value.reason == "state_invalid"

    def test_another_browser_neither_gets_nor_spoils_a_request(
        self, connections: ConnectionStore
    ) -> None:
        """Whoever was lured onto somebody else's link is refused; its owner can go on."""
        connections.put_request("state-1", make_connection_request())

        with pytest.raises(ConnectionRefused):
            connections.take_request("state-1", browser_hash="e" * 64, now=NOW)

        connections.take_request("state-1", browser_hash=BROWSER, now=NOW)

    def test_request_ends_after_its_lifetime(self, connections: ConnectionStore) -> None:
        """The end counts to the moment: rows may outlive it by days."""
        connections.put_request("state-1", make_connection_request())

        with pytest.raises(ConnectionRefused):
            connections.take_request("state-1", browser_hash=BROWSER, now=NOW + CONNECTION_LIFETIME)

    def test_unknown_request_is_refused(self, connections: ConnectionStore) -> None:
        """A forged state leads nowhere, whatever characters it is made of."""
        for state in ("never seen", "", "\ud800"):
            with pytest.raises(ConnectionRefused):
                connections.take_request(state, browser_hash=BROWSER, now=NOW)

    def test_code_is_taken_once(self, connections: ConnectionStore) -> None:
        """The first exchange gets what the code stands for, the second nothing."""
        connections.put_code("code-1", make_authorization_code())

        assert connections.take_code("code-1", now=NOW) == make_authorization_code()

        with pytest.raises(NotFound):
            connections.take_code("code-1", now=NOW)

    def test_expired_code_is_worth_nothing(self, connections: ConnectionStore) -> None:
        """An application that comes too late has to begin again."""
        connections.put_code("code-1", make_authorization_code())

        with pytest.raises(NotFound):
            connections.take_code("code-1", now=NOW + CONNECTION_LIFETIME)

    def test_token_stands_for_its_account_until_its_end(self, connections: ConnectionStore) -> None:
        """A token may be used as often as one likes, but not a moment too long."""
        token = make_bearer_token(kind=BearerKind.REFRESH)
        connections.put_bearer("token-1", token)

        just_before = token.expires_at - timedelta(microseconds=1)
        assert connections.bearer("token-1", now=NOW) == token
        assert connections.bearer("token-1", now=just_before) == token
        with pytest.raises(NotFound):
            connections.bearer("token-1", now=token.expires_at)

    def test_revoked_token_is_worth_nothing(self, connections: ConnectionStore) -> None:
        """Revoking ends a token at once; revoking an unknown one is fine."""
        connections.put_bearer("token-1", make_bearer_token())

        connections.delete_bearer("token-1")
        connections.delete_bearer("token-1")

        with pytest.raises(NotFound):
            connections.bearer("token-1", now=NOW)

    def test_access_ends_with_the_refresh_token_it_came_from(
        self, connections: ConnectionStore
    ) -> None:
        """Who signs out by the refresh token is out (RFC 7009 section 2.1); others stay."""
        for number in ("1", "2"):
            refresh = make_bearer_token(kind=BearerKind.REFRESH)
            connections.put_bearer(f"refresh-{number}", refresh)
            access = make_bearer_token(parent=f"refresh-{number}")
            connections.put_bearer(f"access-{number}", access)
        assert connections.bearer("access-1", now=NOW) == make_bearer_token()

        connections.delete_bearer("refresh-1")

        with pytest.raises(NotFound):
            connections.bearer("access-1", now=NOW)
        assert connections.bearer("access-2", now=NOW) == make_bearer_token()

    def test_kinds_of_secrets_are_kept_apart(self, connections: ConnectionStore) -> None:
        """A code is no token and a token no code, even if they were the same text."""
        connections.put_code("secret", make_authorization_code())

        with pytest.raises(NotFound):
            connections.bearer("secret", now=NOW)

        connections.take_code("secret", now=NOW)


def test_table_holds_no_secret_of_ours(table: Table, dynamodb: "DynamoDBClient") -> None:
    """Whoever reads the table learns no state, code or token, and every row has an end."""
    connections = DynamoConnectionStore(table)

    connections.put_request("the-state-itself", make_connection_request())
    connections.put_code("the-code-itself", make_authorization_code())
    connections.put_bearer("the-token-itself", make_bearer_token(parent="the-parent-itself"))

    items = dynamodb.scan(TableName=aws.TABLE)["Items"]
    assert len(items) == 3
    assert "-itself" not in str(items)
    assert all(int(item["expires_at"]["N"]) > NOW.timestamp() for item in items)
