"""SenderStore, in memory and in the table."""

import pytest

from postroom.domain.sender import Sender
from postroom.ports import SenderStore
from postroom.storage.dynamodb.senders import DynamoSenderStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID
from tests.fakes import InMemorySenderStore

ADA = Sender(email="ada@example.com", name="Ada", signature="<b>Ada</b>", is_default=True)
SHOP = Sender(email="shop@example.com")


@pytest.fixture(params=["memory", "dynamodb"])
def senders(request: pytest.FixtureRequest) -> SenderStore:
    if request.param == "memory":
        return InMemorySenderStore()
    return DynamoSenderStore(request.getfixturevalue("table"))


class TestSenderStore:
    """The addresses that accounts may send from."""

    def test_senders_are_those_that_were_told_last(self, senders: SenderStore) -> None:
        """In their order; of an account of which nothing was told, none."""
        assert list(senders.all(ACCOUNT_ID)) == []
        senders.replace(ACCOUNT_ID, [ADA, SHOP])
        assert list(senders.all(ACCOUNT_ID)) == [ADA, SHOP]
        senders.replace(ACCOUNT_ID, [ADA])
        assert list(senders.all(ACCOUNT_ID)) == [ADA]

    def test_erasing_takes_one_account_only(self, senders: SenderStore) -> None:
        """A removed account leaves none, and takes nobody else's along."""
        senders.replace(ACCOUNT_ID, [ADA])
        senders.replace(OTHER_ACCOUNT_ID, [SHOP])
        senders.erase(ACCOUNT_ID)
        senders.erase(ACCOUNT_ID)
        assert list(senders.all(ACCOUNT_ID)) == []
        assert list(senders.all(OTHER_ACCOUNT_ID)) == [SHOP]


def test_signatures_with_pictures_do_not_burst_the_row(table: Table) -> None:
    """A row has 400 KB: the first signatures that fit are kept, and every address."""
    picture = "<img src='data:," + "x" * 200_000 + "'>"
    told = [Sender(email=f"{n}@example.com", signature=picture) for n in range(3)]
    store = DynamoSenderStore(table)
    store.replace(ACCOUNT_ID, told)
    kept = store.all(ACCOUNT_ID)
    assert [each.email for each in kept] == [each.email for each in told]
    assert [bool(each.signature) for each in kept] == [True, False, False]
