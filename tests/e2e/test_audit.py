"""Is the copy complete? `make audit` on the running stack."""

import os
from collections.abc import Callable
from pathlib import Path

import boto3
import httpx
import pytest

from local import local_aws
from local.api_client import ApiClient
from local.audit import audit
from local.running_stack import RunningStack
from postroom.domain.ids import AccountId, MessageId
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.fakes import FixedClock
from tests.world import make_mail

LETTERS = 7


@pytest.fixture
def grant(
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> str:
    """A connected mailbox with some mail, wholly read."""
    address = provider.address(f"auditor{os.urandom(3).hex()}")
    provider.call("POST", "mailboxes", json={"address": address})
    for number in range(LETTERS):
        provider.deliver(address, make_mail(to=address, subject=f"Letter {number}"))
    grant_id = connect(provider, address)
    wait_for(lambda: http.get(f"/v3/grants/{grant_id}").json()["data"]["sync"]["state"] == "synced")
    return grant_id


def _audited(stack: RunningStack, grant: str, log: Path) -> int:
    """Audit one mailbox alone: others of this stack have mail on its way."""
    api = ApiClient(stack.api_uri, stack.api_key, log)
    return audit(api, [account for account in api.accounts() if account["id"] == grant])


def test_every_mailbox_is_compared(
    stack: RunningStack, grant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table for each account; complete ones end it with 0."""
    assert _audited(stack, grant, tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    everything = [line.split() for line in lines if line.strip().startswith("(all mail)")]
    assert ["(all", "mail)", str(LETTERS), str(LETTERS), "0", "0", "equal"] in everything


@pytest.mark.long
def test_a_lost_message_comes_back(
    stack: RunningStack, http: httpx.Client, grant: str, tmp_path: Path
) -> None:
    """Taken out of the table behind Postroom's back, found, and fetched."""
    # Given
    client = boto3.client("dynamodb", **local_aws.client_options(stack.endpoint_url))
    table = Table(client, client.list_tables()["TableNames"][0])
    path = f"/v3/grants/{grant}/messages"
    lost = http.get(path).json()["data"][0]
    store = DynamoMessageStore(table, FixedClock())
    assert store.remove(AccountId(grant), MessageId(lost["id"]), None)
    assert len(http.get(path).json()["data"]) == LETTERS - 1
    # When
    assert _audited(stack, grant, tmp_path) == 0
    # Then
    found = http.get(path).json()["data"]
    assert lost["id"] in {message["id"] for message in found}
    told = http.get(f"/v3/grants/{grant}/audit").json()["data"]["all_mail"]
    assert (told["state"], told["drift"]) == ("repaired", 1)
