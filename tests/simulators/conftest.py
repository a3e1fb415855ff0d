"""Runs a simulator on a real socket, and lets tests of a simulator use sockets."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from werkzeug.serving import make_server

from local.simulators.server import QuietHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares each client from reading all certificates of the machine."""
OWNER = "ada@simulated.example"
FRIEND = "grace@simulated.example"


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Simulators are network servers: their tests talk to them over loopback."""


@dataclass(frozen=True)
class Control:
    """The control interface of one running simulator."""

    http: httpx.Client

    def post(self, path: str, body: Any = None) -> Any:
        """Call the control interface and return its answer, which must be a success."""
        answer = self.http.post(f"/_sim/{path}", json={} if body is None else body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        """Read from the control interface."""
        answer = self.http.get(f"/_sim/{path}")
        assert answer.is_success, answer.text
        return answer.json()

    def settings(self, **changes: Any) -> None:
        """Change settings."""
        self.post("settings", changes)

    def deliver(self, address: str, raw: bytes | str, **options: Any) -> str:
        """Deliver a message and return its id."""
        content = raw if isinstance(raw, bytes) else raw.encode()
        path = f"/_sim/mailboxes/{address}/messages"
        answer = self.http.post(path, content=content, params=options)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


Running = Callable[["WSGIApplication"], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def running() -> Running:
    """Return what serves an app on a free port for as long as a `with` block lasts."""

    @contextmanager
    def serve(app: "WSGIApplication") -> Iterator[str]:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)

    return serve
