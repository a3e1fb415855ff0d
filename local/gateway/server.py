"""The gateway on a port: HTTP/1.1, one thread per request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from local.gateway.app import Gateway


class _RequestHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        # http.server folds leading slashes into one; API Gateway leaves `//v3/...` as it is.
        environ["REQUEST_URI"] = self.requestline.split(" ")[1]
        return environ

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing: the gateway has its own access log, without paths and queries."""


@contextmanager
def serving(gateway: Gateway, port: int) -> Iterator[None]:
    """Serve on 127.0.0.1:`port` until the block ends."""
    server = make_server("127.0.0.1", port, gateway, threaded=True, request_handler=_RequestHandler)
    thread = threading.Thread(target=server.serve_forever, name="gateway", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
