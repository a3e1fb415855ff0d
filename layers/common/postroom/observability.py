"""The only logger and metrics of Postroom.

A log message is a snake_case constant; what varies stands in fields. No address, subject, body,
token or code is ever logged: an account is named by its id.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

_CAUSES_LOGGED = 5
_FRAMES_LOGGED = 8

logger = Logger()
metrics = Metrics(namespace="Postroom")

__all__ = ["count", "counted", "log_unexpected", "logger", "unexpected_logged"]


def count(name: str, value: int = 1) -> None:
    """Add to a metric of this invocation, for example `MessagesStored`."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


@contextmanager
def counted() -> Iterator[None]:
    """Write what an invocation has counted when it ends; Powertools warns where it is nothing."""
    try:
        yield
    finally:
        if metrics.provider.metric_set:
            metrics.flush_metrics()


def log_unexpected(error: BaseException) -> None:
    """Log where a mistake of ours happened and of what kind: its text may quote mail or a token."""
    kinds: list[str] = []
    places: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < _CAUSES_LOGGED:
        kinds.append(type(cause).__qualname__)
        places += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__)[-_FRAMES_LOGGED:]
        ]
        cause = cause.__cause__ or cause.__context__
    logger.error("unexpected_error", extra={"error_types": kinds, "places": places})
    count("UnexpectedErrors")


@contextmanager
def unexpected_logged() -> Iterator[None]:
    """Log what a worker does not handle, without its text, and pass it on."""
    try:
        yield
    except Exception as error:
        log_unexpected(error)
        raise
