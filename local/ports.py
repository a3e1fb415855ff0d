"""Ports of this machine's loopback address."""

import socket
from contextlib import ExitStack


class PortInUse(Exception):
    """A port that the stack needs is taken; the message names it and its variable."""


def free_port() -> int:
    """Find a port that nothing listens on right now."""
    [port] = free_ports(1)
    return port


def free_ports(number: int) -> list[int]:
    """Find as many ports that nothing listens on right now, each another."""
    with ExitStack() as held:
        # All are held until the last is found: one that was let go could be found again.
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def require_free(port: int, variable: str) -> None:
    """Raise PortInUse when something already listens on `port`."""
    with socket.socket() as probe:
        # As servers do, so that connections still closing do not count as a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUse(
                f"Port {port} is in use: choose another with {variable}=<port>, "
                f"or stop what uses it."
            ) from error
