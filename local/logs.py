"""`make logs`: follow what the functions of the running stack write.

They all write to one log group; the local AWS keeps it as CloudWatch Logs does. A line appears when
its invocation has ended.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError

from local import local_aws
from local.paths import STACK_FILE
from local.progress import say

_POLL_SECONDS = 1.0
# An invocation's lines carry the time of its end, and may show up a moment after it.
_OVERLAP_SECONDS = 5.0
_PLATFORM_LINES = ("START RequestId:", "END RequestId:", "REPORT RequestId:")


def main() -> int:
    """Print lines until Ctrl-C."""
    if not STACK_FILE.exists():
        say("No stack runs here: start one with `make run`.")
        return 1
    stack = json.loads(STACK_FILE.read_text())
    logs = boto3.client("logs", **local_aws.client_options(stack["endpoint_url"]))
    try:
        for line in _followed(logs, f"/postroom/{stack['stack_name']}/functions"):
            say(line)
    except KeyboardInterrupt:
        return 0
    except EndpointConnectionError:
        say("The stack has stopped.")
    return 0


def _followed(logs: Any, group: str) -> Iterator[str]:
    since = 0.0
    seen: set[tuple[str, int, str]] = set()
    while True:
        asked_at = time.time()
        recent: set[tuple[str, int, str]] = set()
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000)
        )
        for event in (event for page in pages for event in page["events"]):
            event_id = (event["logStreamName"], event["timestamp"], event["message"])
            recent.add(event_id)
            if event_id not in seen and not event["message"].startswith(_PLATFORM_LINES):
                yield event["message"]
        seen = recent
        since = asked_at - _OVERLAP_SECONDS
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
