"""Builds the Microsoft simulator as a WSGI application."""

from collections.abc import Callable
from datetime import datetime

import httpx

from local.simulators.clock import SimulatorClock
from local.simulators.microsoft.simulator import MicrosoftSimulator
from local.simulators.provider import Controls
from local.simulators.settings import Settings
from local.simulators.wsgi import SimulatorApp


def create_app(
    clock: Callable[[], datetime] | None = None,
    settings: Settings | None = None,
    outbound: httpx.BaseTransport | None = None,
    reorder_wait_seconds: float = 1.0,
) -> SimulatorApp:
    """Return a simulator with no mailboxes.

    `clock` returns the base time, aware and in UTC; `settings` are those that a reset returns to;
    `outbound` carries notifications and mail for the other simulator (the network when None).
    With push mode `reorder`, one waits `reorder_wait_seconds` at most for the next to overtake it.
    """
    controls = Controls(SimulatorClock(clock), settings or Settings())
    return SimulatorApp(MicrosoftSimulator(controls, outbound, reorder_wait_seconds), controls)
