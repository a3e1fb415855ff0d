"""Accounts with several addresses, and accounts without mail."""

import base64
from email import message_from_bytes
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.google.conftest import Consent, gmail_client
from tests.simulators.letters import letter

ALIASED = "mary@simulated.example"
ALIAS = "sales@simulated.example"
SETTINGS_SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"


@pytest.fixture
def aliased(simulator_url: str, control: Control, consent: Consent) -> Any:
    """Google's client for a mailbox with an alias."""
    control.post("mailboxes", {"address": ALIASED, "name": "Mary", "aliases": [ALIAS]})
    return gmail_client(simulator_url, consent.connect(ALIASED)["access_token"]).users()


def sender_of(gmail: Any, message_id: str) -> str:
    raw = gmail.messages().get(userId="me", id=message_id, format="raw").execute()["raw"]
    return str(message_from_bytes(base64.urlsafe_b64decode(raw))["From"])


def send(gmail: Any, raw: bytes) -> str:
    body = {"raw": base64.urlsafe_b64encode(raw).decode()}
    return str(gmail.messages().send(userId="me", body=body).execute()["id"])


def test_addresses_are_listed(aliased: Any) -> None:
    """The primary address comes first, then the aliases; each can be asked for."""
    send_as = aliased.settings().sendAs()
    listed = send_as.list(userId="me").execute()["sendAs"]
    one = send_as.get(userId="me", sendAsEmail=ALIAS).execute()

    assert [(each["sendAsEmail"], each["isPrimary"], each["isDefault"]) for each in listed] == [
        (ALIASED, True, True),
        (ALIAS, False, False),
    ]
    assert one == listed[1]
    assert one["verificationStatus"] == "accepted"
    with pytest.raises(HttpError, match="404"):
        send_as.get(userId="me", sendAsEmail=FRIEND).execute()


def test_settings_scope_is_enough_for_the_addresses(control: Control, consent: Consent) -> None:
    """`gmail.settings.basic` lists the addresses; a scope for sending does not."""

    def status(scope: str) -> int:
        token = consent.connect(OWNER, scope)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        path = "/gmail/v1/users/me/settings/sendAs"
        return control.http.get(path, headers=headers).status_code

    assert status(SETTINGS_SCOPE) == 200
    assert status("https://www.googleapis.com/auth/gmail.send") == 403


def test_mail_leaves_as_an_alias_and_as_no_one_else(aliased: Any) -> None:
    """From stays when it is an alias, with its name; another becomes the account's own."""
    own_choice = send(aliased, letter(sender=f"Sales <{ALIAS.upper()}>", to=FRIEND))
    strange = send(aliased, letter(sender=FRIEND, to=FRIEND))

    assert sender_of(aliased, own_choice) == f"Sales <{ALIAS.upper()}>"
    assert sender_of(aliased, strange) == f"Mary <{ALIASED}>"


def test_an_alias_that_is_withdrawn_is_written_over_without_a_word(
    control: Control, aliased: Any
) -> None:
    """As Gmail does: the mail leaves, from the account's own address; also a draft from before."""
    raw = base64.urlsafe_b64encode(letter(sender=ALIAS, to=FRIEND)).decode()
    draft = aliased.drafts().create(userId="me", body={"message": {"raw": raw}}).execute()
    path = f"/_sim/mailboxes/{ALIASED}/aliases"
    assert control.http.put(path, json={"aliases": []}).is_success

    sent = [
        send(aliased, letter(sender=ALIAS, to=FRIEND)),
        aliased.drafts().send(userId="me", body={"id": draft["id"]}).execute()["id"],
    ]

    assert [sender_of(aliased, each) for each in sent] == [f"Mary <{ALIASED}>"] * 2
    listed = aliased.settings().sendAs().list(userId="me").execute()["sendAs"]
    assert [each["sendAsEmail"] for each in listed] == [ALIASED]


def test_an_alias_of_another_mailbox_is_not_given_away(control: Control, aliased: Any) -> None:
    """Nor that mailbox's own address; one's own aliases may be named again."""
    path = f"/_sim/mailboxes/{ALIASED}/aliases"
    for taken in (FRIEND, OWNER):
        control.http.post("/_sim/mailboxes", json={"address": taken})
        assert control.http.put(path, json={"aliases": [taken]}).status_code == 409
    assert control.http.put(path, json={"aliases": [ALIAS, "x@simulated.example"]}).is_success
    listed = aliased.settings().sendAs().list(userId="me").execute()["sendAs"]
    assert [each["sendAsEmail"] for each in listed] == [ALIASED, ALIAS, "x@simulated.example"]


