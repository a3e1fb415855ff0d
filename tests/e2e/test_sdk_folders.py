"""Folders through the official SDK: made, found, listed by level, changed and deleted."""

import uuid
from collections.abc import Callable

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for


def test_folders_are_managed(
    postroom: Client, provider: SimulatedProvider, connect: Callable[[SimulatedProvider, str], str]
) -> None:
    """Every method of the SDK's folders, with every parameter it knows."""
    address = provider.address(f"folders-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, address)
    wait_for(lambda: postroom.folders.list(grant).data)

    work = postroom.folders.create(grant, {"name": "Work"}).data
    invoices = postroom.folders.create(grant, {"name": "Invoices", "parent_id": work.id}).data
    assert invoices.parent_id == work.id
    found = postroom.folders.find(grant, invoices.id, query_params={"select": "id,name"}).data
    assert (found.id, found.grant_id, found.name) == (invoices.id, grant, invoices.name)

    def ids(**query: object) -> set[str]:
        return {each.id for each in postroom.folders.list(grant, query_params=query).data}

    assert {work.id, invoices.id} <= ids()
    assert ids(parent_id=work.id) == {invoices.id}
    top = ids(single_level=True, include_hidden_folders=True)
    assert work.id in top
    assert invoices.id not in top
    first = postroom.folders.list(grant, query_params={"limit": 1})
    assert len(first.data) == 1
    assert first.next_cursor

    renamed = postroom.folders.update(grant, work.id, {"name": "Office"}).data
    assert (renamed.id, renamed.name) == (work.id, "Office")
    with pytest.raises(NylasApiError) as taken:
        postroom.folders.create(grant, {"name": "Office"})
    assert (taken.value.status_code, taken.value.type) == (400, "provider_error")
    with pytest.raises(NylasApiError) as unknown:
        postroom.folders.list(grant, query_params={"parent_id": "nowhere"})
    assert unknown.value.status_code == 400
    assert "parent_id" in str(unknown.value)

    assert postroom.folders.destroy(grant, invoices.id).request_id
    with pytest.raises(NylasApiError) as gone:
        postroom.folders.find(grant, "no-such-folder")
    assert gone.value.status_code == 404
    postroom.grants.destroy(grant)
