"""Pub/Sub pushes: a mailbox with a live watch rings the configured endpoint.

https://docs.cloud.google.com/pubsub/docs/push
"""

import base64
import json
import queue
import threading
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from local.simulators.clock import SimulatorClock
from local.simulators.google.mailbox import Mailbox, Watch
from local.simulators.settings import Settings
from local.simulators.signing_key import SigningKey

ISSUER = "https://accounts.google.com"
ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
_ATTEMPTS = 5
_FIRST_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class _Push:
    endpoint: str
    token: str
    body: dict[str, Any]


class Publisher:
    """Sends pushes from a thread of its own, again until acknowledged or five times failed."""

    def __init__(
        self,
        clock: SimulatorClock,
        transport: httpx.BaseTransport | None,
        reorder_wait_seconds: float,
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._reorder_wait_seconds = reorder_wait_seconds
        self._queue: queue.Queue[_Push] = queue.Queue()
        self._numbers = count(1)
        self._undelivered = 0
        self._lock = threading.Lock()
        self._held: _Push | None = None
        self._thread: threading.Thread | None = None

    @property
    def undelivered(self) -> int:
        """How many pushes have neither been acknowledged yet nor given up."""
        with self._lock:
            return self._undelivered + (self._held is not None)

    def announce(self, mailbox: Mailbox, settings: Settings, key: SigningKey) -> None:
        """Push what changed since the last announcement, if a watch wants to know it."""
        since, mailbox.announced_history_id = mailbox.announced_history_id, mailbox.history_id
        watch = mailbox.watch
        if since == mailbox.history_id or watch is None or settings.push == "off":
            return
        if watch.expires_ms <= self._clock.now_ms() or not settings.push_endpoint:
            return
        if not _wanted(mailbox, watch, since):
            return
        push = self._push(mailbox, settings, settings.push_endpoint, key)
        with self._lock:
            if settings.push == "reorder" and self._held is None:
                self._held = push
                timer = threading.Timer(self._reorder_wait_seconds, self._release, [push])
                timer.daemon = True
                timer.start()
                return
            self._put(push)
            if settings.push == "duplicate":
                self._put(push)
            self._put_held()

    def _release(self, push: _Push) -> None:
        """Send what has waited long enough, unless it has been overtaken meanwhile."""
        with self._lock:
            if self._held is push:
                self._put_held()

    def _put_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._put(held)

    def _push(self, mailbox: Mailbox, settings: Settings, endpoint: str, key: SigningKey) -> _Push:
        now = self._clock.now()
        account = settings.push_service_account
        token = key.sign(
            {
                "iss": ISSUER,
                "aud": settings.push_audience or endpoint,
                "azp": account,
                "sub": account,
                "email": account,
                "email_verified": True,
                "iat": int(now.timestamp()),
                "exp": int(now.timestamp()) + 3600,
            }
        )
        data = {"emailAddress": mailbox.address, "historyId": mailbox.history_id}
        number = str(2_070_443_601_311_000 + next(self._numbers))
        published = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {
            "data": base64.b64encode(json.dumps(data).encode()).decode(),
            "messageId": number,
            "message_id": number,
            "publishTime": published,
            "publish_time": published,
            "attributes": {},
        }
        subscription = "projects/simulator/subscriptions/gmail-push"
        return _Push(endpoint, token, {"message": message, "subscription": subscription})

    def _put(self, push: _Push) -> None:
        """Hand a push to the thread; with the lock, so that it is always counted somewhere."""
        self._undelivered += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._queue.put(push)

    def _run(self) -> None:
        with httpx.Client(transport=self._transport, timeout=10, trust_env=False) as client:
            while True:
                self._deliver(client, self._queue.get())
                with self._lock:
                    self._undelivered -= 1

    @staticmethod
    def _deliver(client: httpx.Client, push: _Push) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = client.post(
                    push.endpoint,
                    json={**push.body, "deliveryAttempt": attempt},
                    headers={"Authorization": f"Bearer {push.token}"},
                )
            except (httpx.TransportError, httpx.InvalidURL):
                answer = None
            if answer is not None and answer.status_code in ACKNOWLEDGED:
                return
            threading.Event().wait(_FIRST_RETRY_SECONDS * 2 ** (attempt - 1))


def _wanted(mailbox: Mailbox, watch: Watch, since: int) -> bool:
    if not watch.label_ids:
        return True
    touched = [
        bool(watch.label_ids & {*record.label_ids, *record.delta})
        for record in mailbox.history
        if record.id > since
    ]
    return any(hit != watch.exclude for hit in touched)
