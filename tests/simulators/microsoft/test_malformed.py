"""Exchange accepts anything: so does the simulator."""

from typing import Any

import pytest

from tests.simulators.conftest import OWNER, Control
from tests.simulators.google.test_malformed import FILES, OWN_SAMPLES
from tests.simulators.microsoft.conftest import Graph


@pytest.mark.parametrize(
    "raw",
    [
        *(pytest.param(path.read_bytes(), id=path.name) for path in FILES),
        *(pytest.param(raw, id=name) for name, raw in OWN_SAMPLES.items()),
    ],
)
def test_malformed_messages_can_be_read(control: Control, graph: Graph, raw: bytes) -> None:
    """No message fails a page, a search, the ground truth or an answer; MIME is as it was."""
    message_id = control.deliver(OWNER, raw)
    query: dict[str, Any] = {"$select": "subject,from,body,internetMessageHeaders,hasAttachments"}

    items, _ = graph.delta("mailFolders/inbox/messages/delta", **query)
    found = graph.get("messages", **{"$search": '"unlikely-word"'})["value"]
    attachments = graph.get(f"messages/{message_id}/attachments")["value"]
    forwarded = graph.post(f"messages/{message_id}/createForward")

    assert [item["id"] for item in items] == [message_id]
    assert graph.call("GET", f"messages/{message_id}/$value").content == raw
    assert found == []
    assert graph.call("GET", f"messages/{forwarded['id']}/$value").content
    truth = control.get(f"mailboxes/{OWNER}")["messages"]
    assert len(truth) == 2
    assert len(truth[-1]["attachments"]) == len(attachments)
