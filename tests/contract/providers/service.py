"""A simulated provider, our provider that speaks to it, and a mailbox connected through both."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postroom.domain.account import ProviderName
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import FolderId, InternetMessageId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import Address, FullMessage, Message, MessageChange, MessageEdit
from postroom.domain.outgoing import OutgoingMessage
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    MailPage,
    MessageRef,
    SyncUnitId,
)
from postroom.ports import AuthorizationRequest, Mailbox, MailProvider
from postroom.providers.registry import ConfiguredProviders
from tests.builders import ACCOUNT_ID, make_outgoing_message, make_provider_config
from tests.fakes import FixedClock, InMemoryClientSecretVault, InMemoryProviderConfigStore
from tests.world import Simulator

ADA = "ada@simulated.example"
GRACE = "grace@simulated.example"
REDIRECT_URI = "https://postroom.example/v3/connect/callback"
VERIFIER = "v" * 43
PUSH_ADDRESS = "https://postroom.example/push/here"
TOPICS = {ProviderName.GOOGLE: "projects/product/topics/mail", ProviderName.MICROSOFT: ""}


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
    with_topic: Callable[[str], MailProvider]
    """The same with another topic for its pushes."""
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


def make_service(name: ProviderName) -> Service:
    """Make a service with two empty mailboxes, Ada's and Grace's."""
    clock = FixedClock()
    simulator = Simulator(clock, name)
    simulator.add_mailbox(ADA)
    simulator.add_mailbox(GRACE)
    simulator.control("POST", "settings", json={"push_endpoint": PUSH_ADDRESS})

    def provider(client_id: str, topic_name: str = TOPICS[name]) -> MailProvider:
        configs, secrets = InMemoryProviderConfigStore(), InMemoryClientSecretVault()
        configs.create(
            make_provider_config(provider=name, client_id=client_id, topic_name=topic_name)
        )
        secrets.write(name, "client-secret")
        configured = ConfiguredProviders(
            configs=configs,
            client_secrets=secrets,
            clock=clock,
            simulator_urls={name: "http://simulator"},
            transport=simulator.transport,
        )
        return configured.get(name)

    return Service(
        simulator=simulator,
        provider=provider("client"),
        misconfigured=provider("bad-client"),
        with_topic=lambda topic_name: provider("client", topic_name),
        clock=clock,
    )


@dataclass
class Connected:
    """A connected mailbox."""

    service: Service
    address: str
    tokens: RenewingTokens
    mailbox: Mailbox
    cursors: dict[SyncUnitId, Cursor] = field(default_factory=dict)
    expired: frozenset[SyncUnitId] = frozenset()

    def pages(self) -> Iterator[BackfillPage]:
        """Read the whole mailbox page by page; where changes begin stands in `cursors`."""
        units = self.mailbox.sync_units()
        self.cursors = {unit.id: unit.cursor for unit in units if unit.cursor is not None}
        positions = {unit.id: "" for unit in units if unit.view is not None}
        while positions:
            answer = self.mailbox.backfill(positions)
            assert not (answer.expired or answer.gone or answer.problem), answer
            for unit_id, page in answer.pages.items():
                if page.cursor is not None:
                    self.cursors[unit_id] = page.cursor
                if page.next_position is None:
                    del positions[unit_id]
                else:
                    positions[unit_id] = page.next_position
                yield page

    def listed(self) -> list[MessageRef]:
        """List the whole mailbox."""
        return [ref for page in self.pages() for ref in told(page)]

    def everything(self) -> dict[str, FullMessage]:
        """Read the whole mailbox, content and all."""
        return self.resolved(self.pages())

    def resolved(self, pages: Iterable[MailPage]) -> dict[str, FullMessage]:
        """Return the messages that pages tell of, fetching those that did not come along."""
        found: dict[str, FullMessage] = {}
        for page in pages:
            results = [page.fetched]
            if page.fetch:
                results.append(self.mailbox.fetch(page.fetch))
            for result in results:
                assert (result.missing, result.failed) == ((), ())
                found |= {full.message.provider_id: full for full in result.messages}
        return found

    def changes(self) -> list[ChangePage]:
        """Follow each unit's changes to their end; `cursors` move along."""
        found, behind = [], dict(self.cursors)
        while behind:
            answer = self.mailbox.changes(behind)
            self.expired |= answer.expired
            if answer.problem is not None:
                raise answer.problem
            for unit_id, page in answer.pages.items():
                found.append(page)
                self.cursors[unit_id] = behind[unit_id] = page.next_cursor
                if not page.more:
                    del behind[unit_id]
            for unit_id in answer.expired | answer.gone:
                del behind[unit_id]
        return found

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

    def folder(self, role: FolderRole) -> Folder:
        """Return the folder that is for something."""
        (found,) = (folder for folder in self.mailbox.folders() if folder.role is role)
        return found

    def folders_of(self, provider_id: str) -> set[FolderId]:
        """Return the folders that the provider has a message in, as we call them."""
        ours = {folder.provider_id: folder.id for folder in self.mailbox.folders()}
        return {ours[folder] for folder in self.truth(provider_id)["folders"]}

    def put_into(self, message: Message, *roles: FolderRole) -> MessageEdit:
        """Put a message into the folders that are for something."""
        named = {folder.id: folder for folder in map(self.folder, roles)}
        return self.mailbox.apply(message, MessageChange(folders=tuple(named)), folders=named)


def told(page: MailPage) -> list[MessageRef]:
    """Return the messages that a page brings or names as new."""
    return [*page.fetch, *(MessageRef.to(full.message) for full in page.fetched.messages)]


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
