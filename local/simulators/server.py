"""Serves a simulator on loopback and keeps its state."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from local.simulators import state_file
from local.simulators.settings import Settings
from local.simulators.wsgi import SimulatorApp

SAVE_EVERY_SECONDS = 5


class QuietHandler(WSGIRequestHandler):
    """Logs no requests: addresses, tokens and searches travel in their paths."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""


def arguments(default_port: int) -> argparse.Namespace:
    """Read the command line that all simulators share."""
    parser = argparse.ArgumentParser(description="Simulates a mail provider on this machine.")
    parser.add_argument("--port", type=int, default=default_port)
    parser.add_argument("--state", type=Path, help="file that keeps the state across restarts")
    parser.add_argument("--seed", action="store_true", help="fill the sample mailboxes when empty")
    parser.add_argument("--peer", help="base address of the other simulator")
    parser.add_argument("--push-endpoint", help="where Pub/Sub pushes go")
    parser.add_argument("--push-audience")
    parser.add_argument("--push-service-account")
    parser.add_argument("--auto-consent", action="store_true")
    return parser.parse_args()


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that the command line asks for."""
    names = ("peer", "push_endpoint", "push_audience", "push_service_account", "auto_consent")
    given: dict[str, Any] = {name: getattr(options, name) for name in names}
    return Settings.model_validate({name: value for name, value in given.items() if value})


def serve(
    app: SimulatorApp, options: argparse.Namespace, seed: Callable[[SimulatorApp], None]
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then save and return.

    Exits with a sentence when the state is another version's.
    """
    state: Path | None = options.state
    if state is not None and state.exists():
        try:
            state_file.load(app, state)
        except state_file.UnreadableState as reason:
            sys.exit(str(reason))
    elif options.seed:
        seed(app)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    server = make_server(
        "127.0.0.1", options.port, app, threaded=True, request_handler=QuietHandler
    )
    server.daemon_threads = True  # type: ignore[attr-defined]  # of ThreadingMixIn
    serving = {"poll_interval": 0.05}
    threading.Thread(target=server.serve_forever, kwargs=serving, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    while not stop.wait(SAVE_EVERY_SECONDS):
        if state is not None and app.changed:
            state_file.save(app, state)
    server.shutdown()
    if state is not None:
        state_file.save(app, state)
