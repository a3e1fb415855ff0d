"""Every function, from its event files: what goes in as Lambda hands it over, what comes out."""

import base64
import importlib
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.contract import aws
from tests.functions.conftest import (
    ADDRESS,
    ADMINISTRATOR_KEY,
    EVENTS,
    PUBLIC_URL,
    SAMPLE_MESSAGE,
    Deployment,
    LambdaContext,
    location,
    returned,
)
from tests.functions.routes import request

FUNCTIONS = sorted(path.parent.name for path in Path("functions").glob("*/app.py"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_an_event_file(function: str) -> None:
    """Somebody who wants to try a function finds what to send it."""
    assert list(EVENTS.glob(f"{function}.*.json"))


def test_health_needs_no_key(deployment: Deployment) -> None:
    """Whoever watches the deployment learns that it lives, and its version."""
    assert deployment.answer("not_found.health")["status"] == "ok"


def test_somebody_is_invited_and_a_message_is_looked_at(deployment: Deployment) -> None:
    """What the console asks of two functions that nobody else needs."""
    invited = deployment.answer("people.invite", status=201)["data"]
    assert (invited["kind"], invited["value"]) == ("address", "grace@example.org")
    message = deployment.answer("mail.get_message", rawQueryString="")["data"]
    assert deployment.answer("message_view.view")["data"]["id"] == message["id"]


def test_unknown_routes_answer_in_our_shape(deployment: Deployment) -> None:
    """A route that does not exist is a 404 like any other."""
    body = deployment.answer("not_found.unknown", status=404)
    assert body["error"]["type"] == "not_found_error"
    assert body["request_id"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("path", ["/v3/connect/token", "/v3/connect/revoke", "/v3/connect/tokenx"])
def test_unknown_routes_of_oauth_answer_in_the_shape_of_oauth(
    deployment: Deployment, method: str, path: str
) -> None:
    """SDKs choose an error's shape by the path alone, and could not read ours at these."""
    module = importlib.import_module("functions.not_found.app")
    answer = module.handler(request(method, path, bearer=ADMINISTRATOR_KEY), LambdaContext("x"))
    assert answer["statusCode"] == (404 if path.endswith("x") else 405)
    error = json.loads(answer["body"])
    assert set(error) >= {"error", "error_code", "error_description", "error_uri"}
    assert isinstance(error["error"], str)


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
    changed = deployment.answer("application.update")["data"]
    assert changed["branding"]["name"] == "Letterbox"
    read = deployment.answer("application.get")["data"]
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


def test_somebody_chooses_where_several_providers_could_be_meant(deployment: Deployment) -> None:
    """A browser gets a page whose links go on; a program is told what is missing."""
    query = "&".join(
        part
        for part in deployment.event("oauth_start.connect")["rawQueryString"].split("&")
        if not part.startswith(("provider=", "login_hint="))
    )
    headers = deployment.event("oauth_start.connect")["headers"] | {"accept": "application/json"}
    path: dict[str, Any] = {"rawPath": "/v3/connectors/microsoft"}
    deployment.answer("provider_configs.create_microsoft_connector", status=201)
    try:
        page = deployment.invoke("oauth_start.connect", rawQueryString=query)
        asked = deployment.answer(
            "oauth_start.connect", rawQueryString=query, headers=headers, status=400
        )
        links = re.findall(r'href="\?([^"]+)"', page["body"])
        ways = [
            location(deployment.invoke("oauth_start.connect", rawQueryString=unescape(link)))
            for link in links
        ]
    finally:
        deployment.answer("provider_configs.delete_connector", **path)
    assert page["statusCode"] == 200
    assert "set-cookie" not in str(page).lower()
    assert asked["error"]["message"].startswith("provider: ")
    assert [urlsplit(way).hostname for way in ways] == [
        deployment.simulator.base_url.host,
        "login.microsoftonline.com",
    ]


@pytest.mark.parametrize("prompt", ["select_provider", "detect", "select_provider,detect", "login"])
def test_prompts_are_those_of_the_contract(deployment: Deployment, prompt: str) -> None:
    """Others would be ignored, so they are refused."""
    query = _query(deployment, "oauth_start.connect", prompt=prompt)
    answer = deployment.invoke("oauth_start.connect", rawQueryString=query)
    assert answer["statusCode"] == (400 if prompt == "login" else 302)


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


@pytest.mark.parametrize(
    ("case", "status", "heading"),
    [
        ("oauth_callback.admin_consent", 200, "The application is allowed now"),
        ("oauth_callback.admin_declined", 400, "Your mailbox was not connected"),
    ],
)
def test_an_administrator_who_was_asked_sees_a_page(
    deployment: Deployment, case: str, status: int, heading: str
) -> None:
    """They come back alone: no application waits for them, and the state is nobody's."""
    response = deployment.invoke(case)
    assert response["statusCode"] == status
    assert f"<h1>{heading}</h1>" in response["body"]
    assert "location" not in {name.lower() for name in response["headers"]}
    assert "72f988bf" not in response["body"]


def test_a_connector_for_microsoft_has_a_tenant(deployment: Deployment) -> None:
    """Without one everybody may sign in; what is not a tenant never reaches an address."""
    create = "provider_configs.create_microsoft_connector"
    path: dict[str, Any] = {
        "rawPath": "/v3/connectors/microsoft",
        "pathParameters": {"provider": "microsoft"},
    }
    update = "provider_configs.update_connector"
    try:
        made = deployment.answer(create, status=201)["data"]
        changed = deployment.answer(update, body='{"settings": {"tenant": ""}}', **path)["data"]
        evil = '{"settings": {"tenant": "evil.example/x"}}'
        refused = deployment.answer(update, body=evil, status=400, **path)
    finally:
        deployment.answer("provider_configs.delete_connector", **path)
    assert made["settings"]["tenant"] == "organizations"
    assert "secret" not in json.dumps(made)
    assert changed["settings"]["tenant"] == "common"
    assert refused["error"]["message"].startswith("settings.tenant: ")


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


def test_a_mailbox_is_audited(deployment: Deployment) -> None:
    """Never yet, then asked for, then done: every folder with both counts."""
    never = deployment.answer("accounts.get_audit")["data"]
    assert (never["state"], never["folders"], "all_mail" in never) == ("never", [], False)
    asked = deployment.answer("accounts.audit", status=202)["data"]
    assert asked["state"] == "waiting"
    deployment.work_off()
    done = deployment.answer("accounts.get_audit")["data"]
    assert (done["state"], done["all_mail"]["state"]) == ("done", "equal")
    assert done["all_mail"]["provider_count"] == done["all_mail"]["stored_count"] > 0
    listed = deployment.answer("folders.list", rawQueryString="")["data"]
    names = {folder["id"]: folder["name"] for folder in listed}
    assert {each["folder_id"]: each["name"] for each in done["folders"]} == names
    assert all(each["drift"] == 0 for each in done["folders"])


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
    folders = {folder["id"] for folder in deployment.answer("folders.list")["data"]}
    assert {"INBOX", "SENT"} <= folders
    assert deployment.answer("folders.get")["data"]["attributes"] == ["\\Inbox"]


def test_folders_are_made_changed_and_deleted(deployment: Deployment) -> None:
    """Each is seen at once, and the sync agrees afterwards."""

    def listed() -> dict[str, str]:
        folders = deployment.answer("folders.list")["data"]
        return {folder["id"]: folder["name"] for folder in folders}

    made = deployment.answer("folders.create")["data"]
    assert (made["name"], made["system_folder"]) == ("Receipts", False)
    deployment.names["Label_1"] = made["id"]
    assert listed()[made["id"]] == "Receipts"
    changed = deployment.answer("folders.update")["data"]
    assert (changed["id"], changed["name"]) == (made["id"], "Receipts 2026")
    assert (changed["background_color"], changed["text_color"]) == ("#16a766", "#ffffff")
    deployment.work_off()
    assert listed()[made["id"]] == "Receipts 2026"
    deployment.answer("folders.delete")
    assert made["id"] not in listed()
    deployment.work_off()
    assert made["id"] not in listed()
    deployment.answer("folders.delete", status=404)


@pytest.mark.parametrize(
    ("case", "body", "named"),
    [
        ("folders.create", '{"parent_id": "INBOX"}', "name: "),
        ("folders.create", '{"name": "a\\nb"}', "name: "),
        ("folders.create", '{"name": " "}', "name: "),
        ("folders.create", '{"name": "a", "parent_id": "Label_999"}', "parent_id: "),
        ("folders.create", '{"name": "a", "text_color": "red"}', "text_color: "),
        ("folders.create", '{"name": "a", "text_color": "#16a766"}', "background_color: "),
        ("mail.update_message", '{"categories": ["Red"]}', "categories: "),
        ("send.message", '{"to": [{"email": "a@x.io"}], "forward_message_id": "x"}', "forward_"),
    ],
)
def test_what_folders_and_messages_cannot_have_is_named(
    deployment: Deployment, case: str, body: str, named: str
) -> None:
    """Nothing is taken and then ignored."""
    answer = deployment.answer(case, status=400, body=body, isBase64Encoded=False)
    assert named in answer["error"]["message"]


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


def test_a_message_in_mime_is_sent_once(deployment: Deployment, simulator: httpx.Client) -> None:
    """As the Python SDK sends it: it arrives with its own id, and a forged one does not."""
    headers = deployment.event("send.mime_python")["headers"] | {"idempotency-key": "letter-2"}
    first = deployment.invoke("send.mime_python", headers=headers)
    again = deployment.invoke("send.mime_python", headers=headers)
    sent = json.loads(first["body"])["data"]
    assert json.loads(again["body"])["data"]["id"] == sent["id"]
    assert sent["subject"] == "Notes on the engine"
    (arrived,) = _received(simulator, "Notes on the engine")
    assert arrived["internet_message_id"] == "<notes-1@example.com>"
    event = deployment.event("send.mime_python")
    forged = base64.b64decode(event["body"]).replace(b"<ada+mail@", b"<boss@")
    body = base64.b64encode(forged).decode()
    answer = deployment.answer("send.mime_python", status=400, body=body)
    assert answer["error"]["message"].startswith("mime")
    assert len(_received(simulator, "Notes on the engine")) == 1


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


def test_scopes_beyond_those_of_the_connector_are_refused(deployment: Deployment) -> None:
    """They would not be asked for; fewer are taken, and `openid` alone was refused once."""

    def start(scope: str) -> Any:
        query = _query(deployment, "oauth_start.connect", scope=scope)
        return deployment.invoke("oauth_start.connect", rawQueryString=query)

    (connector,) = deployment.answer("provider_configs.list_connectors")["data"]
    refused = start("openid https://www.googleapis.com/auth/calendar")
    assert refused["statusCode"] == 400
    assert "scope: " in refused["body"]
    assert "/v3/connectors/google" in refused["body"]
    assert start(" ".join(reversed(connector["scope"])))["statusCode"] == 302
    for fewer in ("", "openid", "openid email"):
        assert start(fewer)["statusCode"] == 302


@pytest.mark.parametrize(
    "case",
    [
        "mail.update_message",
        "provider_configs.create_connector",
        "application.update",
        "accounts.sync",
    ],
)
def test_a_form_where_json_is_read_is_refused(deployment: Deployment, case: str) -> None:
    """A form without a boundary was a mistake of ours, 500."""
    headers = deployment.event(case)["headers"] | {"content-type": "multipart/form-data"}
    body = deployment.answer(case, status=415, headers=headers, body="--b--")
    assert body["error"]["type"] == "unsupported_media_type_error"


def test_nothing_to_change_changes_nothing(deployment: Deployment) -> None:
    """`{}` and nulls answer the message as it is."""
    before = deployment.answer("mail.get_message", rawQueryString="")["data"]
    for body in ("{}", '{"unread": null, "folders": null}'):
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
    """The tick answers for how many it called; nobody is due right after a sync."""
    deployment.work_off()
    assert deployment.invoke("scheduled_sync.tick") == {"woken": 0, "sends": 0}


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
