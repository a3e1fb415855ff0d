"""Subscriptions, and the notifications they send.

https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks

    change of a message ─▶ notice ─ announce ─▶ queue ─▶ thread ─ POST ─┬─ 2xx: done
                                                           ▲            └─ else once more, then
                                                           └── `missed` with a later delivery ─┘
"""

import queue
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

import httpx

from local.simulators.clock import SimulatorClock
from local.simulators.microsoft import identity
from local.simulators.settings import Settings

if TYPE_CHECKING:
    from local.simulators.microsoft.mailbox import Mailbox, Notice

LifecycleEvent = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]
_NEAR_MS = 15 * 60_000
"""So long before the authorization ends, `reauthorizationRequired` asks for a new one."""
_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 10.0


@dataclass
class Subscription:
    """What one application wants to know of one mailbox."""

    id: str
    client_id: str
    address: str
    user_id: str
    resource: str
    """As it was asked for."""
    folder_id: str | None
    """Only of changes in this folder; None: in all of them."""
    change_types: tuple[str, ...]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    immutable_ids: bool
    expires_ms: int
    authorized_until_ms: int
    """End of the access token that created, renewed or reauthorized it."""
    reauthorization_asked: bool = False

    def renew(self, expires_ms: int | None, authorized_until_ms: int) -> None:
        """Give it a new end, unless None, and a new authorization."""
        if expires_ms is not None:
            self.expires_ms = expires_ms
        self.authorized_until_ms = authorized_until_ms
        self.reauthorization_asked = False

    def wants(self, notice: "Notice") -> bool:
        """Whether a change is one that it is for."""
        right_place = self.folder_id is None or self.folder_id == notice.folder_id
        return notice.change_type in self.change_types and right_place


@dataclass(frozen=True)
class _Post:
    url: str
    items: tuple[dict[str, Any], ...]
    about: tuple[Subscription, ...] = ()
    """Whose notifications are lost when it cannot be delivered."""
    alone: bool = False
    """Not to be joined with others of its address."""


@dataclass
class Subscriptions:
    """Tells subscribers, from a thread of its own, so that nobody waits for them."""

    transport: httpx.BaseTransport | None
    reorder_wait_seconds: float
    _queue: "queue.Queue[_Post]" = field(default_factory=queue.Queue)
    _undelivered: int = 0
    _held: _Post | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    @property
    def undelivered(self) -> int:
        """How many notifications have neither arrived yet nor been given up."""
        with self._lock:
            return self._undelivered + (self._held is not None)

    def announce(self, mailbox: "Mailbox", settings: Settings, clock: SimulatorClock) -> None:
        """Tell what changed since the last time, and which authorizations end soon."""
        notices, mailbox.notices = mailbox.notices, []
        now_ms = clock.now_ms()
        live = {key: s for key, s in mailbox.subscriptions.items() if s.expires_ms > now_ms}
        mailbox.subscriptions = live
        if settings.push == "off":
            return
        for subscription in live.values():
            ends_ms = min(subscription.expires_ms, subscription.authorized_until_ms)
            if ends_ms - now_ms < _NEAR_MS and not subscription.reauthorization_asked:
                subscription.reauthorization_asked = True
                self._tell(subscription, "reauthorizationRequired")
        wanted = [(s, notice) for notice in notices for s in live.values() if s.wants(notice)]
        wanted.sort(key=lambda pair: pair[0].notification_url)
        for url, group in groupby(wanted, key=lambda pair: pair[0].notification_url):
            pairs = list(group)
            items = tuple(_item(subscription, notice) for subscription, notice in pairs)
            about = {subscription.id: subscription for subscription, _ in pairs}
            self._send(_Post(url, items, tuple(about.values())), settings)

    def remove(self, mailbox: "Mailbox", settings: Settings) -> None:
        """End a mailbox's subscriptions, and tell so: `subscriptionRemoved`."""
        removed, mailbox.subscriptions = mailbox.subscriptions, {}
        if settings.push != "off":
            for subscription in removed.values():
                self._tell(subscription, "subscriptionRemoved")

    def _send(self, post: _Post, settings: Settings) -> None:
        with self._lock:
            held, self._held = self._held, None
            if settings.push == "reorder" and held is None:
                self._held = post
                timer = threading.Timer(self.reorder_wait_seconds, self._release, [post])
                timer.daemon = True
                timer.start()
                return
            alone = settings.push != "on"
            sent = _Post(post.url, post.items, post.about, alone=alone)
            for each in (sent, sent if settings.push == "duplicate" else None, held):
                if each is not None:
                    self._put(each)

    def _release(self, post: _Post) -> None:
        """Send what has waited long enough, unless it has been overtaken meanwhile."""
        with self._lock:
            if self._held is post:
                self._held = None
                self._put(post)

    def _tell(self, subscription: Subscription, event: LifecycleEvent) -> None:
        post = _lifecycle(subscription, event)
        if post is not None:
            with self._lock:
                self._put(post)

    def _put(self, post: _Post) -> None:
        """Hand a post to the thread; with the lock, so that it is always counted somewhere."""
        self._undelivered += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._queue.put(post)

    def _run(self) -> None:
        missed: dict[str, Subscription] = {}
        with httpx.Client(
            transport=self.transport, timeout=_ANSWER_SECONDS, trust_env=False
        ) as client:
            while True:
                waiting = self._waiting()
                for post in _joined(waiting):
                    if not _delivered(client, post, attempts=2):
                        missed |= {each.id: each for each in post.about}
                        continue
                    for lost in list(missed.values()):
                        told = _lifecycle(lost, "missed")
                        if told is None or _delivered(client, told, attempts=1):
                            del missed[lost.id]
                with self._lock:
                    self._undelivered -= len(waiting)

    def _waiting(self) -> list[_Post]:
        posts = [self._queue.get()]
        while True:
            try:
                posts.append(self._queue.get_nowait())
            except queue.Empty:
                return posts


