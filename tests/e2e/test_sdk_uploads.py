"""Large attachments through the official SDK: uploaded, completed, sent, received byte for byte."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for

Connect = Callable[[SimulatedProvider, str], str]

FILM = bytes(range(256)) * 24_000
"""Six megabytes: more than any request to the API carries."""


def test_a_large_file_is_uploaded_and_sent(
    postroom: Client, http: httpx.Client, provider: SimulatedProvider, connect: Connect
) -> None:
    """The SDK's two methods, one PUT to the bucket, and a send that names the upload."""
    reader, writer = (provider.address(f"{who}-{uuid.uuid4().hex[:6]}") for who in ("r", "w"))
    for address in (reader, writer):
        provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, writer)
    session = postroom.attachments.create_upload_session(
        grant, {"filename": "Fílm.mp4", "content_type": "video/mp4", "size": len(FILM)}
    ).data
    assert (session.method, session.size, session.grant_id) == ("PUT", len(FILM), grant)
    letter: Any = {
        "to": [{"email": reader}],
        "subject": "A film",
        "body": "<p>See attached.</p>",
        "attachments": [{"id": session.attachment_id}],
    }
    with pytest.raises(NylasApiError) as early:
        postroom.messages.send(grant, letter)

    put = httpx.put(str(session.url), content=FILM, headers=session.headers)
    assert put.is_success, put.text
    ready = postroom.attachments.complete_upload_session(grant, str(session.attachment_id)).data
    sent = postroom.messages.send(grant, letter).data

    assert (early.value.status_code, early.value.type) == (400, "invalid_request_error")
    assert (ready.attachment_id, ready.status) == (session.attachment_id, "ready")
    assert sent.schedule_id
    wait_for(lambda: [each for each in provider.messages(reader) if each["subject"] == "A film"])
    schedule = wait_for(
        lambda: _ended(postroom.messages.find_scheduled_message(grant, str(sent.schedule_id)).data)
    )
    assert schedule.status.code == "success"
    (arrived,) = provider.messages(reader)
    assert [file["filename"] for file in arrived["attachments"]] == ["Fílm.mp4"]
    copy = wait_for(lambda: postroom.messages.list(grant, {"limit": 5}).data)[0]
    file = copy.attachments[0]
    content = postroom.attachments.download_bytes(grant, file.id, {"message_id": copy.id})
    assert content == FILM
    postroom.grants.destroy(grant)


def test_what_no_message_could_carry_is_refused(
    postroom: Client, provider: SimulatedProvider, connect: Connect
) -> None:
    """Before anything is uploaded, and in a sentence that names the limit."""
    address = provider.address(f"large-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, address)

    with pytest.raises(NylasApiError) as refused:
        postroom.attachments.create_upload_session(
            grant, {"filename": "f", "content_type": "video/mp4", "size": 200 * 1024 * 1024}
        )

    assert refused.value.status_code == 413
    assert "sends at most" in str(refused.value)
    postroom.grants.destroy(grant)


def _ended(schedule: Any) -> Any:
    return schedule if schedule.close_time else None
