"""Every function, from its event files: what goes in as Lambda hands it over, what comes out."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.contract import aws
from tests.functions.conftest import (
    ADDRESS,
    EVENTS,
    PUBLIC_URL,
    SAMPLE_MESSAGE,
    Deployment,
    location,
    returned,
)

FUNCTIONS = sorted(path.parent.name for path in Path("functions").glob("*/app.py"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_an_event_file(function: str) -> None:
    """Somebody who wants to try a function finds what to send it."""
    assert list(EVENTS.glob(f"{function}.*.json"))


def test_health_needs_no_key(deployment: Deployment) -> None:
    """Whoever watches the deployment learns that it lives, and its version."""
    assert deployment.answer("not_found.health")["status"] == "ok"


def test_unknown_routes_answer_in_our_shape(deployment: Deployment) -> None:
    """A route that does not exist is a 404 like any other."""
    body = deployment.answer("not_found.unknown", status=404)
    assert body["error"]["type"] == "not_found_error"
    assert body["request_id"]


def test_a_doubled_slash_is_collapsed(deployment: Deployment) -> None:
    """SDKs with a slash at the end of api_uri are sent to the right path."""
    response = deployment.invoke("not_found.doubled_slash")
    assert response["statusCode"] == 308
    assert location(response).startswith("/v3/grants/")


def test_the_administrator_sees_the_connector_but_not_its_secret(deployment: Deployment) -> None:
    """Provider configs are listed with the address to register, never with the secret."""
    body = deployment.answer("provider_configs.list_connectors")
    (connector,) = body["data"]
    assert connector["provider"] == "google"
    assert connector["redirect_uri"] == f"{PUBLIC_URL}/v3/connect/callback"
    assert "secret" not in json.dumps(body).lower()
    updated = deployment.answer("provider_configs.update_connector")
    assert "newer" not in json.dumps(updated)


def test_the_application_is_described_and_renamed(deployment: Deployment) -> None:
    """The application's profile can be read and changed, with its return addresses."""
    changed = deployment.answer("provider_configs.update_application")["data"]
    assert changed["branding"]["name"] == "Letterbox"
    read = deployment.answer("provider_configs.get_application")["data"]
    assert read["branding"]["name"] == "Letterbox"
    assert [uri["url"] for uri in read["callback_uris"]] == ["https://app.example.com/return"]


def test_the_connection_cookie_is_for_this_browser_only(deployment: Deployment) -> None:
    """The cookie cannot be read by scripts, nor sent to other hosts or over plain http."""
    (cookie,) = deployment.invoke("oauth_start.connect")["cookies"]
    assert cookie.startswith("__Host-postroom_connect_")
    for part in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert part in cookie


def test_an_unregistered_return_address_is_refused(deployment: Deployment) -> None:
    """Nobody is sent to a provider on behalf of an unknown return address."""
    response = deployment.invoke("oauth_start.unregistered_address")
    assert response["statusCode"] == 400
    assert "redirect_uri" in response["body"]


def test_an_unsupported_provider_is_named(deployment: Deployment) -> None:
    """A provider that cannot be connected is a 400 that names the field."""
    body = deployment.answer("oauth_start.unsupported_provider", status=400)
    assert "provider" in body["error"]["message"]


def test_a_forged_callback_shows_a_page(deployment: Deployment) -> None:
    """A state that nobody began leads to a readable page and nowhere else."""
    response = deployment.invoke("oauth_callback.forged_state")
    assert response["statusCode"] == 400
    assert "<h1>" in response["body"]


def test_a_refused_consent_returns_to_the_application(
    deployment: Deployment, simulator: httpx.Client
) -> None:
    """A person who declines comes back to the application with the error and its state."""
    start = deployment.invoke("oauth_start.connect")
    simulator.post("/_sim/settings", json={"consent": "deny"}).raise_for_status()
    try:
        consent = simulator.get(location(start))
    finally:
        simulator.post("/_sim/settings", json={"consent": "grant"}).raise_for_status()
    answer = returned(deployment, start, consent)
    assert answer["error"] == "access_denied"
    assert answer["state"] == "st &=/"


@pytest.mark.parametrize("case", ["oauth_token.exchange_form", "oauth_token.refresh"])
def test_token_errors_have_the_four_keys(deployment: Deployment, case: str) -> None:
    """Unknown codes and refresh tokens are refused in the shape that the SDKs recognise."""
    body = deployment.answer(case, status=400)
    assert body["error"] == "invalid_grant"
    assert set(body) >= {"error", "error_code", "error_description", "error_uri"}


