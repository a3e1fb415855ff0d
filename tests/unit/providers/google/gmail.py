"""A scripted Gmail for unit tests: answers in turn, and remembers what it was asked."""

import json
from collections.abc import Iterable
from typing import Any

import httpx

from postroom.providers.google.client import GmailClient
from postroom.providers.google.endpoints import endpoints
from tests.builders import ACCOUNT_ID
from tests.unit.providers.scripted import Scripted, Tokens


class Gmail(Scripted):
    """A Gmail that answers calls from a list."""

    def client(self) -> GmailClient:
        """Return a client that speaks to this Gmail."""
        return GmailClient(
            http=self.http(), endpoints=endpoints(), tokens=self.tokens, clock=self.clock
        )


def refusal(status: int, reason: str = "", headers: dict[str, str] | None = None) -> httpx.Response:
    """An error in Google's form."""
    error = {"code": status, "errors": [{"reason": reason}] if reason else []}
    return httpx.Response(status, json={"error": error}, headers=headers)


def message(number: str, thread: str = "t", **more: Any) -> dict[str, Any]:
    """A small message of format full."""
    return {
        "id": number,
        "threadId": thread,
        "historyId": "7",
        "internalDate": "1795248005000",
        "payload": {"mimeType": "text/plain", "body": {"size": 1, "data": "eA=="}},
        **more,
    }


def batch_answer(parts: Iterable[tuple[int, int, Any]]) -> httpx.Response:
    """A batch's answer from (number of the call, status, JSON or its text)."""
    body = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <response-{number}>\r\n\r\n"
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\r\n"
        f"{content if isinstance(content, str) else json.dumps(content)}\r\n"
        for number, status, content in parts
    )
    return httpx.Response(
        200, content=f"{body}--b--", headers={"Content-Type": "multipart/mixed; boundary=b"}
    )


def called(request: httpx.Request) -> list[str]:
    """The addresses inside a batch, below `users/me/`."""
    lines = request.content.decode().splitlines()
    return [line.split()[1].partition("/me/")[2] for line in lines if line.startswith("GET ")]


__all__ = ["ACCOUNT_ID", "Gmail", "Tokens", "batch_answer", "called", "message", "refusal"]
