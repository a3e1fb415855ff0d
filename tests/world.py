"""The whole product without AWS or sockets: real use cases, real providers, simulated mailboxes.

Only storage is replaced, by fakes that pass the same contract tests as the real one. Time stands
still until a test moves it, for the simulator as well.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.simulators.google.app import create_app
from local.simulators.transport import SimulatorTransport
from postroom.domain.account import Account, ProviderName
from postroom.domain.application import RedirectUri
from postroom.domain.ids import AccountId, MessageId, ProviderMessageId, message_id
from postroom.domain.message import ALL_MAIL, Message, MessageFilter
from postroom.ports import (
    AccountStore,
    ContentStore,
    DownloadStore,
    FolderStore,
    ListedMarks,
    Locks,
    MessageStore,
    OutboxStore,
    PendingFetchStore,
    SyncStateStore,
)
from postroom.providers.registry import ConfiguredProviders
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.connect_account import (
    ConnectionStart,
    begin_connection,
    finish_connection,
)
from postroom.usecases.disconnect_account import erase_account, is_being_erased
from postroom.usecases.list_messages import list_messages
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    create_provider_config,
)
from postroom.usecases.send_message import SendTools
from postroom.usecases.settle_send import settle_send
from postroom.usecases.store_mail import MailStores
from postroom.usecases.sync_account import SyncTools, sync_account
from tests.fakes import (
    FixedClock,
    InMemoryAccountStore,
    InMemoryApplicationStore,
    InMemoryClientSecretVault,
    InMemoryConnectionStore,
    InMemoryContentStore,
    InMemoryDeploymentSecrets,
    InMemoryDownloadStore,
    InMemoryFolderStore,
    InMemoryListedMarks,
    InMemoryLocks,
    InMemoryMessageStore,
    InMemoryOutboxStore,
    InMemoryPendingFetchStore,
    InMemoryProviderConfigStore,
    InMemorySyncStateStore,
    InMemoryTokenVault,
    QueuedWork,
    RecordingQueue,
    WorkKind,
)

RETURN_ADDRESS = "https://app.example/connected?from=postroom"
CALLBACK_URL = "https://postroom.example/v3/connect/callback"
APPLICATION_ID = "6f1f3f5e-8a3c-4d27-9d2c-0f6c1a7b9e11"


class Simulator:
    """A simulated provider and its control interface."""

    def __init__(self, clock: FixedClock) -> None:
        app = create_app(clock=clock.now)
        self.transport = SimulatorTransport(app)
        self._client = httpx.Client(transport=self.transport, base_url="http://simulator")

    def control(self, method: str, path: str, **request: Any) -> Any:
        """Make a control call; answers its JSON."""
        response = self._client.request(method, f"/_sim/{path}", **request)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def get(self, url: str) -> httpx.Response:
        """Visit a page like a browser, without following where it leads."""
        return self._client.get(url)

    def add_mailbox(self, address: str, **fill: Any) -> None:
        """Make a mailbox, filled with so many `messages` of a `seed`."""
        self.control("POST", "mailboxes", json={"address": address})
        if fill:
            self.control("POST", f"mailboxes/{address}/fill", json=fill)

    def deliver(self, address: str, mail: bytes | None = None, **query: Any) -> str:
        """Deliver a mail; answers the provider's id."""
        body = mail if mail is not None else make_mail(to=address)
        answer = self.control(
            "POST",
            f"mailboxes/{address}/messages",
            content=body,
            params=query,
            headers={"content-type": "message/rfc822"},
        )
        return str(answer["id"])

    def change(self, address: str, *changes: dict[str, str]) -> None:
        """Do what the owner does in another client."""
        self.control("POST", f"mailboxes/{address}/changes", json=list(changes))

    def delete_label(self, access_token: str, label_id: str) -> None:
        """Delete a label, as its owner does in another client."""
        answer = self._client.delete(
            f"/gmail/v1/users/me/labels/{label_id}",
            headers={"authorization": f"Bearer {access_token}"},
        )
        assert answer.is_success, answer.text

    def fail(self, *faults: dict[str, Any]) -> None:
        """Make matching calls fail from now on."""
        self.control("POST", "faults", json=list(faults))

    def messages(self, address: str) -> dict[str, dict[str, Any]]:
        """Return the truth: every message of a mailbox by the provider's id."""
        found: dict[str, dict[str, Any]] = {}
        page: dict[str, Any] = {}
        while True:
            answer = self.control("GET", f"mailboxes/{address}", params=page)
            found |= {message["id"]: message for message in answer["messages"]}
            if not answer.get("next"):
                return found
            page = {"page": answer["next"]}


