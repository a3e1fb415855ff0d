"""Drives a simulator in-process, without sockets, from an httpx client."""

from typing import TYPE_CHECKING

import httpx

from local.simulators.faults import ConnectionDropped

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class SimulatorTransport(httpx.BaseTransport):
    """`httpx.Client(transport=SimulatorTransport(app))`: any host reaches the simulator.

    A dropped connection is the httpx.RemoteProtocolError that a socket would give.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._wsgi = httpx.WSGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; raises httpx.RemoteProtocolError when a fault drops it."""
        try:
            return self._wsgi.handle_request(request)
        except ConnectionDropped as drop:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a complete response.", request=request
            ) from drop
