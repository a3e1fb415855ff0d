"""The main job, as an application does it: with the official SDK, over HTTP, nothing replaced."""

import base64
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from local.running_stack import RunningStack
from tests.e2e.conftest import SimulatedProvider, come_back, wait_for

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _newsletter(to: str, *, cc: str, number: int = 1) -> bytes:
    """A mail with both bodies, an inline picture and an attachment, in Portuguese."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<pao-{number}@padaria.example>"
    mail["From"] = "Padaria São João <ola@padaria.example>"
    mail["To"] = f"Rosa Dias <{to}>"
    mail["Cc"] = cc
    mail["Subject"] = "Pão quente às sete"
    mail.set_content("O pão sai às sete.")
    mail.add_alternative('<p>O <b>pão</b> sai às sete. <img src="cid:forno"></p>', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(PNG, "image", "png", cid="<forno>", filename="forno.png")  # type: ignore[union-attr]
    mail.add_attachment(
        b"%PDF-1.4 ...", maintype="application", subtype="pdf", filename="preços.pdf"
    )
    return mail.as_bytes()


@pytest.mark.usefixtures("new_connector")
def test_a_mailbox_goes_all_the_way(
    stack: RunningStack,
    postroom: Client,
    http: httpx.Client,
    provider: SimulatedProvider,
    return_address: str,
) -> None:
    """Set up, connect, read, change, send, receive: each step as the SDK's users do it."""
    # Given an administrator who enters the OAuth client, and a person with mail
    rosa, ana = provider.address("rosa"), provider.address("ana")
    postroom.connectors.destroy(provider.name)
    connector = postroom.connectors.create(
        {
            "name": "Ours",
            "provider": provider.name,
            "settings": {"client_id": "our-client", "client_secret": "our-secret"},
        }
    ).data
    assert connector.provider == provider.name
    assert "our-secret" not in str(postroom.connectors.find(provider.name).data)
    provider.call("POST", "mailboxes", json={"address": rosa, "name": "Rosa Dias"})
    provider.call("POST", "mailboxes", json={"address": ana, "name": "Ana Lima"})
    provider.call("POST", f"mailboxes/{rosa}/fill", json={"messages": 40, "seed": 11})
    newsletter_id = provider.deliver(rosa, _newsletter(rosa, cc=ana), unread="true")

    # When she connects her mailbox, with PKCE as the SDK makes it
    pkce = postroom.auth.url_for_oauth2_pkce(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "provider": provider.name,
            "login_hint": rosa,
            "state": "their state",
        }
    )
    with httpx.Client(timeout=60) as browser:
        answer = come_back(browser, pkce.url)
    assert answer["state"] == "their state"
    token = postroom.auth.exchange_code_for_token(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "code": answer["code"],
            "code_verifier": pkce.secret,
        }
    )
    grant = token.grant_id
    assert token.email == rosa
    assert postroom.grants.find(grant).data.grant_status == "valid"

    # Then her messages appear, newest first, page by page, and equal the mailbox
    truth = {message["internet_message_id"]: message for message in provider.messages(rosa)}
    readable = sum(not message["draft"] for message in truth.values())

    def all_messages() -> list[Any] | None:
        found: list[Any] = []
        cursor = None
        while True:
            page = postroom.messages.list(
                grant, query_params={"limit": 15, "page_token": cursor, "fields": "include_headers"}
            )
            found += page.data
            cursor = page.next_cursor
            if not cursor:
                return found if len(found) == readable else None

    messages = wait_for(all_messages)
    dates = [message.date for message in messages]
    assert dates == sorted(dates, reverse=True)
    names = {folder.id: folder.name for folder in postroom.folders.list(grant).data}
    there = provider.folder_names(rosa)
    assert set(there.values()) <= set(names.values())
    for message in messages:
        headers = {header.name.lower(): header.value for header in message.headers}
        expected = truth[headers["message-id"]]
        assert message.subject == expected["subject"]
        shown = {names[folder] for folder in message.folders}
        assert shown == {there[folder] for folder in expected["folders"]}
        assert message.unread == expected["unread"]
        assert message.starred == expected["starred"]
        assert message.body
        assert len(message.attachments) == len(expected["attachments"])

    # And the newest has its people, bodies, snippet, inline picture and attachment
    (listed,) = (message for message in messages if message.subject == "Pão quente às sete")
    assert listed.date == max(dates)
    newest = postroom.messages.find(grant, listed.id).data
    assert newest.from_ == [{"email": "ola@padaria.example", "name": "Padaria São João"}]
    assert newest.to == [{"email": rosa, "name": "Rosa Dias"}]
    assert newest.cc == [{"email": ana, "name": ""}]
    assert "<b>pão</b>" in newest.body
    assert newest.snippet.startswith("O pão sai")
    files = {file.filename: file for file in newest.attachments}
    assert files["forno.png"].is_inline
    assert files["forno.png"].content_id == "forno"
    price_list = files["preços.pdf"]
    assert postroom.attachments.download_bytes(
        grant, price_list.id, query_params={"message_id": newest.id}
    ) == (b"%PDF-1.4 ...")

    # When she reads it, the mailbox shows it
    assert newest.unread
    changed = postroom.messages.update(grant, newest.id, {"unread": False, "starred": True}).data
    assert (changed.unread, changed.starred) == (False, True)
    seen = provider.message(rosa, id=newsletter_id)
    assert seen is not None
    assert (seen["unread"], seen["starred"]) == (False, True)
    assert postroom.messages.find(grant, newest.id).data.unread is False

    # When she answers with an attachment, it arrives, in the same thread
    sent = postroom.messages.send(
        grant,
        {
            "to": [{"email": ana, "name": "Ana Lima"}],
            "subject": "Re: Pão quente às sete",
            "body": "<p>Vamos?</p>",
            "reply_to_message_id": newest.id,
            "attachments": [
                {
                    "filename": "convite.txt",
                    "content_type": "text/plain",
                    "content": base64.b64encode("às sete".encode()).decode(),
                    "size": 8,
                }
            ],
        },
    ).data
    assert sent.thread_id == newest.thread_id
    arrived = wait_for(lambda: provider.message(ana, subject="Re: Pão quente às sete"))
    assert [file["filename"] for file in arrived["attachments"]] == ["convite.txt"]
    (folder,) = postroom.messages.find(grant, sent.id).data.folders
    assert names[folder] == provider.folder_name(rosa, "sent")

    # When new mail is delivered, it appears after a sync
    provider.deliver(rosa, _newsletter(rosa, cc=ana, number=2))
    accepted = http.post(f"/v3/grants/{grant}/sync", json={"mode": "incremental"})
    assert accepted.status_code == 202
    (inbox,) = (each for each in names if names[each] == provider.folder_name(rosa, "inbox"))
    twice = {"subject": "Pão quente às sete", "in": inbox}
    wait_for(lambda: len(postroom.messages.list(grant, query_params=twice).data) == 2)

    # When she disconnects, the account is gone at once
    postroom.grants.destroy(grant)
    with pytest.raises(NylasApiError) as gone:
        postroom.grants.find(grant)
    assert gone.value.status_code == 404


