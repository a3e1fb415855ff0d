"""The whole stack as a context manager: `make run` and the end-to-end tests both stand on it.

    ministack ──┐
    simulators ─┼─► sam build ─► sam deploy ─► gateway ─► provider configs ─► running
                └── each a process with a log; the gateway is a thread of ours

Everything stops in the opposite order, with SIGTERM and time to save.
"""

import fcntl
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from local import local_aws, ministack_process, provider_simulators
from local.api_client import ApiClient
from local.build import build, build_lock, sources_fingerprint
from local.child import START_SECONDS, Child
from local.deployment import Deployment
from local.gateway.app import Gateway, LambdaInvoker
from local.gateway.server import serving
from local.ports import free_ports, require_free
from local.progress import StackFailed, phase
from local.provider_simulators import SIMULATORS, ProviderSimulator
from local.simulators.settings import Settings


@dataclass(frozen=True)
class StackPlan:
    """What to run, and where.

    `simulator_ports` maps providers to ports; none given, none run. `seed` fills empty simulators
    with sample mailboxes; `fresh` empties `state` first.
    """

    state: Path
    api_port: int
    ministack_port: int
    simulator_ports: Mapping[str, int]
    stack_name: str = "postroom"
    poll_interval_seconds: int = 60
    undo_seconds: int = 0
    seed: bool = True
    fresh: bool = False

    @property
    def api_uri(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def endpoint_url(self) -> str:
        """Where the local AWS answers."""
        return f"http://127.0.0.1:{self.ministack_port}"

    @property
    def simulators(self) -> dict[str, str]:
        """The simulators' addresses by provider."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self.simulator_ports.items()}

    @property
    def push_service_account(self) -> str:
        """In whose name the simulated Pub/Sub pushes; empty when there is none."""
        return Settings().push_service_account if "google" in self.simulator_ports else ""

    def peer_of(self, provider: str) -> str | None:
        """Return the address of the other simulator, if there is one."""
        return next((url for name, url in self.simulators.items() if name != provider), None)


def plan_on_free_ports(state: Path, *, seed: bool = True) -> StackPlan:
    """Plan a stack that is in nobody's way: free ports, and a state folder of its own."""
    api_port, ministack_port, *others = free_ports(2 + len(SIMULATORS))
    return StackPlan(
        state=state,
        api_port=api_port,
        ministack_port=ministack_port,
        simulator_ports={
            simulator.provider: port for simulator, port in zip(SIMULATORS, others, strict=True)
        },
        seed=seed,
    )


@dataclass(frozen=True)
class RunningStack:
    """A stack that answers."""

    plan: StackPlan
    api_key: str
    client_id: str
    mailboxes: Mapping[str, list[str]]
    children: list[Child] = field(repr=False)

    @property
    def api_uri(self) -> str:
        """Where the API answers."""
        return self.plan.api_uri

    @property
    def endpoint_url(self) -> str:
        """Where the local AWS answers."""
        return self.plan.endpoint_url

    @property
    def simulators(self) -> dict[str, str]:
        """The simulators' addresses by provider."""
        return self.plan.simulators

    def require_alive(self) -> None:
        """Raise StackFailed, naming it, when a part of the stack has ended."""
        for child in self.children:
            child.require_alive()

    def description(self) -> dict[str, Any]:
        """Describe the stack as `.local/stack.json` does."""
        return {
            "api_uri": self.api_uri,
            "console_url": f"{self.api_uri}/console",
            "api_key": self.api_key,
            "client_id": self.client_id,
            "region": local_aws.REGION,
            "endpoint_url": self.endpoint_url,
            "stack_name": self.plan.stack_name,
            "simulators": self.simulators,
            "mailboxes": dict(self.mailboxes),
        }


@contextmanager
def running_stack(plan: StackPlan) -> Iterator[RunningStack]:
    """Start the stack, give it once it answers, and stop it, keeping its state.

    Raises PortInUse and StackFailed.
    """
    with ExitStack() as parts:
        simulators = _simulators_with_free_ports(plan)
        parts.enter_context(_sole_user_of(plan.state))
        if plan.fresh:
            _empty(plan.state)
        with phase("ministack and simulators"):
            children = _start_processes(plan, simulators, parts)
        deployment = _deployed(plan)
        with phase("gateway, provider configs"):
            routes = deployment.routes()
            _log_to(plan.state / "log" / "gateway.log", parts)
            gateway = Gateway(routes, LambdaInvoker(plan.endpoint_url, local_aws.REGION))
            parts.enter_context(serving(gateway, plan.api_port))
            api_key = deployment.admin_key()
            api = ApiClient(plan.api_uri, api_key, plan.state / "log" / "ministack.log")
            client_id = api.application_id()
            for simulator in simulators:
                api.ensure_provider_config(simulator.provider, simulator.provider_config)
        mailboxes = {
            provider: provider_simulators.mailboxes(url)
            for provider, url in plan.simulators.items()
        }
        yield RunningStack(plan, api_key, client_id, mailboxes, children)


@contextmanager
def _sole_user_of(state: Path) -> Iterator[None]:
    # The mail, the tokens and the keys of the stack lie in it.
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with state.with_name(f"{state.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackFailed(f"A stack that keeps its state in {state} runs already.") from None
        yield


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _simulators_with_free_ports(plan: StackPlan) -> list[ProviderSimulator]:
    require_free(plan.api_port, "POSTROOM_PORT")
    require_free(plan.ministack_port, "MINISTACK_PORT")
    simulators = [one for one in SIMULATORS if one.provider in plan.simulator_ports]
    for simulator in simulators:
        require_free(plan.simulator_ports[simulator.provider], simulator.port_variable)
    return simulators


def _start_processes(
    plan: StackPlan, simulators: list[ProviderSimulator], parts: ExitStack
) -> list[Child]:
    scratch = plan.state / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    ministack = parts.enter_context(
        ministack_process.running_ministack(
            port=plan.ministack_port,
            state=plan.state / "ministack",
            scratch=scratch,
            log=plan.state / "log" / "ministack.log",
        )
    )
    waiting = [
        (
            parts.enter_context(
                provider_simulators.running_simulator(
                    simulator,
                    port=plan.simulator_ports[simulator.provider],
                    peer=plan.peer_of(simulator.provider),
                    state=plan.state / "simulators" / f"{simulator.provider}.json",
                    seed=plan.seed,
                    log=plan.state / "log" / f"{simulator.provider}.log",
                    api_uri=plan.api_uri,
                )
            ),
            plan.simulators[simulator.provider],
        )
        for simulator in simulators
    ]
    ministack.wait_until(partial(ministack_process.is_ready, plan.ministack_port), START_SECONDS)
    for child, url in waiting:
        child.wait_until(partial(provider_simulators.is_ready, url), START_SECONDS)
    return [ministack, *(child for child, _ in waiting)]


def _deployed(plan: StackPlan) -> Deployment:
    deployment = Deployment(
        endpoint_url=plan.endpoint_url,
        stack_name=plan.stack_name,
        parameters={
            "PublicUrl": plan.api_uri,
            "PollIntervalSeconds": str(plan.poll_interval_seconds),
            "UndoSeconds": str(plan.undo_seconds),
            # Whoever tries webhooks here receives them here, and does not wait for minutes.
            "LocalWebhookHost": "127.0.0.1",
            "WebhookRetrySeconds": "1",
            "GooglePushServiceAccount": plan.push_service_account,
        }
        # Said even when there is none: what is left out would keep its value of the last time.
        | {one.template_parameter: plan.simulators.get(one.provider, "") for one in SIMULATORS},
    )
    with build_lock():
        sources = sources_fingerprint()
        if not deployment.is_current(sources):
            with phase("build (sam build)"):
                template = build(sources)
            with phase("deploy (sam deploy)"):
                deployment.deploy(template, sources)
    return deployment


def _log_to(path: Path, parts: ExitStack) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("local.gateway")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    parts.callback(handler.close)
    parts.callback(log.removeHandler, handler)
