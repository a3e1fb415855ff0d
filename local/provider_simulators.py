"""The simulated mail providers that belong to the stack."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local import local_aws
from local.child import Child, running


@dataclass(frozen=True)
class ProviderSimulator:
    """One simulator: how it is started, and how Postroom is told of it."""

    provider: str
    module: str
    port_variable: str
    default_port: int
    template_parameter: str
    provider_config: Mapping[str, Any]
    push_path: str = ""
    """Where the API takes its pushes; empty where each watch names an address itself."""


SIMULATORS = (
    ProviderSimulator(
        provider="google",
        module="local.simulators.google",
        port_variable="GOOGLE_SIMULATOR_PORT",
        default_port=4601,
        template_parameter="GoogleSimulatorUrl",
        provider_config={
            "client_id": "local-google-client",
            "client_secret": "local-google-secret",
            "topic_name": "projects/simulator/topics/gmail",
        },
        push_path="/push/google",
    ),
    ProviderSimulator(
        provider="microsoft",
        module="local.simulators.microsoft",
        port_variable="MICROSOFT_SIMULATOR_PORT",
        default_port=4602,
        template_parameter="MicrosoftSimulatorUrl",
        provider_config={
            "client_id": "local-microsoft-client",
            "client_secret": "local-microsoft-secret",
            "tenant": "common",
        },
    ),
)


@contextmanager
def running_simulator(
    simulator: ProviderSimulator,
    *,
    port: int,
    peer: str | None,
    state: Path,
    seed: bool,
    log: Path,
    api_uri: str = "",
) -> Iterator[Child]:
    """Run a simulator on 127.0.0.1:`port`; its mailboxes are kept in the file `state`.

    Mail for addresses that it does not know goes to the simulator at `peer`, and pushes to the API
    at `api_uri`.
    """
    state.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", simulator.module, "--port", str(port), "--state", str(state)]
    if peer:
        command += ["--peer", peer]
    if api_uri and simulator.push_path:
        command += ["--push-endpoint", f"{api_uri}{simulator.push_path}"]
    if seed:
        command.append("--seed")
    name = f"the {simulator.provider} simulator"
    environment = local_aws.environment("http://127.0.0.1:9")
    with running(name, command, log=log, environment=environment) as child:
        yield child


def is_ready(url: str) -> bool:
    """Whether a simulator answers at its address."""
    try:
        return httpx.get(f"{url}/_sim/usage", trust_env=False).is_success
    except httpx.TransportError:
        return False


def mailboxes(url: str) -> list[str]:
    """List the addresses of a simulator's mailboxes."""
    answer = httpx.get(f"{url}/_sim/mailboxes", trust_env=False).raise_for_status().json()
    return [mailbox["address"] for mailbox in answer["mailboxes"]]
