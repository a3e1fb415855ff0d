"""Workers in processes of their own, which use a world's stores and can be killed at any call.

    test process                                     worker's process
    a world: stores, clock, simulated provider ◄──── the use cases, the provider's client
                                        one pipe

Every call of a store and every request to the provider comes through the pipe. The test can do
anything right before any of them: kill the worker with SIGKILL, let another one work, let mail
come. Whoever is killed before its n-th call has done the n - 1 before it and nothing else.

Processes are forked from a small one that has loaded the code and nothing else: so they start at
once, and their peak memory is their own.
"""

import multiprocessing
import resource
import threading
import traceback
from collections.abc import Callable, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from multiprocessing.connection import Connection
from queue import Queue
from typing import Any, Self, cast

import httpx

from postroom.domain.account import ProviderName
from postroom.domain.errors import PostroomError
from postroom.providers.registry import ConfiguredProviders
from tests.fakes import QueuedWork
from tests.world import World

PROVIDER = "provider"
"""The store, so to speak, that requests to the provider go to."""

CLOCK = "clock"

_TIME_LIMIT_SECONDS = 120
"""How long a test waits for one piece of work; far more than any takes."""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])

_one_store_call = threading.Lock()
"""Fakes do one thing at a time, as one item of a table does."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a worker asks its world for. Requests to the PROVIDER are named by their method."""

    store: str
    name: str
    arguments: tuple[Any, ...]

    @property
    def path(self) -> str:
        """The path of a request to the PROVIDER."""
        return httpx.URL(self.arguments[0]).path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a piece of work."""

    killed: bool
    calls: int
    """Of stores and of the provider; looks at the clock are not counted."""
    peak_memory_bytes: int = 0
    """Of the process since its start (`ru_maxrss`); 0 when it was killed."""


BeforeCall = Callable[[Call], None]


class WorkerProcess:
    """A worker that does one piece of work after another until it is killed or closed."""

    def __init__(self, world: World, *, before_calls: Sequence[BeforeCall] = ()) -> None:
        self._world = world
        self.before_calls = list(before_calls)
        """Done before each call, in another thread than the test's; may kill the worker."""
        self._is_killed = False
        self._calls = 0
        self._orders: Queue[QueuedWork | None] = Queue()
        self._outcomes: Queue[Outcome | BaseException] = Queue()
        self._connection, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(
            target=_work, args=(theirs, *_stores_and_settings(world)), daemon=True
        )
        self._process.start()
        theirs.close()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Use the worker for the length of a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.kill()
        self._thread.join(_TIME_LIMIT_SECONDS)

    @property
    def is_killed(self) -> bool:
        """Whether the process is gone."""
        return self._is_killed

    def begin(self, work: QueuedWork) -> None:
        """Let the worker begin with something."""
        self._calls = 0
        self._orders.put(work)

    def wait(self) -> Outcome:
        """Wait until the worker is done, or killed. Raises what went wrong in it or beside it."""
        outcome = self._outcomes.get(timeout=_TIME_LIMIT_SECONDS)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def do(self, work: QueuedWork) -> Outcome:
        """Let the worker do something, and wait for it."""
        self.begin(work)
        return self.wait()

    def kill(self) -> None:
        """End the process at this moment, with SIGKILL."""
        self._is_killed = True
        self._orders.put(None)
        self._process.kill()
        self._process.join(_TIME_LIMIT_SECONDS)

    def _serve(self) -> None:
        try:
            while not self._is_killed:
                self._answer(*self._connection.recv())
        except (EOFError, OSError):
            if not self._is_killed:
                self._outcomes.put(AssertionError("the worker's process ended by itself"))
        except BaseException as problem:  # noqa: BLE001 - a story's own: `wait` raises it
            self._outcomes.put(problem)
        finally:
            self._connection.close()
        if self._is_killed:
            self._outcomes.put(Outcome(killed=True, calls=self._calls))

    def _answer(
        self, store: str, name: str, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        if store == "worker":
            self._connection.send((True, getattr(self, f"_{name}")(*arguments)))
            return
        if store != CLOCK:
            self._calls += 1
            for before_call in self.before_calls:
                before_call(Call(store, name, arguments))
            if self._is_killed:
                return
        try:
            if store == PROVIDER:
                answer = self._request(name, *arguments)
            else:
                with _one_store_call:
                    answer = getattr(getattr(self._world, store), name)(*arguments, **named)
        except PostroomError as problem:
            self._connection.send((False, problem))
        else:
            self._connection.send((True, answer))

    def _request(
        self, method: str, url: str, headers: Sequence[tuple[bytes, bytes]], content: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Pass a request on; None when the connection was cut."""
        request = httpx.Request(method, url, headers=list(headers), content=content)
        try:
            response = self._world.simulator.transport.handle_request(request)
        except httpx.RemoteProtocolError:
            return None
        return response.status_code, response.headers.raw, b"".join(response.iter_raw())

    def _next_work(self) -> QueuedWork | None:
        return self._orders.get()

    def _done(self, problem: str, peak_memory_bytes: int) -> None:
        if problem:
            self._outcomes.put(AssertionError(f"the worker failed:\n{problem}"))
        else:
            self._outcomes.put(
                Outcome(killed=False, calls=self._calls, peak_memory_bytes=peak_memory_bytes)
            )


def at_call(number: int, do: Callable[[], None]) -> BeforeCall:
    """Do something once, before the n-th call from now on."""
    calls = count(1)

    def before_call(_: Call) -> None:
        if next(calls) == number:
            do()

    return before_call


# ── In the worker's process ──────────────────────────────────────────────────────────────────────


class _Calls:
    """Asks the test's process. Safe between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(
        self, store: str, name: str, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        with self._lock:
            self._connection.send((store, name, arguments, named))
            succeeded, answer = self._connection.recv()
        if not succeeded:
            raise answer
        return answer


class _RemoteStore:
    def __init__(self, calls: _Calls, name: str) -> None:
        self._calls = calls
        self._name = name

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            sent = {key: _sendable(value) for key, value in named.items()}
            return self._calls(self._name, name, tuple(map(_sendable, arguments)), sent)

        return call


def _sendable(argument: Any) -> Any:
    """Return what goes through a pipe: a view of a dictionary does not."""
    if isinstance(argument, KeysView):
        return frozenset(argument)
    return list(argument) if isinstance(argument, ValuesView) else argument


class _RemoteTransport(httpx.BaseTransport):
    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        arguments = (str(request.url), request.headers.raw, request.read())
        answer = self._calls(PROVIDER, request.method, arguments, {})
        if answer is None:
            raise httpx.RemoteProtocolError("Server disconnected.", request=request)
        status, headers, content = answer
        return httpx.Response(status, headers=headers, content=content)


class _RemoteWorld(World):
    """The tools of a world whose stores are in another process."""

    def __init__(
        self, calls: _Calls, stores: Sequence[str], settings: Mapping[str, object]
    ) -> None:
        vars(self).update(settings)
        vars(self).update({name: _RemoteStore(calls, name) for name in stores})
        self.providers = ConfiguredProviders(
            configs=self.configs,
            client_secrets=self.client_secrets,
            clock=self.clock,
            simulator_urls=dict.fromkeys(ProviderName, "http://simulator"),
            transport=_RemoteTransport(calls),
        )


def _stores_and_settings(world: World) -> tuple[list[str], dict[str, object]]:
    """Name what a world keeps, its clock included, and return what it was told."""
    kept = {name: each for name, each in vars(world).items() if name != "simulator"}
    stores = [name for name, each in kept.items() if type(each).__module__.startswith("tests.")]
    told = (str, Mapping, timedelta)
    return stores, {name: each for name, each in kept.items() if isinstance(each, told)}


def _work(connection: Connection, stores: Sequence[str], settings: Mapping[str, object]) -> None:
    calls = _Calls(connection)
    world = _RemoteWorld(calls, stores, settings)
    while work := cast("QueuedWork | None", calls("worker", "next_work", (), {})):
        problem = ""
        try:
            world.do(work)
        except Exception:  # noqa: BLE001 - `wait` raises it in the test
            problem = traceback.format_exc()
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        calls("worker", "done", (problem, peak_bytes), {})