def test_revoking_is_never_an_error(deployment: Deployment) -> None:
    """An unknown token may be revoked, too (RFC 7009)."""
    deployment.answer("oauth_token.revoke")


@pytest.mark.parametrize("case", ["accounts.get", "accounts.get_by_address"])
def test_an_account_is_found_by_id_and_by_address(deployment: Deployment, case: str) -> None:
    """An account shows its status, scopes and how far its sync is."""
    grant = deployment.answer(case)["data"]
    assert grant["email"] == ADDRESS
    assert grant["grant_status"] == "valid"
    assert grant["sync"]["stored"] == 1
    assert any("gmail.modify" in scope for scope in grant["scope"])


def test_accounts_are_listed_and_synced_on_request(
    deployment: Deployment, simulator: httpx.Client
) -> None:
    """A sync that was asked for brings the mail that came meanwhile."""
    grants = deployment.answer("accounts.list", rawQueryString="")["data"]
    assert [grant["email"] for grant in grants] == [ADDRESS]
    delivered = simulator.post(
        f"/_sim/mailboxes/{ADDRESS}/messages",
        content=b"Subject: Later\r\n\r\nlater",
        headers={"content-type": "message/rfc822"},
    )
    delivered.raise_for_status()
    deployment.answer("accounts.sync", status=202)
    deployment.work_off()
    listed = deployment.answer("mail.list_messages", rawQueryString="")["data"]
    assert listed[0]["subject"] == "Later"


def test_a_wrong_key_is_refused_everywhere(deployment: Deployment) -> None:
    """Without a valid key no function of the API answers anything but 401."""
    for case in (
        "accounts.list",
        "mail.list_messages",
        "mail.update_message",
        "send.message",
        "provider_configs.list_connectors",
    ):
        headers = deployment.event(case)["headers"] | {"authorization": "Bearer guessed"}
        deployment.answer(case, status=401, headers=headers)


def test_messages_are_listed_with_filters_as_node_sends_them(deployment: Deployment) -> None:
    """Joined lists, plus signs and `undefined` page tokens are understood."""
    body = deployment.answer("mail.list_messages_node")
    for message in body["data"]:
        assert set(message) >= {"id", "subject", "grant_id", "object"}
        assert "body" not in message


def test_a_message_is_read_changed_and_trashed(deployment: Deployment) -> None:
    """One message all the way through the mail function, at the provider and in the store."""
    assert "How are you?" in deployment.answer("mail.get_message")["data"]["body"]
    changed = deployment.answer("mail.update_message")["data"]
    assert (changed["unread"], changed["starred"]) == (False, True)
    deployment.answer("mail.delete_message")
    assert "TRASH" in deployment.answer("mail.get_message")["data"]["folders"]


def test_folders_are_listed_and_found(deployment: Deployment) -> None:
    """Gmail's labels are folders with counts."""
    folders = {folder["id"] for folder in deployment.answer("mail.list_folders")["data"]}
    assert {"INBOX", "SENT"} <= folders
    assert deployment.answer("mail.get_folder")["data"]["attributes"] == ["\\Inbox"]


@pytest.mark.parametrize("case", ["mail.get_attachment", "mail.download_attachment"])
def test_a_message_without_that_attachment_has_none(deployment: Deployment, case: str) -> None:
    """An attachment that does not exist is a 404."""
    deployment.answer(case, status=404)


def _received(simulator: httpx.Client, subject: str) -> list[dict[str, Any]]:
    answer = simulator.get("/_sim/mailboxes/charles@example.org")
    return [mail for mail in answer.json()["messages"] if mail["subject"] == subject]


def test_a_message_is_sent_once(deployment: Deployment, simulator: httpx.Client) -> None:
    """JSON with an attachment: it arrives, and the repeated request sends nothing."""
    headers = deployment.event("send.message")["headers"] | {"idempotency-key": "letter-1"}
    first = deployment.invoke("send.message", headers=headers)
    again = deployment.invoke("send.message", headers=headers)
    sent = json.loads(first["body"])["data"]
    assert json.loads(again["body"])["data"]["id"] == sent["id"]
    replay = {name.lower(): value for name, value in again["headers"].items()}
    assert replay["idempotent-response"] == "true"
    (arrived,) = _received(simulator, sent["subject"])
    assert [file["filename"] for file in arrived["attachments"]] == ["small.txt"]


