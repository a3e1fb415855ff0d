"""Scheduled sends through the functions as they are deployed, with a scheduler of AWS in moto."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract import aws
from tests.functions.conftest import ADMINISTRATOR_KEY, SCHEDULE_GROUP, Deployment

LETTER = {"to": [{"email": "charles@example.org"}], "subject": "Later", "body": "<p>Later</p>"}


def _in(wait: timedelta) -> int:
    return int((datetime.now(UTC) + wait).timestamp())


def _send(deployment: Deployment, grant: str, body: dict[str, Any], *, status: int) -> Any:
    return deployment.call(
        "POST",
        f"/v3/grants/{grant}/messages/send",
        bearer=ADMINISTRATOR_KEY,
        body=body,
        status=status,
    )


@pytest.fixture
def grant(deployment: Deployment) -> str:
    """Ada's account."""
    found: str = deployment.answer("accounts.get")["data"]["id"]
    return found


def _schedules() -> list[str]:
    listed = aws.client("scheduler").list_schedules(GroupName=SCHEDULE_GROUP)["Schedules"]
    return [each["Name"] for each in listed]


def test_a_send_is_scheduled_shown_and_stopped(deployment: Deployment, grant: str) -> None:
    """202 with its schedule, which is listed, found, and gone from the scheduler once stopped."""
    # Given
    path, send_at = f"/v3/grants/{grant}/messages/schedules", _in(timedelta(hours=2))
    # When
    answer = _send(deployment, grant, LETTER | {"send_at": send_at}, status=202)
    # Then
    waiting = answer["data"]
    assert (answer["grant_id"], waiting["grant_id"]) == (grant, grant)
    assert waiting["send_at"] == send_at
    assert "id" not in waiting
    one = f"{path}/{waiting['schedule_id']}"
    found = deployment.call("GET", one, bearer=ADMINISTRATOR_KEY)["data"]
    assert found["schedule_id"] == waiting["schedule_id"]
    assert found["status"] == {
        "code": "pending",
        "description": "schedule send awaiting send at time",
    }
    assert found in deployment.call("GET", path, bearer=ADMINISTRATOR_KEY)["data"]
    assert len(_schedules()) == 1
    # When
    stopped = deployment.call("DELETE", one, bearer=ADMINISTRATOR_KEY, status=202)
    # Then
    assert stopped["data"] == {"message": "requested cancelation for workflow"}
    after = deployment.call("GET", one, bearer=ADMINISTRATOR_KEY)["data"]
    assert after["status"]["code"] == "cancelled"
    assert after["close_time"] >= _in(timedelta(minutes=-1))
    assert _schedules() == []
    bucket = aws.client("s3").list_objects_v2(Bucket=aws.BUCKET, Prefix="outgoing/")
    assert bucket["KeyCount"] == 0


def test_a_schedule_that_nobody_knows_is_not_found(deployment: Deployment, grant: str) -> None:
    """Neither by its id, nor that of a send that was done at once."""
    for method in ("GET", "DELETE"):
        path = f"/v3/grants/{grant}/messages/schedules/none"
        answer = deployment.call(method, path, bearer=ADMINISTRATOR_KEY, status=404)
        assert answer["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    "send_at",
    [0, 1_700_000_000, _in(timedelta(seconds=20)), _in(timedelta(days=400)), "tomorrow", [], {}],
    ids=["zero", "past", "too soon", "beyond a year", "a word", "a list", "an object"],
)
def test_a_time_that_cannot_be_kept_is_refused(
    deployment: Deployment, grant: str, send_at: object
) -> None:
    """What is past, too soon, beyond a year, or no time: the field is named, nothing waits."""
    before = _schedules()
    answer = _send(deployment, grant, LETTER | {"send_at": send_at}, status=400)
    assert answer["error"]["message"].startswith("send_at: "), json.dumps(answer)
    assert _schedules() == before
