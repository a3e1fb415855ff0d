"""ApiKeyStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from postroom.domain.api_key import ApiKey
from postroom.domain.errors import NotFound
from postroom.domain.principal import Scope
from postroom.ports import ApiKeyStore
from postroom.storage.dynamodb.api_keys import DynamoApiKeyStore
from postroom.storage.dynamodb.table import Table
from tests.builders import NOW
from tests.contract import aws
from tests.fakes import InMemoryApiKeyStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READER = ApiKey(
    id="reader",
    name="The reader",
    scopes=frozenset({Scope.MAIL_READ, Scope.GRANTS_READ}),
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
)
SENDER = replace(
    READER,
    id="sender",
    scopes=frozenset({Scope.MAIL_SEND}),
    created_at=NOW + timedelta(seconds=1),
    expires_at=None,
)


@pytest.fixture(params=["memory", "dynamodb"])
def api_keys(request: pytest.FixtureRequest) -> ApiKeyStore:
    if request.param == "memory":
        return InMemoryApiKeyStore()
    return DynamoApiKeyStore(request.getfixturevalue("table"))


class TestApiKeyStore:
    """What opens the API."""

    def test_a_key_stands_for_what_it_was_made_for(self, api_keys: ApiKeyStore) -> None:
        """Each key has its own name, scopes and end."""
        api_keys.add("one", READER)
        api_keys.add("two", SENDER)

        assert api_keys.find("one", now=NOW) == READER
        assert api_keys.find("two", now=NOW + timedelta(days=999)) == SENDER
        assert api_keys.all() == [READER, SENDER]

    def test_a_key_ends_to_the_moment(self, api_keys: ApiKeyStore) -> None:
        """Rows may outlive their end by days; the key does not."""
        api_keys.add("one", READER)
        end = NOW + timedelta(days=1)

        api_keys.find("one", now=end - timedelta(microseconds=1))
        with pytest.raises(NotFound):
            api_keys.find("one", now=end)

    def test_a_revoked_key_opens_nothing(self, api_keys: ApiKeyStore) -> None:
        """Revoking ends one key at once, and only that one; there is nothing to revoke twice."""
        api_keys.add("one", READER)
        api_keys.add("two", SENDER)

        api_keys.revoke("reader")

        with pytest.raises(NotFound):
            api_keys.find("one", now=NOW)
        assert api_keys.all() == [SENDER]
        with pytest.raises(NotFound):
            api_keys.revoke("reader")

    @pytest.mark.parametrize("text", ["", "never made", "\ud800", "x" * 5_000])
    def test_what_is_no_key_is_not_found(self, api_keys: ApiKeyStore, text: str) -> None:
        """Whatever a stranger sends."""
        with pytest.raises(NotFound):
            api_keys.find(text, now=NOW)
        with pytest.raises(NotFound):
            api_keys.revoke(text)


def test_the_table_holds_no_key(table: Table, dynamodb: "DynamoDBClient") -> None:
    """Whoever reads the table cannot come in."""
    DynamoApiKeyStore(table).add("the-key-itself", READER)

    items = dynamodb.scan(TableName=aws.TABLE)["Items"]

    assert len(items) == 2
    assert "-itself" not in str(items)
