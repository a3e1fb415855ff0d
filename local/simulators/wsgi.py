"""The WSGI application around a simulated provider: faults, latency, usage, compression.

request ─ /_sim/… ──────────────────────────────▶ control interface
   │
   └─ fault? ─ fails before ──────────────────▶ fault's answer, or dropped connection
        └─ admitted? ─ no ────────────────────▶ the provider's refusal (quota)
             └─ latency, delay ─ provider ─ fault after effect? ─▶ answer
"""

import gzip
import json
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import Request, Response

from local.simulators.control import ControlInterface
from local.simulators.faults import ConnectionDropped, Fault
from local.simulators.provider import Call, CallRefused, Controls, SimulatedProvider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_COMPRESS_FROM_BYTES = 1024
_REJECTIONS = frozenset({401, 403, 429})


class SimulatorApp:
    """A WSGI application; all its state is inside it and its provider."""

    def __init__(self, provider: SimulatedProvider, controls: Controls) -> None:
        self.provider = provider
        self.controls = controls
        self._control = ControlInterface(provider, controls)
        self.changed = False
        """Whether something may have changed since a saver last looked."""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request. Any Host will do."""
        request = Request(environ)
        if request.path.startswith("/_sim/"):
            response = self._control.handle(request)
        else:
            try:
                response = self.answer(request, latency_ms=self.controls.settings.latency_ms)
            except ConnectionDropped as drop:
                _cut_connection(environ, drop.partial)
                raise
            _compress(request, response)
        if request.method != "GET":
            self.changed = True
        return response(environ, start_response)

    def answer(self, request: Request, *, latency_ms: int = 0) -> Response:
        """Do one call with its faults; raises ConnectionDropped."""
        call = self.provider.call_of(request)
        fault = self.controls.faults.pick(request.method, request.path)
        if fault is not None and fault.fails and not fault.after_effect:
            _pause(latency_ms + fault.delay_ms)
            self._count(call, rejected=True)
            return self._fail(fault, None)
        delay_ms = latency_ms + (fault.delay_ms if fault else 0)
        try:
            with self.provider.admitted(request, call):
                _pause(delay_ms)
                response = self.provider.handle(request, self.answer)
        except CallRefused as refused:
            response = refused.response
        self._count(call, rejected=response.status_code in _REJECTIONS)
        return self._fail(fault, response) if fault is not None and fault.fails else response

    def _count(self, call: Call, *, rejected: bool) -> None:
        self.controls.usage.count(call.mailbox, call.method, call.units, rejected=rejected)

    def _fail(self, fault: Fault, done: Response | None) -> Response:
        if fault.drop:
            raise ConnectionDropped(_half_of(done) if done else b"")
        if fault.status is None:
            raise ValueError("a fault that fails has a status or drops")
        response = self.provider.error_response(fault.status)
        if isinstance(fault.body, dict):
            response = Response(json.dumps(fault.body), fault.status, mimetype="application/json")
        elif fault.body is not None:
            response = Response(fault.body, fault.status, mimetype="text/plain")
        response.headers.update(fault.headers)
        return response


def _pause(milliseconds: int) -> None:
    if milliseconds:
        time.sleep(milliseconds / 1000)


def _half_of(response: Response) -> bytes:
    body = response.get_data()
    head = f"HTTP/1.1 {response.status}\r\nContent-Length: {len(body)}\r\n"
    head += f"Content-Type: {response.content_type}\r\n\r\n"
    return head.encode() + body[: len(body) // 2]


def _cut_connection(environ: "WSGIEnvironment", partial: bytes) -> None:
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        if partial:
            connection.sendall(partial)
        connection.shutdown(socket.SHUT_RDWR)


def _compress(request: Request, response: Response) -> None:
    body = response.get_data()
    accepts = "gzip" in request.headers.get("Accept-Encoding", "")
    if accepts and len(body) >= _COMPRESS_FROM_BYTES and "Content-Encoding" not in response.headers:
        response.set_data(gzip.compress(body, compresslevel=1, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