def make_mail(
    *,
    to: str,
    subject: str = "Hello",
    text: str = "How are you?",
    sender: str = "Ana Lima <ana@elsewhere.example>",
    **headers: str,
) -> bytes:
    """Make a mail in its MIME form; `In_Reply_To` becomes a header like any other."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@dataclass
class World:
    """One deployment with one configured provider; everything in it can be looked at."""

    clock: FixedClock = field(default_factory=FixedClock)
    secrets: InMemoryDeploymentSecrets = field(default_factory=InMemoryDeploymentSecrets)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.clock)
        self.application = InMemoryApplicationStore()
        self.configs = InMemoryProviderConfigStore()
        self.client_secrets = InMemoryClientSecretVault()
        self.connections = InMemoryConnectionStore()
        self.accounts: AccountStore = InMemoryAccountStore()
        self.vault = InMemoryTokenVault()
        self.locks: Locks = InMemoryLocks()
        self.sync_states: SyncStateStore = InMemorySyncStateStore(self.clock)
        self.messages: MessageStore = InMemoryMessageStore(self.clock)
        self.contents: ContentStore = InMemoryContentStore()
        self.pending: PendingFetchStore = InMemoryPendingFetchStore()
        self.downloads: DownloadStore = InMemoryDownloadStore()
        self.listed: ListedMarks = InMemoryListedMarks()
        self.folders: FolderStore = InMemoryFolderStore()
        self.outbox: OutboxStore = InMemoryOutboxStore(self.clock)
        self.work = RecordingQueue()
        self.providers = ConfiguredProviders(
            configs=self.configs,
            client_secrets=self.client_secrets,
            clock=self.clock,
            google_simulator_url="http://simulator",
            transport=self.simulator.transport,
        )
        self.application.put_redirect_uri(
            RedirectUri(id="r1", url=RETURN_ADDRESS, platform="web", created_at=self.clock.now())
        )
        create_provider_config(
            provider=ProviderName.GOOGLE,
            client_id="client",
            client_secret="client-secret",
            change=ProviderConfigChange(),
            configs=self.configs,
            client_secrets=self.client_secrets,
            clock=self.clock,
        )

    # ── What the use cases work with ─────────────────────────────────────────────────────────

    @property
    def mailboxes(self) -> Mailboxes:
        """Opens mailboxes with the stores of this world."""
        return Mailboxes(
            accounts=self.accounts,
            providers=self.providers,
            vault=self.vault,
            locks=self.locks,
            clock=self.clock,
        )

    @property
    def stores(self) -> MailStores:
        """Where mail is kept. Tests may put stores in that fail."""
        return MailStores(
            messages=self.messages,
            contents=self.contents,
            pending=self.pending,
            listed=self.listed,
        )

    @property
    def tools(self) -> SyncTools:
        """What syncing works with."""
        return SyncTools(
            accounts=self.accounts,
            mailboxes=self.mailboxes,
            sync_states=self.sync_states,
            stores=self.stores,
            folders=self.folders,
            work=self.work,
            clock=self.clock,
            poll_interval=timedelta(minutes=5),
        )

    @property
    def send_tools(self) -> SendTools:
        """What sending works with."""
        return SendTools(
            mailboxes=self.mailboxes,
            stores=self.stores,
            outbox=self.outbox,
            sync_states=self.sync_states,
            secrets=self.secrets,
            work=self.work,
            clock=self.clock,
        )

    # ── What people do ───────────────────────────────────────────────────────────────────────

    def consent(self, address: str, **start: Any) -> tuple[str, str]:
        """Go to the consent page and agree; answers the callback's address and the cookie."""
        self.simulator.control("POST", "settings", json={"auto_consent": True})
        departure = begin_connection(
            start=ConnectionStart(
                client_id=APPLICATION_ID,
                redirect_uri=RETURN_ADDRESS,
                provider=ProviderName.GOOGLE,
                login_hint=address,
                **start,
            ),
            application_id=APPLICATION_ID,
            callback_url=CALLBACK_URL,
            application=self.application,
            configs=self.configs,
            providers=self.providers,
            connections=self.connections,
            clock=self.clock,
        )
        answer = self.simulator.get(departure.consent_url)
        return answer.headers["location"], departure.browser_secret

    def come_back(self, callback: str, browser_secret: str) -> dict[str, str]:
        """Follow the provider's redirect; answers what the return address is told."""
        query = _query(callback)
        return _query(
            finish_connection(
                state=query.get("state", ""),
                code=query.get("code", ""),
                error=query.get("error", ""),
                browser_secret=browser_secret,
                callback_url=CALLBACK_URL,
                providers=self.providers,
                connections=self.connections,
                accounts=self.accounts,
                vault=self.vault,
                sync_states=self.sync_states,
                work=self.work,
                clock=self.clock,
            )
        )

    def connect(self, address: str) -> Account:
        """Connect a mailbox the whole way; syncs nothing yet."""
        answer = self.come_back(*self.consent(address))
        assert "code" in answer, answer
        (account_id,) = self.accounts.by_email(address)
        return self.accounts.get(account_id)

    # ── What the queues do ───────────────────────────────────────────────────────────────────

    def do(self, work: QueuedWork) -> None:
        """Do one piece of work as the workers do."""
        if work.kind is WorkKind.SYNC:
            sync_account(account_id=work.account_id, tools=self.tools)
        elif work.kind is WorkKind.SETTLE_SEND:
            assert work.outbox_id is not None
            settle_send(
                account_id=work.account_id,
                outbox_id=work.outbox_id,
                attempt=work.attempt,
                tools=self.send_tools,
            )
        elif is_being_erased(account_id=work.account_id, accounts=self.accounts):
            erase_account(
                account_id=work.account_id,
                tools=self.tools,
                vault=self.vault,
                outbox=self.outbox,
                downloads=self.downloads,
            )
        else:
            backfill_account(account_id=work.account_id, tools=self.tools)

    def do_next(self, kind: WorkKind) -> None:
        """Do the work of a kind that has waited longest."""
        work = self.work.take(kind)
        assert work is not None
        self.do(work)

    def work_off(self, *, limit: int = 200) -> None:
        """Do all work that waits, letting its delays pass."""
        for _ in range(limit):
            work = self.work.take()
            if work is None:
                return
            self.clock.advance(work.delay)
            self.do(work)
        raise AssertionError(f"work goes on after {limit} steps: {self.work.waiting}")

    # ── What can be seen ─────────────────────────────────────────────────────────────────────

    def stored(self, account_id: AccountId) -> dict[str, Message]:
        """Return every stored message by the provider's id, by way of the list of all mail."""
        places = self.messages.positions(account_id, ALL_MAIL, limit=1_000_000)
        ids = [place.message_id for place in places]
        found: dict[MessageId, Message] = {}
        for start in range(0, len(ids), 100):
            found |= self.messages.get_many(account_id, ids[start : start + 100])
        return {message.provider_id: message for message in found.values()}

    def subjects(self, account_id: AccountId, **wanted: Any) -> list[str]:
        """Return the subjects of a list, as a reader gets it."""
        page = list_messages(
            account_id=account_id,
            wanted=MessageFilter(**wanted),
            limit=200,
            after=None,
            with_content=False,
            messages=self.messages,
            contents=self.contents,
        )
        return [message.subject for message in page.messages]

    def message(self, account_id: AccountId, provider_id: str) -> Message:
        """Return one stored message."""
        return self.messages.get(account_id, message_id(account_id, ProviderMessageId(provider_id)))

    def assert_equal(self, account: Account) -> None:
        """The copy equals the mailbox: no loss, no ghost, right folders and flags."""
        truth = self.simulator.messages(account.identity.email)
        stored = self.stored(account.id)
        assert set(stored) == set(truth)
        for provider_id, message in stored.items():
            expected = truth[provider_id]
            assert set(message.folders) == set(expected["folders"]), message.subject
            assert message.unread == expected["unread"], message.subject
            assert message.starred == expected["starred"], message.subject


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
