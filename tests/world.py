"""The whole product without AWS or sockets: real use cases, real providers, simulated mailboxes.

What is told of one world is true of both providers: a test names folders by what they are for, and
faults by what is called (`Simulator.calls`), never by a vendor's words.

Only storage is replaced, by fakes that pass the same contract tests as the real one. Time stands
still until a test moves it, for the simulator as well.
"""

import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

import local.simulators.google.app
import local.simulators.microsoft.app
from local.simulators.settings import Settings
from local.simulators.transport import SimulatorTransport
from postroom.domain.account import Account, ProviderName
from postroom.domain.application import RedirectUri
from postroom.domain.errors import Forbidden, Unauthenticated
from postroom.domain.event import Event
from postroom.domain.folder import FolderRole
from postroom.domain.ids import (
    AccountId,
    FolderId,
    MessageId,
    ProviderMessageId,
    ThreadId,
    message_id,
)
from postroom.domain.message import ALL_MAIL, Message, MessageFilter
from postroom.domain.push import PushRequest
from postroom.domain.thread import summarise
from postroom.ports import (
    AccountStore,
    AuditStore,
    ContentStore,
    DownloadStore,
    DraftCreationStore,
    FolderStore,
    ListedMarks,
    Locks,
    MessageStore,
    OutboxStore,
    OutgoingStore,
    PendingFetchStore,
    QuotaStore,
    SenderStore,
    SyncStateStore,
    ThreadStore,
    UploadStore,
)
from postroom.providers.google.endpoints import endpoints
from postroom.providers.google.push import Download, GooglePushReader, PublishedKeys
from postroom.providers.mail_domains import KnownMailDomains
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.providers.microsoft.push import MicrosoftPushReader
from postroom.providers.quotas import SENDING_LIMITS, quotas
from postroom.providers.registry import ConfiguredProviders
from postroom.storage.failures import STORE_FAILURES
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.begin_connection import ConnectionStart, begin_connection
from postroom.usecases.connect_account import finish_connection
from postroom.usecases.disconnect_account import erase_account, is_being_erased
from postroom.usecases.governor import Governor
from postroom.usecases.list_messages import list_messages
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.manage_drafts import DraftTools
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    create_provider_config,
    update_provider_config,
)
from postroom.usecases.receive_push import receive_address_push, receive_watch_pushes
from postroom.usecases.send_message import SendTools
from postroom.usecases.sending_pace import SendingPace
from postroom.usecases.settle_send import settle_send
from postroom.usecases.store_mail import MailStores
from postroom.usecases.sync_account import sync_account
from postroom.usecases.sync_lanes import SyncTools
from tests.doorbells import ArrivedPush, Doorbell
from tests.fakes import (
    FixedClock,
    InMemoryAccountStore,
    InMemoryApplicationStore,
    InMemoryAuditStore,
    InMemoryClientSecretVault,
    InMemoryConnectionStore,
    InMemoryContentStore,
    InMemoryDeploymentSecrets,
    InMemoryDownloadStore,
    InMemoryDraftCreationStore,
    InMemoryFolderStore,
    InMemoryListedMarks,
    InMemoryLocks,
    InMemoryMessageStore,
    InMemoryOutboxStore,
    InMemoryOutgoingStore,
    InMemoryPendingFetchStore,
    InMemoryProviderConfigStore,
    InMemoryQuotaStore,
    InMemorySenderStore,
    InMemorySendScheduler,
    InMemorySyncStateStore,
    InMemoryThreadStore,
    InMemoryTokenVault,
    InMemoryUploadStore,
    QueuedWork,
    RecordingQueue,
    WorkKind,
)

GOOGLE_ALONE = pytest.mark.parametrize("world", [ProviderName.GOOGLE], indirect=True)
MICROSOFT_ALONE = pytest.mark.parametrize("world", [ProviderName.MICROSOFT], indirect=True)
"""For stories that are told of one provider."""

RETURN_ADDRESS = "https://app.example/connected?from=postroom"
PUBLIC_URL = "https://postroom.example"
CALLBACK_URL = f"{PUBLIC_URL}/v3/connect/callback"
APPLICATION_ID = "6f1f3f5e-8a3c-4d27-9d2c-0f6c1a7b9e11"


CREATE_APP = {
    ProviderName.GOOGLE: local.simulators.google.app.create_app,
    ProviderName.MICROSOFT: local.simulators.microsoft.app.create_app,
}

