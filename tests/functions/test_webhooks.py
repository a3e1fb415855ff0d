"""/v3/webhooks: made, shown, changed, removed; what is wrong is named."""

import json
from typing import Any

import pytest

from tests.functions.conftest import Deployment

URL = "https://93.184.215.14/hook"
GOOD = {"trigger_types": ["message.created"], "webhook_url": URL}


def test_a_webhook_lives_and_dies(deployment: Deployment) -> None:
    """Its secret is shown when it is made, once for each."""
    body = GOOD | {"description": "d", "notification_email_addresses": ["ops@example.com"]}
    made = deployment.call("POST", "/v3/webhooks", body)["data"]
    secret = made.pop("webhook_secret")
    path = f"/v3/webhooks/{made['id']}"
    assert deployment.call("GET", path)["data"] == made
    assert deployment.call("GET", "/v3/webhooks")["data"] == [made]
    assert (made["status"], made["description"]) == ("active", "d")

    paused = deployment.call("PUT", path, {"status": "pause"})["data"]
    assert (paused["status"], paused["webhook_url"]) == ("pause", URL)
    assert paused["compressed_delivery"] is False
    zipped = deployment.call("PUT", path, {"compressed_delivery": True})["data"]
    assert (zipped["compressed_delivery"], zipped["status"]) == (True, "pause")
    assert deployment.call("PUT", path, {"status": "active"})["data"]["compressed_delivery"] is True
    wanted = {"trigger_types": ["grant.expired", "grant.expired"]}
    assert deployment.call("PUT", path, wanted)["data"]["trigger_types"] == ["grant.expired"]
    secrets = {
        deployment.call("PUT", f"{path}/rotate-secret", {})["data"]["webhook_secret"],
        deployment.call("POST", f"/v3/webhooks/rotate-secret/{made['id']}", {})["data"][
            "webhook_secret"
        ],
        secret,
    }
    assert len(secrets) == 3
    shown = json.dumps(deployment.call("GET", "/v3/webhooks"))
    assert not [each for each in secrets if each in shown]

    assert deployment.call("DELETE", path)["data"] == {"status": "success"}
    for method, place in (("GET", path), ("DELETE", path), ("PUT", f"{path}/rotate-secret")):
        deployment.call(method, place, {}, status=404)
    addresses = deployment.call("GET", "/v3/webhooks/ip-addresses")["data"]
    assert addresses == {"ip_addresses": [], "updated_at": 0}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"trigger_types": []}, "trigger_types"),
    ({"trigger_types": "message.created"}, "trigger_types"),
    ({"trigger_types": [None]}, "trigger_types.0"),
    ({"trigger_types": ["calendar.created"]}, "trigger_types.0"),
    ({"trigger_types": ["message.created"] * 51}, "trigger_types"),
    ({"webhook_url": ""}, "webhook_url"),
    ({"webhook_url": 7}, "webhook_url"),
    ({"webhook_url": "https://x.example/" + "x" * 2_048}, "webhook_url"),
    ({"webhook_url": "https://a\r\nb/"}, "webhook_url"),
    ({"webhook_url": "https://127.0.0.1/"}, "webhook_url"),
    ({"webhook_url": "http://93.184.215.14/"}, "webhook_url"),
    ({"description": "x" * 501}, "description"),
    ({"description": ["x"]}, "description"),
    ({"description": "a\nb"}, "description"),
    ({"notification_email_addresses": "ops@example.com"}, "notification_email_addresses"),
    ({"notification_email_addresses": ["ops"]}, "notification_email_addresses.0"),
    ({"notification_email_addresses": ["a@b\r\nBcc: c@d"]}, "notification_email_addresses.0"),
    ({"notification_email_addresses": ["a@b.c"] * 51}, "notification_email_addresses"),
    ({"compressed_delivery": "yes"}, "compressed_delivery"),
]


@pytest.mark.parametrize(
    ("changed", "named"),
    [*BAD, ({"trigger_types": None}, "trigger_types"), ({"webhook_url": None}, "webhook_url")],
)
def test_bad_webhooks_are_named_and_not_kept(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """Every field."""
    answer = deployment.call("POST", "/v3/webhooks", GOOD | changed, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")
    assert deployment.call("GET", "/v3/webhooks")["data"] == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [*BAD, ({"status": "failed"}, "status"), ({"status": True}, "status")],
)
def test_bad_changes_are_named_and_not_made(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """Every field of the change."""
    made = deployment.call("POST", "/v3/webhooks", GOOD)["data"]
    path = f"/v3/webhooks/{made['id']}"
    before = deployment.call("GET", path)["data"]
    try:
        answer = deployment.call("PUT", path, changed, status=400)
        after = deployment.call("GET", path)["data"]
    finally:
        deployment.call("DELETE", path)
    assert answer["error"]["message"].startswith(f"{named}: ")
    assert after == before