@pytest.mark.parametrize("case", ["send.multipart_python", "send.multipart_node"])
def test_both_sdks_forms_are_understood(deployment: Deployment, case: str) -> None:
    """Multipart as the Python and the Node SDK write it is read, down to the recipients."""
    event = deployment.event(case)
    form = base64.b64decode(event["body"])
    assert b'name="message"' in form
    deployment.answer(case)


def _query(deployment: Deployment, case: str, **changed: str) -> str:
    query = parse_qs(deployment.event(case)["rawQueryString"])
    return urlencode({**query, **changed}, doseq=True)


def test_grants_are_listed_by_the_time_of_their_connection(deployment: Deployment) -> None:
    """`since` and `before` were taken and ignored: everybody was listed."""
    (grant,) = deployment.answer("accounts.list", rawQueryString="")["data"]
    at = grant["created_at"]
    for query, count in (
        (f"since={at}", 1),
        (f"since={at + 1}", 0),
        (f"before={at}", 0),
        (f"since={at}&before={at + 1}", 1),
    ):
        assert len(deployment.answer("accounts.list", rawQueryString=query)["data"]) == count


def test_a_connector_that_is_gone_is_named_until_it_is_back(deployment: Deployment) -> None:
    """Without a connector nobody is sent anywhere; it is missed in the words of the API."""
    headers = deployment.event("oauth_start.connect")["headers"] | {"accept": "application/json"}
    deployment.answer("provider_configs.delete_connector")
    try:
        refused = deployment.answer("oauth_start.connect", status=400, headers=headers)
        missed = deployment.answer("provider_configs.delete_connector", status=404)
    finally:
        deployment.answer("provider_configs.create_connector", status=201)
    assert refused["error"]["message"] == "provider: This provider is not set up yet."
    assert missed["error"]["message"] == "There is no connector for google."
    twice = deployment.answer("provider_configs.create_connector", status=409)
    assert twice["error"]["message"] == "There is a connector for google already."
    assert deployment.invoke("oauth_start.connect")["statusCode"] == 302


def test_scopes_that_would_be_ignored_are_refused(deployment: Deployment) -> None:
    """An application asked for fewer scopes, and the person was asked for all of them."""

    def start(scope: str) -> Any:
        query = _query(deployment, "oauth_start.connect", scope=scope)
        return deployment.invoke("oauth_start.connect", rawQueryString=query)

    (connector,) = deployment.answer("provider_configs.list_connectors")["data"]
    refused = start("openid")
    assert refused["statusCode"] == 400
    assert "scope: " in refused["body"]
    assert "/v3/connectors/google" in refused["body"]
    assert start(" ".join(reversed(connector["scope"])))["statusCode"] == 302
    assert start("")["statusCode"] == 302


@pytest.mark.parametrize(
    "case",
    [
        "mail.update_message",
        "provider_configs.create_connector",
        "provider_configs.update_application",
        "accounts.sync",
    ],
)
def test_a_form_where_json_is_read_is_refused(deployment: Deployment, case: str) -> None:
    """A form without a boundary was a mistake of ours, 500."""
    headers = deployment.event(case)["headers"] | {"content-type": "multipart/form-data"}
    body = deployment.answer(case, status=415, headers=headers, body="--b--")
    assert body["error"]["type"] == "unsupported_media_type_error"


def test_nothing_to_change_changes_nothing(deployment: Deployment) -> None:
    """`{}`, nulls and fields of newer SDKs answer the message as it is."""
    before = deployment.answer("mail.get_message", rawQueryString="")["data"]
    for body in ("{}", '{"unread": null, "folders": null}', '{"something_new": 1}'):
        assert deployment.answer("mail.update_message", body=body)["data"] == before