@pytest.mark.long
def test_the_sweep_brings_new_mail_by_itself(
    postroom: Client, provider: SimulatedProvider, connect: Callable[[SimulatedProvider, str], str]
) -> None:
    """Nobody asks for a sync, nor rings: the every-minute tick finds the account due."""
    # Given a provider that does not push, since no watch can be started
    provider.call("POST", "faults", json=[{"path": "/watch$|/subscriptions$", "status": 500}])
    try:
        address = provider.address("tick")
        provider.call("POST", "mailboxes", json={"address": address})
        provider.deliver(address, _newsletter(address, cc="ana@elsewhere.example"))
        grant = connect(provider, address)
        wait_for(lambda: postroom.messages.list(grant).data)
    finally:
        provider.call("DELETE", "faults")
    provider.deliver(address, _newsletter(address, cc="ana@elsewhere.example"))
    deadline_looks = range(3)  # a poll interval of a minute and a tick every minute
    for _ in deadline_looks:
        try:
            wait_for(lambda: len(postroom.messages.list(grant).data) == 2)
        except AssertionError:
            continue
        return
    pytest.fail("the sweep did not bring the new mail")


def test_two_providers_hold_one_conversation(
    postroom: Client,
    http: httpx.Client,
    google: SimulatedProvider,
    microsoft: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> None:
    """Mail from one provider arrives at the other, and the answer stands in the same thread."""
    # Given somebody at each provider
    people = {google: google.address("carla"), microsoft: microsoft.address("otto")}
    grants: dict[str, str] = {}
    for provider, address in people.items():
        provider.call("POST", "mailboxes", json={"address": address})
        grants[provider.name] = connect(provider, address)
    carla, otto = grants["google"], grants["microsoft"]

    def write(grant: str, to: str, **parts: Any) -> Any:
        return postroom.messages.send(grant, {"to": [{"email": to}], "body": "...", **parts}).data

    def arrived(provider: SimulatedProvider, grant: str, subject: str) -> Any:
        wait_for(lambda: provider.message(people[provider], subject=subject))

        def look() -> Any:
            found = postroom.messages.list(grant, query_params={"subject": subject}).data
            return [each for each in found if each.from_[0]["email"] != people[provider]]

        http.post(f"/v3/grants/{grant}/sync", json={"mode": "incremental"}).raise_for_status()
        return wait_for(look)[0]

    # When they write to and fro
    question = write(carla, people[microsoft], subject="Lunch?")
    asked = arrived(microsoft, otto, "Lunch?")
    answer = write(otto, people[google], subject="Re: Lunch?", reply_to_message_id=asked.id)
    answered = arrived(google, carla, "Re: Lunch?")
    again = write(carla, people[microsoft], subject="Re: Lunch?", reply_to_message_id=answered.id)
    closed = arrived(microsoft, otto, "Re: Lunch?")
    # Then each of them sees one conversation
    assert question.thread_id == answered.thread_id == again.thread_id
    assert asked.thread_id == answer.thread_id == closed.thread_id


def test_the_owner_reads_with_an_access_token_of_their_own(
    stack: RunningStack,
    provider: SimulatedProvider,
    postroom: Client,
    return_address: str,
) -> None:
    """An access token opens its own account as `me`, and no other."""
    mine, other = provider.address("mine"), provider.address("other")
    grants, tokens = {}, {}
    for address in (mine, other):
        provider.call("POST", "mailboxes", json={"address": address})
        url = postroom.auth.url_for_oauth2(
            {
                "client_id": stack.client_id,
                "redirect_uri": return_address,
                "provider": provider.name,
                "login_hint": address,
            }
        )
        with httpx.Client(timeout=60) as browser:
            code = come_back(browser, url)["code"]
        answer = postroom.auth.exchange_code_for_token(
            {"client_id": stack.client_id, "redirect_uri": return_address, "code": code}
        )
        grants[address], tokens[address] = answer.grant_id, answer.access_token
    owner = Client(api_key=tokens[mine], api_uri=stack.api_uri)
    assert owner.grants.find("me").data.email == mine
    with pytest.raises(NylasApiError) as refusal:
        owner.messages.list(grants[other])
    assert refusal.value.status_code == 404
    with pytest.raises(NylasApiError) as refusal:
        owner.connectors.list()
    assert refusal.value.status_code == 403
