"""What `make audit` prints, and the code that it ends with."""

from typing import Any

import pytest

from local.audit import is_settled, table


def make_counts(**changes: Any) -> dict[str, Any]:
    counts = {"provider_count": 12, "stored_count": 12, "drift": 0, "repaired": 0}
    return {**counts, "state": "equal", **changes}


def make_audit(state: str = "done", **changes: Any) -> dict[str, Any]:
    inbox = make_counts(folder_id="INBOX", name="INBOX", **changes)
    other = make_counts(folder_id="Label_1", name="", provider_count=1203, stored_count=1203)
    return {"state": state, "all_mail": make_counts(), "folders": [inbox, other]}


def test_each_folder_has_its_line() -> None:
    """Numbers stand below one another; a folder whose name is not known has its id."""
    audit = make_audit(state="done", drift=-2, repaired=2)
    audit["folders"][0]["state"] = "repaired"
    assert list(table(audit)) == [
        "folder      provider  here  drift  repaired  state",
        "(all mail)        12    12      0         0  equal",
        "INBOX             12    12     -2         2  repaired",
        "Label_1         1203  1203      0         0  equal",
    ]


def test_an_audit_that_takes_too_long_is_said_to() -> None:
    """What is known so far is shown."""
    lines = list(table({"state": "running", "folders": []}))
    assert lines[0].startswith("running: not done within")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("state", "folder", "settled"),
    [
        ("done", "equal", True),
        ("done", "repaired", True),
        ("done", "drifting", False),
        ("running", "equal", False),
        ("done", "doubted", False),
    ],
)
def test_the_exit_code_tells_whether_all_is_well(state: str, folder: str, settled: bool) -> None:  # noqa: FBT001
    """A script that runs it need not read the table."""
    audit = make_audit(state=state)
    audit["folders"][0]["state"] = folder
    assert is_settled(audit) is settled
