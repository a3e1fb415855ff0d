"""A scripted Graph for unit tests."""

import json
from typing import Any

import httpx

from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.endpoints import endpoints
from tests.unit.providers.scripted import Scripted


class Graph(Scripted):
    """A Graph that answers calls from a list."""

    def client(self) -> GraphClient:
        """Return a client that speaks to this Graph."""
        return GraphClient(
            http=self.http(), endpoints=endpoints(), tokens=self.tokens, clock=self.clock
        )


def refusal(status: int, code: str = "", headers: dict[str, str] | None = None) -> httpx.Response:
    """An error in Graph's form."""
    error = {"code": code, "message": "…", "innerError": {"request-id": "r"}}
    return httpx.Response(status, json={"error": error}, headers=headers)


def parts(*answers: tuple[int, int, Any], wait_seconds: int | None = None) -> httpx.Response:
    """A batch's answer, from (number of the call, status, body); a wait belongs to all 429s."""
    responses = [
        {
            "id": str(number),
            "status": status,
            "headers": {"Retry-After": str(wait_seconds)} if status == 429 and wait_seconds else {},
            "body": body,
        }
        for number, status, body in answers
    ]
    return httpx.Response(200, json={"responses": responses})


def called(request: httpx.Request) -> list[str]:
    """The addresses inside a batch, below the version."""
    return [part["url"] for part in json.loads(request.content)["requests"]]


def whole(provider_id: str, **more: Any) -> dict[str, Any]:
    """A message as a delta brings it."""
    return {
        "id": provider_id,
        "conversationId": "C",
        "parentFolderId": "F",
        "subject": "Lunch",
        "receivedDateTime": "2026-11-21T08:00:05Z",
        "lastModifiedDateTime": "2026-11-21T08:00:07Z",
        "isRead": False,
        "isDraft": False,
        "hasAttachments": False,
        "flag": {"flagStatus": "notFlagged"},
        "categories": [],
        "body": {"contentType": "html", "content": "<p>x</p>"},
        **more,
    }