def timestamp(milliseconds: int) -> str:
    """Return a time as subscriptions give it."""
    when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "0Z")


def _item(subscription: Subscription, notice: "Notice") -> dict[str, Any]:
    message_id = notice.message_id if subscription.immutable_ids else notice.stay_id
    path = f"Users/{subscription.user_id}/Messages/{message_id}"
    return {
        "id": str(uuid.uuid4()),
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": timestamp(subscription.expires_ms),
        "clientState": subscription.client_state,
        "changeType": notice.change_type,
        "resource": path,
        "tenantId": identity.tenant_of(subscription.address),
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.id": path,
            "@odata.etag": f'W/"{uuid.uuid4().hex}"',
            "id": message_id,
        },
    }


def _lifecycle(subscription: Subscription, event: LifecycleEvent) -> _Post | None:
    if subscription.lifecycle_url is None:
        return None
    item = {
        "lifecycleEvent": event,
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": timestamp(subscription.expires_ms),
        "clientState": subscription.client_state,
        "tenantId": identity.tenant_of(subscription.address),
    }
    return _Post(subscription.lifecycle_url, (item,), alone=True)


def _joined(posts: Iterable[_Post]) -> list[_Post]:
    """Put what goes to one address into one request, in the order of the first of each."""
    joined: list[_Post] = []
    open_at: dict[str, int] = {}
    for post in posts:
        at = open_at.get(post.url)
        if post.alone or at is None:
            if not post.alone:
                open_at[post.url] = len(joined)
            joined.append(post)
        else:
            before = joined[at]
            items, about = before.items + post.items, before.about + post.about
            joined[at] = _Post(post.url, items, about)
    return joined


def _delivered(client: httpx.Client, post: _Post, *, attempts: int) -> bool:
    for attempt in range(attempts):
        if attempt:
            threading.Event().wait(_RETRY_SECONDS)
        try:
            answer = client.post(post.url, json={"value": list(post.items)})
        except (httpx.TransportError, httpx.InvalidURL):
            continue
        if answer.is_success:
            return True
    return False
