"""ministack, the local AWS: how it is started, and where its state is kept."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from local import local_aws
from local.child import Child, running


@contextmanager
def running_ministack(*, port: int, state: Path, scratch: Path, log: Path) -> Iterator[Child]:
    """Run ministack on 127.0.0.1:`port`; it loads `state` now and saves it when it ends.

    `scratch` is where it unpacks functions; it is disposable.
    """
    for folder in (state, state / "s3", scratch):
        folder.mkdir(parents=True, exist_ok=True)
    environment = local_aws.environment(f"http://127.0.0.1:{port}") | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(scratch),
        "LAMBDA_EXECUTOR": "local",
        # Each concurrent call has a process of 60 MB; the first of each function always stays.
        "LAMBDA_WARM_TTL_SECONDS": "60",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "INFO",
    }
    command = [sys.executable, "-m", "ministack"]
    with running("ministack", command, log=log, environment=environment) as child:
        yield child


def is_ready(port: int) -> bool:
    """Whether ministack answers on its port."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_ministack/health", trust_env=False).is_success
    except httpx.TransportError:
        return False
