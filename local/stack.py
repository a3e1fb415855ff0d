"""`make run`: start the stack, tell how to use it, and keep watch until it is told to stop.

    starting ──► running ──► Ctrl-C, SIGTERM, closed terminal ──► stopping ──► exit 0
        │            └────── a part ends by itself ─────────────► stopping ──► exit 1
        └─ a port in use, a failed build ... ──► one message ───► stopping ──► exit 1

Stopping takes seconds, because the local AWS writes its state; further signals do not cut it short.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from local.paths import STACK_FILE, STATE
from local.ports import PortInUse
from local.progress import StackFailed, say
from local.provider_simulators import SIMULATORS
from local.running_stack import RunningStack, StackPlan, running_stack

_WATCH_SECONDS = 0.5
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody wants the stack to stop. Like KeyboardInterrupt, nothing but us may catch it."""


def main() -> int:
    """Run the stack until it is stopped; the exit code says whether that was wanted."""
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        plan = plan_of_environment()
        started = time.monotonic()
        say("Starting Postroom's local stack")
        with running_stack(plan) as stack:
            write_description(stack, STACK_FILE)
            try:
                _welcome(stack, time.monotonic() - started)
                _watch(stack)
            finally:
                STACK_FILE.unlink(missing_ok=True)
    except Stopped:
        say("Stopped. The state is kept; `make run` continues, `make run FRESH=1` starts empty.")
        return 0
    except (PortInUse, StackFailed) as failure:
        say(str(failure))
        return 1


def _watch(stack: RunningStack) -> NoReturn:
    """Look after the stack until it is to stop (raises Stopped) or fails (raises StackFailed).

    A closed terminal tells only the first process in it, and when that is make, make keeps it to
    itself: so the terminal is watched too.
    """
    had_terminal = os.isatty(0)
    while True:
        stack.require_alive()
        if had_terminal and not os.isatty(0):
            _stop(signal.SIGHUP, None)
        time.sleep(_WATCH_SECONDS)


def plan_of_environment() -> StackPlan:
    """Read the plan from the environment; every port has its variable. Raises StackFailed."""
    providers = os.environ.get("PROVIDERS") or "simulated"
    if providers not in ("simulated", "live"):
        raise StackFailed(f"PROVIDERS must be `simulated` or `live`, not {providers!r}.")
    return StackPlan(
        state=STATE / "state",
        api_port=_port("POSTROOM_PORT", 3000),
        ministack_port=_port("MINISTACK_PORT", 4566),
        simulator_ports={}
        if providers == "live"
        else {one.provider: _port(one.port_variable, one.default_port) for one in SIMULATORS},
        undo_seconds=_number("UNDO_SECONDS", 0, range(901), "a number of seconds up to 900"),
        fresh=os.environ.get("FRESH") == "1",
    )


def write_description(stack: RunningStack, path: Path) -> None:
    """Write `.local/stack.json`, readable by its owner only: it holds the administrator's key."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        json.dump(stack.description(), file, indent=2)
    draft.replace(path)


def _port(variable: str, default: int) -> int:
    return _number(variable, default, range(1, 65536), "a port between 1 and 65535")


def _number(variable: str, default: int, allowed: range, meaning: str) -> int:
    value = os.environ.get(variable) or str(default)
    if not re.fullmatch("[0-9]{1,5}", value) or int(value) not in allowed:
        raise StackFailed(f"{variable} must be {meaning}, not {value!r}.")
    return int(value)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    say("\nStopping; the state is being saved ...")
    raise Stopped


def _welcome(stack: RunningStack, seconds: float) -> None:
    say(f"Ready after {seconds:.1f} s.\n")
    say(f"  console     {stack.api_uri}/console")
    say(f"  API         {stack.api_uri}")
    say(f"  API key     {stack.api_key}")
    say(f"  client id   {stack.client_id}")
    for provider, url in stack.simulators.items():
        say(f"  {provider:<11} {url}  (simulated)")
        for address in stack.mailboxes[provider]:
            say(f"              {address}")
    say(f"  all of it   {STACK_FILE}\n")
    if stack.simulators:
        say(_next_steps(stack))
    else:
        say("  No simulators: enter your provider's client id and secret in the console.")
    say("\n`make logs` follows the functions' log. Ctrl-C stops and keeps the state.")


def _next_steps(stack: RunningStack) -> str:
    redirect_uri = "http://localhost:8000/callback"
    provider = next(iter(stack.simulators))
    address = next(iter(stack.mailboxes[provider]), "")
    return f"""\
Connect a mailbox: first say where its owner returns to,

  curl -X POST {stack.api_uri}/v3/applications/redirect-uris \\
    -H 'Authorization: Bearer {stack.api_key}' \\
    -H 'Content-Type: application/json' -d '{{"url": "{redirect_uri}"}}'

then open

  {stack.api_uri}/v3/connect/auth?client_id={stack.client_id}\
&provider={provider}&response_type=code&redirect_uri={redirect_uri}&login_hint={address}

and exchange the `code` that comes back at POST /v3/connect/token. Any mailbox above will do, with
the name of its provider."""


if __name__ == "__main__":
    sys.exit(main())