def test_a_large_send_is_answered_with_what_fits(
    deployment: Deployment, simulator: httpx.Client
) -> None:
    """A mail of 3.84 MB left, and the answer was 413: who believed it sent it again.

    Without compression neither the mail nor its change fits into an answer; what was done is told
    all the same. Only reading it whole is refused, in words that are true.
    """
    subject = "A long letter"
    letter = {
        "to": [{"email": "charles@example.org"}],
        "subject": subject,
        "body": '<p title="x">' + "long &amp; " * 349_000,
    }
    plain = {"accept-encoding": "identity", "idempotency-key": "long-letter"}
    sending = {
        "headers": deployment.event("send.message")["headers"] | plain,
        "body": json.dumps(letter),
    }
    sent = deployment.answer("send.message", **sending)["data"]
    again = deployment.answer("send.message", **sending)["data"]
    assert again["id"] == sent["id"]
    assert "body_text" not in sent
    assert len(_received(simulator, subject)) == 1

    def ask(case: str, status: int, query: str = "") -> dict[str, Any]:
        event = deployment.event(case)
        path = event["rawPath"].replace(deployment.names[SAMPLE_MESSAGE], sent["id"])
        changed = {"rawPath": path, "rawQueryString": query, "headers": event["headers"] | plain}
        return deployment.answer(case, status=status, **changed)

    assert ask("mail.update_message", 200)["data"]["starred"] is True
    refusal = ask("mail.get_message", 413)["error"]["message"]
    assert "`select`" in refusal
    assert ask("mail.get_message", 200, "select=subject")["data"]["subject"] == subject
    assert "raw_mime" in str(ask("mail.get_message", 200, "fields=raw_mime")["data"])


def test_a_large_raw_message_is_fetched_from_its_address(
    deployment: Deployment, simulator: httpx.Client
) -> None:
    """The raw form of a mail of 11 MB was 413 for ever, with advice that could not help."""
    mail = b"Subject: Scans\r\n\r\n" + b"scan\r\n" * 700_000
    simulator.post(
        f"/_sim/mailboxes/{ADDRESS}/messages",
        content=mail,
        headers={"content-type": "message/rfc822"},
    ).raise_for_status()
    deployment.answer("accounts.sync", status=202)
    deployment.work_off()
    newest = deployment.answer("mail.list_messages", rawQueryString="select=subject")["data"][0]
    path = deployment.event("mail.get_message")["rawPath"]
    raw = deployment.answer(
        "mail.get_message",
        rawPath=path.replace(deployment.names[SAMPLE_MESSAGE], newest["id"]),
        rawQueryString="fields=raw_mime",
    )["data"]
    assert set(raw) == {"grant_id", "object", "id", "raw_mime_url"}
    address = urlsplit(raw["raw_mime_url"])
    assert f"{newest['id']}.eml" in parse_qs(address.query)["response-content-disposition"][0]
    key = address.path.removeprefix("/").removeprefix(f"{aws.BUCKET}/")
    stored = aws.client("s3").get_object(Bucket=aws.BUCKET, Key=key)["Body"].read()
    assert stored.endswith(mail)


def test_the_sweep_calls_who_is_due(deployment: Deployment) -> None:
    """The tick answers how many accounts it called; nobody is due right after a sync."""
    deployment.work_off()
    assert deployment.invoke("scheduled_sync.tick") == {"woken": 0}


def test_workers_are_called_twice_without_harm(deployment: Deployment) -> None:
    """The queues deliver at least once: a repeated call changes nothing and fails nothing."""
    before = deployment.answer("accounts.get")["data"]["sync"]["stored"]
    for case in ("sync_worker.sync_one_account", "sync_worker.backfill"):
        for _ in range(2):
            assert deployment.invoke(case) == {"batchItemFailures": []}
    assert deployment.answer("accounts.get")["data"]["sync"]["stored"] == before


@pytest.mark.parametrize("case", ["sync_worker.sync_one_account", "send_worker.look_up_send"])
def test_a_failed_record_comes_again_and_its_text_is_not_logged(
    deployment: Deployment, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda prints what a handler raises, text and all: the workers answer failures instead."""
    record = deployment.event(case)["Records"][0] | {"body": '{"canary": "canary"}'}
    answer = deployment.invoke(case, Records=[record])
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert "canary" not in "".join(capsys.readouterr())


def test_a_send_nobody_knows_is_settled_by_nothing(deployment: Deployment) -> None:
    """A look-up whose row is gone is done, not retried for ever."""
    assert deployment.invoke("send_worker.look_up_send") == {"batchItemFailures": []}


def test_an_account_is_deleted_to_the_last_row(deployment: Deployment) -> None:
    """Deleted: gone at once for readers, then erased by the worker."""
    connect = deployment.invoke("oauth_start.connect")
    answer = returned(deployment, connect, deployment.simulator.get(location(connect)))
    assert "code" in answer
    deployment.work_off()
    deployment.answer("accounts.delete")
    deployment.answer("accounts.get", status=404)
    deployment.work_off()
    deployment.answer("accounts.get_by_address", status=404)