CALLS = {
    ProviderName.GOOGLE: {
        "any": "/gmail/",
        "message": "/messages/|/threads/",
        "listing": "/messages$",
        "changes": "/history",
        "messages": "/messages",
        "folders": "/labels",
        "modify": "/modify",
        "trash": "/trash",
        "attachments": "/attachments",
        "send": "/send",
        "batch": "/batch",
        "token": "^/token",
        "first": "/profile",
        "senders": "/settings/sendAs",
    },
    ProviderName.MICROSOFT: {
        "any": "/v1.0/",
        "message": "/messages/[^/]+$",
        "listing": "/messages/delta",
        "changes": "/messages/delta",
        "messages": "/messages",
        "folders": "/mailFolders/delta",
        "modify": "/messages/[^/]+(/move)?$",
        "trash": "/move$",
        "attachments": "/attachments",
        "send": "/send$",
        "batch": r"/\$batch",
        "token": "/oauth2/v2.0/token$",
        "first": "/mailFolders",
        "senders": "/v1.0/me$",
    },
}
"""What is called, by what it is for: regular expressions for the paths of faults."""

_PUSH_WAIT_SECONDS = 30.0

FOLDER_PATHS = {
    ProviderName.GOOGLE: "/gmail/v1/users/me/labels",
    ProviderName.MICROSOFT: "/v1.0/me/mailFolders",
}


