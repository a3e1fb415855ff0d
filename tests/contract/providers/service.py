"""A simulated provider, our provider that speaks to it, and a mailbox connected through both."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.ids import InternetMessageId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import Address, FullMessage, Message
from postroom.domain.outgoing import OutgoingMessage
from postroom.domain.sync import BackfillPage, ChangePage, Cursor, MessageRef, SyncUnitId
from postroom.ports import AuthorizationRequest, Mailbox, MailProvider
from tests.builders import ACCOUNT_ID, make_outgoing_message
from tests.fakes import FixedClock
from tests.world import Simulator

ADA = "ada@simulated.example"
GRACE = "grace@simulated.example"
REDIRECT_URI = "https://postroom.example/v3/connect/callback"
VERIFIER = "v" * 43


@dataclass
class RenewingTokens:
    """An access token source without storage: it renews when it is told to."""

    provider: MailProvider
    tokens: Tokens
    replaced: int = 0

    def current(self) -> str:
        """Return the newest token."""
        return self.tokens.access_token

    def replace(self, refused: str) -> str:
        """Renew the tokens."""
        assert refused == self.tokens.access_token
        self.replaced += 1
        self.tokens = self.tokens.renewed(self.provider.refresh(self.tokens))
        return self.tokens.access_token


@dataclass
class Service:
    """A simulated provider and our provider that speaks to it."""

    simulator: Simulator
    provider: MailProvider
    misconfigured: MailProvider
    """The same with a client that the provider does not know."""
    clock: FixedClock

    def consent(self, address: str = ADA, *, nonce: str = "nonce") -> str:
        """Have the owner agree; answers the code. A refusal answers an empty one."""
        self.simulator.control("POST", "settings", json={"auto_consent": True})
        challenge = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()
        url = self.provider.authorization_url(
            AuthorizationRequest(
                redirect_uri=REDIRECT_URI,
                state="state",
                nonce=nonce,
                code_challenge=challenge.rstrip("="),
                login_hint=address,
            )
        )
        answer = self.simulator.get(url)
        assert answer.status_code == 302, answer.text
        returned = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert returned["state"] == ["state"]
        return returned.get("code", [""])[0]

    def exchange(
        self, code: str, *, verifier: str = VERIFIER, nonce: str = "nonce"
    ) -> Authorization:
        """Trade a code for tokens."""
        return self.provider.exchange_code(
            code=code, redirect_uri=REDIRECT_URI, code_verifier=verifier, nonce=nonce
        )

    def connect(self, address: str = ADA) -> "Connected":
        """Connect a mailbox."""
        authorization = self.exchange(self.consent(address))
        tokens = RenewingTokens(self.provider, authorization.tokens)
        return Connected(self, address, tokens, self.provider.mailbox(ACCOUNT_ID, tokens))

    def usage(self, address: str = ADA) -> dict[str, dict[str, int]]:
        """What a mailbox has cost since the start, by method."""
        found: dict[str, dict[str, int]] = self.simulator.control("GET", "usage")["mailboxes"].get(
            address, {}
        )
        return found


@dataclass
class Connected:
    """A connected mailbox."""

    service: Service
    address: str
    tokens: RenewingTokens
    mailbox: Mailbox

    def listed(self) -> list[MessageRef]:
        """List the whole mailbox, newest first."""
        return [ref for page in self.pages() for ref in page.refs]

    def pages(self) -> Iterator[BackfillPage]:
        """List the whole mailbox page by page."""
        position: str | None = ""
        while position is not None:
            page = self.mailbox.backfill(position)
            yield page
            position = page.next_position

    def read(self, provider_id: str) -> FullMessage:
        """Fetch one message."""
        result = self.mailbox.fetch([ref_of(provider_id)])
        assert (result.missing, result.failed) == ((), ())
        return result.messages[0]

    def message(self, provider_id: str) -> Message:
        """Fetch one message without its content."""
        return self.read(provider_id).message

    def truth(self, provider_id: str) -> dict[str, Any]:
        """What the provider has."""
        return self.service.simulator.messages(self.address)[provider_id]

    def deliver(self, mail: bytes | None = None, **query: Any) -> str:
        """Have a mail delivered."""
        return self.service.simulator.deliver(self.address, mail, **query)

    def fail(self, **fault: Any) -> None:
        """Make matching calls fail from now on."""
        self.service.simulator.fail(fault)

    def all_changes(self, cursors: dict[SyncUnitId, Cursor]) -> list[ChangePage]:
        """Follow each unit's changes to their end; moves the cursors."""
        found = []
        for unit in cursors:
            more = True
            while more:
                page = self.mailbox.changes(unit, cursors[unit])
                found.append(page)
                cursors[unit], more = page.next_cursor, page.more
        return found


def ref_of(provider_id: str) -> MessageRef:
    """Refer to a message whose thread is not known."""
    return MessageRef(
        provider_id=ProviderMessageId(provider_id),
        provider_thread_id=ProviderThreadId(f"unknown-{provider_id}"),
    )


def outgoing(**changes: Any) -> OutgoingMessage:
    """A message from Ada to Grace."""
    people = {
        "from_": Address(email=ADA, name="Ada"),
        "to": (Address(email=GRACE, name="Grace"),),
        "message_id": InternetMessageId("<first@postroom.example>"),
    }
    return make_outgoing_message(**{**people, **changes})
