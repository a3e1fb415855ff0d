"""The only logger and metrics of Postroom.

A log message is a snake_case constant; what varies stands in fields. No address, subject, body,
token or code is ever logged: an account is named by its id.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics(namespace="Postroom")

__all__ = ["count", "counted", "logger"]


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