def test_an_internationalised_alias_is_one_in_either_form(control: Control, aliased: Any) -> None:
    """It is listed in its own letters, and stands in header fields as `xn--…`."""
    aliases = {"aliases": ["shop@bücher.example"]}
    assert control.http.put(f"/_sim/mailboxes/{ALIASED}/aliases", json=aliases).is_success
    encoded = "shop@xn--bcher-kva.example"

    sent = send(aliased, letter(sender=encoded, to=FRIEND))

    assert sender_of(aliased, sent) == encoded


def test_mail_to_an_alias_arrives(control: Control, aliased: Any, gmail: Any) -> None:
    """Mail for an alias lies in the one mailbox, delivered from outside or sent from inside."""
    control.deliver(ALIAS, letter(subject="From outside", to=ALIAS))
    send(gmail, letter(subject="From inside", sender=OWNER, to=ALIAS))

    truth = control.get(f"mailboxes/{ALIASED}")["messages"]
    assert {message["subject"] for message in truth} == {"From outside", "From inside"}


def test_consent_by_an_alias_is_for_the_mailbox(
    simulator_url: str, aliased: Any, consent: Consent
) -> None:
    """Whoever signs in with an alias is known by the primary address."""
    token = consent.connect(ALIAS)["access_token"]

    with gmail_client(simulator_url, token) as service:
        profile = service.users().getProfile(userId="me").execute()

    assert profile["emailAddress"] == ALIASED


@pytest.mark.parametrize(
    "second",
    [
        {"address": ALIAS},
        {"address": "new@simulated.example", "aliases": [ALIASED.upper()]},
        {"address": "new@simulated.example", "aliases": [ALIAS]},
    ],
)
def test_an_address_has_one_mailbox(control: Control, aliased: Any, second: dict[str, Any]) -> None:
    """No two mailboxes share an address, be it a primary one or an alias."""
    answer = control.http.post("/_sim/mailboxes", json=second)

    assert answer.status_code == 409
    assert len(control.get("mailboxes")["mailboxes"]) == 3


def test_account_without_mail_signs_in_but_has_no_gmail(control: Control, consent: Consent) -> None:
    """Such an account gives tokens, and every Gmail call says that its mail is off."""
    control.post("mailboxes", {"address": ALIASED, "mail_enabled": False})
    tokens = consent.connect(ALIASED)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    answers = [
        control.http.get(f"/gmail/v1/users/me/{path}", headers=headers)
        for path in ("profile", "messages", "labels")
    ]

    errors = [answer.json()["error"] for answer in answers]
    assert [error["code"] for error in errors] == [400, 400, 400]
    assert {error["errors"][0]["reason"] for error in errors} == {"failedPrecondition"}
    assert {error["status"] for error in errors} == {"FAILED_PRECONDITION"}


def test_consent_that_is_taken_back(control: Control, consent: Consent) -> None:
    """`expire consents` ends all tokens of a mailbox, as its owner does in the account's page."""
    mine, hers = consent.connect(OWNER), consent.connect(FRIEND)

    control.post("expire", {"what": "consents", "address": OWNER})

    def works(tokens: dict[str, Any]) -> tuple[int, int]:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        call: httpx.Response = control.http.get("/gmail/v1/users/me/profile", headers=headers)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return call.status_code, consent.token(**form).status_code

    assert (works(mine), works(hers)) == ((401, 400), (200, 200))


def test_administrator_must_agree(control: Control) -> None:
    """With `admin_required` Google shows that the app is blocked, and sends nobody back."""
    control.settings(consent="admin_required")
    query = {
        "client_id": "client-1",
        "redirect_uri": "https://product.example/callback",
        "response_type": "code",
        "scope": "openid",
        "login_hint": OWNER,
    }

    page = control.http.get("/o/oauth2/v2/auth", params=query)

    assert page.status_code == 400
    assert "admin_policy_enforced" in page.text
