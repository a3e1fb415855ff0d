"""Scheduled sends through the official SDK: listed, found, stopped, and one that leaves."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for

Connect = Callable[[SimulatedProvider, str], str]

SOON_SECONDS = 75
"""A send may be scheduled for a minute ahead or more; a quarter of one is for it to be taken."""


def _letter(to: str, *, subject: str, wait_seconds: int) -> Any:
    send_at = int(time.time()) + wait_seconds
    return {"to": [{"email": to}], "subject": subject, "body": "<p>Hi</p>", "send_at": send_at}


def _mailbox(provider: SimulatedProvider, connect: Connect) -> tuple[str, str]:
    """Make and connect a mailbox; answers its address and its grant."""
    address = provider.address(f"later-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    return address, connect(provider, address)


def test_schedules_are_listed_found_and_stopped(
    postroom: Client, provider: SimulatedProvider, connect: Connect
) -> None:
    """Every method of the SDK that is about schedules; by a queue and by the scheduler."""
    address, grant = _mailbox(provider, connect)
    soon = postroom.messages.send(grant, _letter(address, subject="Soon", wait_seconds=600)).data
    later = postroom.messages.send(
        grant, _letter(address, subject="Later", wait_seconds=9_000)
    ).data
    assert (soon.grant_id, later.grant_id) == (grant, grant)
    assert soon.schedule_id
    assert later.schedule_id

    listed = postroom.messages.list_scheduled_messages(grant)
    assert listed.request_id
    assert [each.schedule_id for each in listed.data] == [soon.schedule_id, later.schedule_id]
    assert {each.status.code for each in listed.data} == {"pending"}
    found = postroom.messages.find_scheduled_message(grant, later.schedule_id).data
    assert found.schedule_id == later.schedule_id
    assert found.status.description == "schedule send awaiting send at time"

    for each in (soon, later):
        stopped = postroom.messages.stop_scheduled_message(grant, each.schedule_id)
        assert stopped.data.message == "requested cancelation for workflow"
        after = postroom.messages.find_scheduled_message(grant, each.schedule_id).data
        assert after.status.code == "cancelled"
        assert after.close_time
    with pytest.raises(NylasApiError) as unknown:
        postroom.messages.stop_scheduled_message(grant, "nothing-has-this-id")
    assert unknown.value.status_code == 404
    with pytest.raises(NylasApiError) as past:
        postroom.messages.send(grant, _letter(address, subject="Past", wait_seconds=-60))
    assert (past.value.status_code, past.value.type) == (400, "invalid_request_error")
    postroom.grants.destroy(grant)


def test_a_scheduled_send_leaves_at_its_time(
    postroom: Client,
    http: httpx.Client,
    google: SimulatedProvider,
    microsoft: SimulatedProvider,
    connect: Connect,
) -> None:
    """From both providers at once; not before its time, once, and its schedule says so."""
    waiting = []
    for provider in (google, microsoft):
        address, grant = _mailbox(provider, connect)
        letter = _letter(address, subject="At last", wait_seconds=SOON_SECONDS)
        answer = http.post(
            f"/v3/grants/{grant}/messages/send",
            json=letter,
            headers={"idempotency-key": "one"},
        )
        assert answer.status_code == 202, answer.text
        waiting.append((provider, address, grant, letter, answer.json()["data"]["schedule_id"]))

    for provider, address, grant, letter, schedule in waiting:

        def sent(grant: str = grant, schedule: str = schedule) -> bool:
            found = postroom.messages.find_scheduled_message(grant, schedule).data
            return bool(found.status.code == "success")

        wait_for(sent, seconds=3 * SOON_SECONDS)
        assert time.time() >= letter["send_at"]
        arrived = [each for each in provider.messages(address) if each["subject"] == "At last"]
        # Sent to oneself: one that was sent, and where it is another one, one that was received.
        assert len(arrived) == (1 if provider is google else 2)
        again = http.post(
            f"/v3/grants/{grant}/messages/send",
            json=letter,
            headers={"idempotency-key": "one"},
        )
        assert again.status_code == 200, again.text
        assert again.json()["data"]["schedule_id"] == schedule
        assert again.json()["data"]["id"]
        with pytest.raises(NylasApiError) as late:
            postroom.messages.stop_scheduled_message(grant, schedule)
        assert late.value.status_code == 409
        postroom.grants.destroy(grant)
