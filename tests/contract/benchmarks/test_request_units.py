"""The meter of DynamoDB's request units: known writes and reads cost known units."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from benchmarks.request_units import MeteredDynamoDB, item_size
from postroom.storage.dynamodb.attributes import to_item
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.table import (
    ConditionFailed,
    Table,
    delete_in_transaction,
    put_in_transaction,
)
from tests.contract import aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY, OTHER_KEY = Key("M#1", "MESSAGE"), Key("M#2", "MESSAGE")
KB = 1024


@pytest.fixture
def metered(dynamodb: "DynamoDBClient") -> MeteredDynamoDB:
    """A metered client of a table as the template has it."""
    aws.create_table(dynamodb)
    return MeteredDynamoDB(dynamodb, aws.TABLE)


@pytest.fixture
def table(metered: MeteredDynamoDB) -> Table:
    """The store's table on the metered client."""
    return Table(cast("Any", metered), aws.TABLE)


def test_a_write_costs_the_larger_of_before_and_after(
    table: Table, metered: MeteredDynamoDB
) -> None:
    """Making a row smaller, and deleting it, costs what the larger one did."""
    costs: list[int] = []

    def note() -> None:
        costs.append(metered.consumed.writes.total())
        metered.consumed.writes.clear()

    table.put(KEY, {"text": "x" * 3 * KB})
    note()
    table.update(KEY, "SET #text = :text", {"text": "x"})
    note()
    table.update(KEY, "SET #flag = :flag", {"flag": True})
    note()
    table.put(KEY, {"text": "x" * 2 * KB})
    note()
    table.delete(KEY)
    note()
    table.delete(KEY)
    note()
    assert costs == [4, 4, 1, 3, 3, 1]


def test_an_item_of_exactly_a_kilobyte_costs_one_unit(
    table: Table, metered: MeteredDynamoDB
) -> None:
    """One byte more costs another unit."""
    rest_bytes = item_size(to_item({**KEY._asdict(), "v": 1, "text": ""}))
    table.put(KEY, {"text": "x" * (KB - rest_bytes)})
    assert metered.consumed.writes == {"M": 1}
    table.put(OTHER_KEY, {"text": "x" * (KB - rest_bytes + 1)})
    assert metered.consumed.writes == {"M": 1 + 2}


def test_a_failed_condition_is_paid_for(table: Table, metered: MeteredDynamoDB) -> None:
    """It costs what the row has that stands there, or would stand there."""
    table.put(KEY, {"text": "x" * 2 * KB})
    metered.consumed.writes.clear()
    with pytest.raises(ConditionFailed):
        table.update(KEY, "SET #flag = :flag", {"flag": True}, condition="attribute_exists(#flag)")
    assert metered.consumed.writes == {"M": 3}
    with pytest.raises(ConditionFailed):
        table.put(KEY, {"text": "x" * 4 * KB}, "attribute_not_exists(#pk)")
    assert metered.consumed.writes == {"M": 3 + 5}


def test_a_batch_costs_each_of_its_writes(table: Table, metered: MeteredDynamoDB) -> None:
    """Nothing is saved by writing together; kinds of rows are told apart."""
    table.put(KEY, {"text": "x" * 2 * KB})
    metered.consumed.writes.clear()
    table.write_batch(
        {Key("L#1", str(number)): {} for number in range(30)} | {OTHER_KEY: {"text": "x" * KB}},
        deletes=[KEY],
    )
    assert metered.consumed.writes == {"L": 30, "M": 2 + 3}


def test_a_transaction_costs_twice(table: Table, metered: MeteredDynamoDB) -> None:
    """Also one that fails."""
    table.transact(put_in_transaction(KEY, {"text": "x" * KB}), put_in_transaction(OTHER_KEY, {}))
    assert metered.consumed.writes == {"M": 2 * (2 + 1)}
    metered.consumed.writes.clear()
    with pytest.raises(ConditionFailed):
        table.transact(
            delete_in_transaction(KEY),
            put_in_transaction(OTHER_KEY, {}, "attribute_not_exists(#pk)"),
        )
    assert metered.consumed.writes == {"M": 2 * (2 + 1)}


def test_the_due_index_is_paid_for_when_it_changes(table: Table, metered: MeteredDynamoDB) -> None:
    """A new entry 1, a moved one 2, one taken away 1; other changes of the row nothing."""
    costs: list[int] = []
    for change, values in (
        ("SET #due_shard = :shard, #due_at = :at", {"shard": "07", "at": 1}),
        ("SET #due_at = :at", {"at": 2}),
        ("SET #text = :text", {"text": "x"}),
        ("REMOVE #due_at", {}),
    ):
        table.update(KEY, change, values)
        costs.append(metered.consumed.writes.pop("due", 0))
    assert costs == [1, 2, 0, 1]


def test_reads_by_key_are_rounded_up_one_by_one(table: Table, metered: MeteredDynamoDB) -> None:
    """Each item counts in whole 4 KB, and one that does not exist counts like a small one."""
    missing = Key("M#3", "MESSAGE")
    table.write_batch({KEY: {"text": "x" * 100}, OTHER_KEY: {"text": "x" * 4 * KB}})
    table.get(OTHER_KEY)
    table.get(missing)
    assert metered.consumed.reads == {"M": 2 + 1}
    table.get_many([KEY, OTHER_KEY, missing])
    assert metered.consumed.reads == {"M": 2 + 1 + 1 + 2 + 1}


def test_a_query_is_rounded_up_as_a_whole(table: Table, metered: MeteredDynamoDB) -> None:
    """Its items count together: thirty of a third of a KB are three units, none is one."""
    table.write_batch({Key("L#1", f"{number:02d}"): {"text": "x" * 330} for number in range(30)})
    assert len(list(table.query("L#1"))) == 30
    assert metered.consumed.reads == {"L": 3}
    assert metered.consumed.read_bytes == 30 * item_size(
        to_item({"pk": "L#1", "sk": "00", "v": 1, "text": "x" * 330})
    )
    assert list(table.query("L#2")) == []
    assert metered.consumed.reads == {"L": 3 + 1}


def test_what_a_filter_hides_is_paid_for(table: Table, metered: MeteredDynamoDB) -> None:
    """A filter saves bytes on the way, not read units."""
    table.write_batch(
        {Key("P#1", f"{number:02d}"): {"text": "x" * KB, "n": number} for number in range(12)}
    )
    assert len(list(table.query("P#1", values={"n": 3}, filter_by="#n = :n"))) == 1
    assert metered.consumed.reads == {"P": 4}


def test_an_index_is_read_eventually_consistent(table: Table, metered: MeteredDynamoDB) -> None:
    """Half a unit, since entries of keys are small however large their rows are."""
    table.put(KEY, {"due_shard": "07", "due_at": 1, "text": "x" * 100 * KB})
    rows = table.query_index(
        "due", "#due_shard = :shard AND #due_at <= :at", {"shard": "07", "at": 5}, limit=10
    )
    assert len(rows) == 1
    assert metered.consumed.reads == {"due": 0.5}