class Simulator:
    """A simulated provider and its control interface."""

    def __init__(self, clock: FixedClock, provider: ProviderName = ProviderName.GOOGLE) -> None:
        self.doorbell = Doorbell()
        app = CREATE_APP[provider](clock=clock.now, outbound=self.doorbell)
        self.provider = provider
        self.calls = CALLS[provider]
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

    def owner_call(self, address: str, **call: Any) -> httpx.Response:
        """Make an API call with the owner's own client, which no fault concerns."""
        call["headers"] = {"Prefer": 'IdType="ImmutableId"'}
        return self._client.post(f"/_sim/mailboxes/{address}/calls", json=call)

    def calls_made(self) -> dict[str, int]:
        """Return how often each method was called since the start."""
        usage = self.control("GET", "usage")["mailboxes"]
        found: Counter[str] = Counter()
        for methods in usage.values():
            found.update({method: numbers["calls"] for method, numbers in methods.items()})
        return found

    def pushes(self) -> list[ArrivedPush]:
        """Return the pushes that have arrived, once none is on its way any more."""
        give_up_at = time.monotonic() + _PUSH_WAIT_SECONDS
        while self.control("GET", "pushes")["undelivered"]:
            assert time.monotonic() < give_up_at, "pushes are still on their way"
            time.sleep(0.001)
        return self.doorbell.take()

    def delete_folder(self, access_token: str, folder_id: str) -> None:
        """Delete a folder, as its owner does in another client."""
        answer = self._client.delete(
            f"{FOLDER_PATHS[self.provider]}/{quote(folder_id)}",
            headers={"authorization": f"Bearer {access_token}"},
        )
        assert answer.is_success, answer.text

    def fail_calls(self, what: str, **fault: Any) -> None:
        """Make calls fail that are for something (see CALLS)."""
        self.fail({"path": self.calls[what], **fault})

    def expire_cursors(self) -> None:
        """Make the provider forget all changes until now."""
        self.control("POST", "expire", json={"what": "history"})
        self.control("POST", "expire", json={"what": "delta"})

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

    provider: ProviderName = ProviderName.GOOGLE
    clock: FixedClock = field(default_factory=FixedClock)
    secrets: InMemoryDeploymentSecrets = field(default_factory=InMemoryDeploymentSecrets)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.clock, self.provider)
        self.application = InMemoryApplicationStore()
        self.configs = InMemoryProviderConfigStore()
        self.client_secrets = InMemoryClientSecretVault()
        self.connections = InMemoryConnectionStore()
        self.accounts: AccountStore = InMemoryAccountStore()
        self.vault = InMemoryTokenVault()
        self.locks: Locks = InMemoryLocks()
        self.sync_states: SyncStateStore = InMemorySyncStateStore(self.clock)
        self.messages: MessageStore = InMemoryMessageStore(self.clock)
        self.threads: ThreadStore = InMemoryThreadStore(self.messages)
        self.contents: ContentStore = InMemoryContentStore()
        self.pending: PendingFetchStore = InMemoryPendingFetchStore()
        self.downloads: DownloadStore = InMemoryDownloadStore()
        self.uploads: UploadStore = InMemoryUploadStore(self.clock)
        self.listed: ListedMarks = InMemoryListedMarks()
        self.folders: FolderStore = InMemoryFolderStore()
        self.audits: AuditStore = InMemoryAuditStore()
        self._sends = InMemoryOutboxStore(self.clock)
        self.outbox: OutboxStore = self._sends
        self._outgoing = InMemoryOutgoingStore(self.clock)
        self.outgoing: OutgoingStore = self._outgoing
        self.scheduler = InMemorySendScheduler()
        self.senders: SenderStore = InMemorySenderStore()
        self.undo_window = timedelta()
        self.sending_limits = SENDING_LIMITS
        self.creations: DraftCreationStore = InMemoryDraftCreationStore(self.clock)
        self.quota_store: QuotaStore = InMemoryQuotaStore()
        self.quotas = quotas(gmail_units_a_minute=6_000, gmail_units_a_day=80_000_000)
        self.work = RecordingQueue()
        self.providers = ConfiguredProviders(
            configs=self.configs,
            client_secrets=self.client_secrets,
            clock=self.clock,
            simulator_urls=dict.fromkeys(ProviderName, "http://simulator"),
            transport=self.simulator.transport,
        )
        self.domains = KnownMailDomains(lambda _domain: [])
        self.application.put_redirect_uri(
            RedirectUri(id="r1", url=RETURN_ADDRESS, platform="web", created_at=self.clock.now())
        )
        create_provider_config(
            provider=self.provider,
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
            sync_states=self.sync_states,
            governor=Governor(quotas=self.quotas, store=self.quota_store, clock=self.clock),
            clock=self.clock,
        )

    @property
    def stores(self) -> MailStores:
        """Where mail is kept. Tests may put stores in that fail."""
        return MailStores(
            folders=self.folders,
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
            senders=self.senders,
            audits=self.audits,
            work=self.work,
            clock=self.clock,
            poll_interval=timedelta(minutes=5),
            silent_poll_interval=timedelta(minutes=30),
            public_url=lambda: PUBLIC_URL,
        )

    @property
    def send_tools(self) -> SendTools:
        """What sending works with."""
        return SendTools(
            store_failures=STORE_FAILURES,
            mailboxes=self.mailboxes,
            stores=self.stores,
            outbox=self.outbox,
            outgoing=self.outgoing,
            scheduler=self.scheduler,
            senders=self.senders,
            pace=SendingPace(limits=self.sending_limits, store=self.quota_store, clock=self.clock),
            uploads=self.uploads,
            limits=MESSAGE_LIMITS,
            undo_window=self.undo_window,
            sync_states=self.sync_states,
            secrets=self.secrets,
            work=self.work,
            clock=self.clock,
        )

    @property
    def draft_tools(self) -> DraftTools:
        """What drafts are managed with."""
        return DraftTools(sending=self.send_tools, creations=self.creations)

    # ── What people do ───────────────────────────────────────────────────────────────────────

    def consent(self, address: str, **start: Any) -> tuple[str, str]:
        """Go to the consent page and agree; answers the callback's address and the cookie."""
        self.simulator.control("POST", "settings", json={"auto_consent": True})
        departure = begin_connection(
            start=ConnectionStart(
                client_id=APPLICATION_ID,
                redirect_uri=RETURN_ADDRESS,
                provider=self.provider,
                login_hint=address,
                **start,
            ),
            application_id=APPLICATION_ID,
            callback_url=CALLBACK_URL,
            application=self.application,
            configs=self.configs,
            providers=self.providers,
            accounts=self.accounts,
            domains=self.domains,
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
                error_description=query.get("error_description", ""),
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
            sync_account(account_id=work.account_id, tools=self.tools, hints=work.hints)
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
                outgoing=self.outgoing,
                scheduler=self.scheduler,
                creations=self.creations,
                downloads=self.downloads,
                uploads=self.uploads,
            )
        else:
            backfill_account(account_id=work.account_id, tools=self.tools)

    def ring(self, account: Account) -> None:
        """Say that an account may have changed, and call a worker."""
        self.sync_states.ring(account.id)
        self.work.sync(account.id)

    def sync(self, account: Account, *, tools: SyncTools | None = None) -> None:
        """Say that an account may have changed, and be the worker that is called."""
        self.sync_states.ring(account.id)
        sync_account(account_id=account.id, tools=tools or self.tools)

    def turn_pushes_on(self) -> None:
        """Let the provider ring; Outlook does so anyway, Gmail needs a topic and somebody to push.

        What it pushes is heard by `receive_pushes`.
        """
        if self.provider is ProviderName.GOOGLE:
            update_provider_config(
                provider=self.provider,
                change=ProviderConfigChange(topic_name="projects/product/topics/mail"),
                configs=self.configs,
                client_secrets=self.client_secrets,
                clock=self.clock,
            )
        endpoint = f"{PUBLIC_URL}/push/{self.provider.value}"
        self.simulator.control("POST", "settings", json={"push": "on", "push_endpoint": endpoint})

    def receive_pushes(self) -> int:
        """Take in what the provider has pushed meanwhile; answers how many requests that were."""
        arrived = self.simulator.pushes()
        for push in arrived:
            self.receive_push(push)
        return len(arrived)

    def receive_push(self, push: ArrivedPush) -> None:
        """Take in what was pushed once."""
        request = PushRequest(body=push.body, authorization=push.authorization)
        # None of ours, as after a disconnection, or so late that its token has ended: the provider
        # is told, and nothing happens.
        with contextlib.suppress(Forbidden, Unauthenticated):
            self._receive_push(request)

    def _receive_push(self, request: PushRequest) -> None:
        if self.provider is ProviderName.MICROSOFT:
            receive_watch_pushes(
                request=request,
                reader=MicrosoftPushReader(),
                sync_states=self.sync_states,
                work=self.work,
            )
            return
        reader = GooglePushReader(
            keys=PublishedKeys(
                endpoints=endpoints("http://simulator"),
                clock=self.clock,
                download=lambda address: Download(self.simulator.get(address).content, ""),
            ),
            audience=lambda: f"{PUBLIC_URL}/push/{self.provider.value}",
            service_account=Settings().push_service_account,
            clock=self.clock,
        )
        receive_address_push(
            request=request,
            reader=reader,
            accounts=self.accounts,
            sync_states=self.sync_states,
            work=self.work,
        )

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

    def strike(self) -> None:
        """Call the worker of sends where a schedule's time has come, as the scheduler does."""
        for call in self.scheduler.take_due(self.clock.now()):
            self.do(
                QueuedWork(
                    kind=WorkKind.SETTLE_SEND, account_id=call.account_id, outbox_id=call.outbox_id
                )
            )

    # ── What can be seen ─────────────────────────────────────────────────────────────────────

    def told(self) -> list[Event]:
        """Return the events of sends, oldest first."""
        return self._sends.events

    def kept(self) -> list[str]:
        """Return the names by which anything is kept that was to be sent."""
        return [name for _, name in self._outgoing.kept]

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

    def folder(self, account_id: AccountId, role: FolderRole) -> FolderId:
        """Return the folder that is for something."""
        (found,) = (each.id for each in self.folders.all(account_id) if each.role is role)
        return found

    def message(self, account_id: AccountId, provider_id: str) -> Message:
        """Return one stored message."""
        return self.messages.get(account_id, message_id(account_id, ProviderMessageId(provider_id)))

    def assert_equal(self, account: Account) -> None:
        """The copy equals the mailbox: no loss, no ghost, right folders and flags."""
        truth = self.simulator.messages(account.identity.email)
        stored = self.stored(account.id)
        assert set(stored) == set(truth)
        ours = {folder.provider_id: folder.id for folder in self.folders.all(account.id)}
        for provider_id, message in stored.items():
            expected = truth[provider_id]
            assert set(message.folders) == {ours[each] for each in expected["folders"]}, (
                message.subject
            )
            seen = (message.subject, message.unread, message.starred, message.is_draft)
            names = ("subject", "unread", "starred", "draft")
            assert seen == tuple(expected[name] for name in names)
            assert list(message.categories) == expected["categories"], message.subject
            assert message.provider_thread_id == expected["thread_id"], message.subject
        self._assert_threads_equal(account.id, list(stored.values()))

    def _assert_threads_equal(self, account_id: AccountId, messages: Sequence[Message]) -> None:
        """Every thread says what its messages say, recomputed here."""
        of_thread: defaultdict[ThreadId, list[Message]] = defaultdict(list)
        for message in messages:
            of_thread[message.thread_id].append(message)
        known = list(of_thread)
        for begin in range(0, len(known), 100):
            some = known[begin : begin + 100]
            threads = self.threads.get_many(account_id, some)
            assert threads == {each: summarise(of_thread[each]) for each in some}


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
