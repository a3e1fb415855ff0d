"""Every message of a conversation is answered for itself, not the newest one in its place."""

import re
import time
import zlib
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite

_QUESTION = "<question@elsewhere.example>"


@dataclass(frozen=True)
class Conversation:
    """Two unread messages: Ada's, which also went to Charles, and Charles' answer to all."""

    visitor: Visitor
    provider: SimulatedProvider
    http: httpx.Client
    owner: str
    ada: str
    charles: str

    @property
    def page(self) -> Page:
        """The browser of whoever got them."""
        return self.visitor.page

    def older(self) -> Locator:
        """Return Ada's."""
        return self.page.locator(".message").first

    def sent(self, subject: str) -> tuple[str, str]:
        """Return the text that has come to Ada under this subject, and which message it answers."""

        def arrived() -> dict[str, Any] | None:
            return self.provider.message(self.ada, subject=subject)

        message_id = wait_for(arrived)["id"]
        if self.provider.name == "google":
            path = f"/gmail/v1/users/me/messages/{message_id}?format=metadata"
            headers = self._at_adas(path)["payload"]["headers"]
        else:
            path = f"/v1.0/me/messages/{message_id}?$select=internetMessageHeaders"
            headers = self._at_adas(path)["internetMessageHeaders"]
        answered = [each["value"] for each in headers if each["name"].lower() == "in-reply-to"]

        session = self.page.evaluate("fetch('/console/session').then((answer) => answer.json())")
        address = f"/v3/grants/{session['data']['mailboxes'][0]['id']}/messages"

        def kept() -> list[str]:
            found = self.http.get(address, params={"subject": subject}).json()["data"]
            return [each["body"] for each in found if each["from"][0]["email"] == self.owner]

        (text,) = wait_for(kept)
        return text, "".join(answered)

    def _at_adas(self, path: str) -> Any:
        call = {"method": "GET", "path": path}
        return self.provider.call("POST", f"mailboxes/{self.ada}/calls", json=call)


def _mail(name: str, sender: str, to: list[str], text: str, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"{name} <{sender}>", ", ".join(to)
    for header, value in headers.items():
        mail[header.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@pytest.fixture
def conversation(
    administrator: Visitor,
    visit: Visit,
    provider: SimulatedProvider,
    http: httpx.Client,
    request: pytest.FixtureRequest,
) -> Conversation:
    """It lies open in front of its owner, who has a telephone."""
    test = zlib.crc32(request.node.nodeid.encode())
    owner, ada, charles = (provider.address(f"{name}-{test}") for name in ("ines", "ada", "cb"))
    for address in (owner, ada, charles):
        provider.call("POST", "mailboxes", json={"address": address})
    question = _mail(
        "Ada", ada, [owner, charles], "Who comes?", Subject="Picnic", Message_ID=_QUESTION
    )
    answer = _mail(
        "Charles",
        charles,
        [owner, ada],
        "I do.",
        Subject="Re: Picnic",
        Message_ID="<answer@elsewhere.example>",
        In_Reply_To=_QUESTION,
        References=_QUESTION,
    )
    now = time.time()
    provider.deliver(owner, question, unread="true", received_at=now - 3600)
    provider.deliver(owner, answer, unread="true", received_at=now - 60)
    invite(administrator, owner)
    visitor = visit(width=360, height=740)
    visitor.open()
    connect(visitor, provider, owner)
    row = visitor.page.locator(".row", has_text="Picnic")
    expect(row.locator(".number")).to_have_text("2")
    row.get_by_role("link").click()
    expect(visitor.page.locator(".message-body")).to_have_count(2)
    return Conversation(visitor, provider, http, owner, ada, charles)


def test_an_older_message_is_answered(conversation: Conversation) -> None:
    """Only the newest could be: whoever answered somebody else's words answered the wrong ones."""
    # Given
    page, older = conversation.page, conversation.older()
    assert conversation.visitor.serious_problems() == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    conversation.visitor.picture(f"{conversation.provider.name}-narrow-answers")
    # When: by keyboard, kept as a draft, and gone on with
    reply = older.get_by_role("button", name=re.compile("^Reply: message from Ada, "))
    reply.focus()
    page.keyboard.press("Enter")
    composer = page.get_by_role("dialog", name="Reply")
    expect(composer.get_by_label("To", exact=True)).to_have_value(f"Ada <{conversation.ada}>")
    composer.get_by_label("Message", exact=True).fill("Me, too.")
    expect(composer.get_by_text("Saved", exact=True)).to_be_visible()
    composer.get_by_role("button", name="Save and close").click()
    expect(reply).to_be_focused()
    page.get_by_role("button", name="Go on writing").click()
    page.get_by_role("dialog", name="Draft").get_by_role("button", name="Send", exact=True).click()
    # Then
    expect(page.get_by_text("Message sent")).to_be_visible()
    text, answered = conversation.sent("Re: Picnic")
    assert answered == _QUESTION
    assert "Me, too." in text
    assert "Who comes?" in text
    assert "I do." not in text


def test_an_older_message_is_answered_to_all_and_passed_on(conversation: Conversation) -> None:
    """To those whom it went to, and with its text; folded, it offers neither."""
    # Given
    page, older = conversation.page, conversation.older()
    composer = page.locator("dialog.composer")
    # When
    older.get_by_role("button", name=re.compile("^Reply all: message from Ada, ")).click()
    # Then
    expect(composer.get_by_label("To", exact=True)).to_have_value(f"Ada <{conversation.ada}>")
    expect(composer.get_by_label("Cc", exact=True)).to_have_value(conversation.charles)
    composer.get_by_role("button", name="Discard").click()

    # When
    older.get_by_role("button", name=re.compile("^Forward: message from Ada, ")).click()
    composer.get_by_label("To", exact=True).fill(conversation.ada)
    composer.get_by_role("button", name="Send", exact=True).click()
    # Then
    expect(page.get_by_text("Message sent")).to_be_visible()
    text, _ = conversation.sent("Fwd: Picnic")
    assert "Who comes?" in text

    # When
    older.locator(".message-head").click()
    # Then
    expect(older.get_by_role("button")).to_have_count(1)
