"""`make audit`: compare every connected mailbox of the running stack with its provider, now.

It asks the API for an audit of each account, as the night does, waits for all of them and prints
both counts of each folder. Exit code 1 when anything differs still.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local.api_client import ApiClient
from local.paths import STACK_FILE, STATE
from local.progress import StackFailed, say

_WAIT_SECONDS = 900.0
"""A difference is looked at again after two minutes, and a third time when it was repaired."""

_POLL_SECONDS = 1.0
_HEADINGS = ("folder", "provider", "here", "drift", "repaired", "state")

Audit = dict[str, Any]


def main() -> int:
    """Audit all accounts; answer the exit code."""
    if not STACK_FILE.exists():
        say("No stack runs here: start one with `make run`.")
        return 1
    stack = json.loads(STACK_FILE.read_text())
    api = ApiClient(stack["api_uri"], stack["api_key"], STATE)
    try:
        return audit(api, api.accounts())
    except StackFailed as failure:
        say(str(failure))
        return 1


def audit(api: ApiClient, accounts: Sequence[Mapping[str, Any]]) -> int:
    """Audit accounts and print what is found; answer the exit code. Raises StackFailed."""
    if not accounts:
        say("No mailbox is connected.")
        return 0
    refused = {account["id"]: api.ask_for_audit(account["id"]) for account in accounts}
    is_complete = True
    for account in accounts:
        say(f"\n{account['email']} ({account['provider']})")
        if refused[account["id"]]:
            say(f"  not audited: {refused[account['id']]}")
            is_complete = False
            continue
        found = _finished(api, account["id"])
        for line in table(found):
            say(f"  {line}")
        is_complete &= is_settled(found)
    return 0 if is_complete else 1


def _finished(api: ApiClient, account_id: str) -> Audit:
    """Wait until an account's audit is done; answer how far it is when time is over."""
    give_up_at = time.monotonic() + _WAIT_SECONDS
    told = ""
    while True:
        found = api.audit(account_id)
        if found["state"] == "done" or time.monotonic() > give_up_at:
            return found
        doubted = sum(row["state"] == "doubted" for row in _rows(found))
        if doubted and not told:
            told = f"  {doubted} counts differ; they are looked at again in two minutes"
            say(told)
        time.sleep(_POLL_SECONDS)


def is_settled(audit: Audit) -> bool:
    """Whether an audit is done and left nothing that differs."""
    states = {row["state"] for row in _rows(audit)}
    return audit["state"] == "done" and states <= {"equal", "repaired"}


def table(audit: Audit) -> Iterable[str]:
    """Return the lines of an audit's table, all mail first."""
    if audit["state"] != "done":
        yield f"{audit['state']}: not done within {_WAIT_SECONDS / 60:.0f} minutes"
    rows = [_HEADINGS, *(_cells(row) for row in _rows(audit))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for name, *numbers, state in rows:
        cells = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
        yield "  ".join((name.ljust(widths[0]), *cells, state))


def _rows(audit: Audit) -> Sequence[Audit]:
    everything = [{"name": "(all mail)", **audit["all_mail"]}] if "all_mail" in audit else []
    return [*everything, *audit["folders"]]


def _cells(row: Audit) -> tuple[str, ...]:
    numbers = (row["provider_count"], row["stored_count"], row["drift"], row["repaired"])
    return (row["name"] or row["folder_id"], *map(str, numbers), row["state"])


if __name__ == "__main__":
    sys.exit(main())
