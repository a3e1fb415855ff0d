"""The Google simulator: routes a request, checks its token, scope and quota, and does it."""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import httpx
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from local.simulators.google import owner
from local.simulators.google.batch import BESIDE, answer_batch
from local.simulators.google.errors import GmailError, not_found, usual
from local.simulators.google.gmail_call import GmailCall
from local.simulators.google.mailbox import Mailbox
from local.simulators.google.oauth import TOKEN_STYLE, OAuthServer
from local.simulators.google.partial import parse_fields, select
from local.simulators.google.pubsub import Publisher
from local.simulators.google.quota import UNITS, UNITS_PER_MINUTE, Quota
from local.simulators.google.routes import ENDPOINTS, OAUTH, ROUTES, UPLOADABLE
from local.simulators.google.scopes import ALLOWED, FULL
from local.simulators.google.sending import MAX_INSERT_BYTES, MAX_SEND_BYTES
from local.simulators.google.uploads import Uploads
from local.simulators.grants import Grants, Token
from local.simulators.mailboxes import mailbox_at, taken_address
from local.simulators.peer import deliver_to_peer
from local.simulators.provider import (
    Call,
    CallRefused,
    Change,
    Controls,
    Expirable,
    MailboxExists,
    UnknownMailbox,
)
from local.simulators.signing_key import SigningKey


@dataclass
class GoogleState:
    """All that outlives a restart."""

    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    """By address in lower case."""
    grants: Grants = field(default_factory=lambda: Grants(TOKEN_STYLE))


class GoogleSimulator:
    """Gmail, OAuth and pushes. Safe between threads: one lock around the state."""

    def __init__(
        self,
        controls: Controls,
        outbound: httpx.BaseTransport | None,
        reorder_wait_seconds: float,
    ) -> None:
        self._controls = controls
        self._outbound = outbound
        self._lock = RLock()
        self._state = GoogleState()
        self._key = SigningKey()
        self._quota = Quota()
        self._uploads = Uploads()
        self._publisher = Publisher(controls.clock, outbound, reorder_wait_seconds)

    # --- requests

    def call_of(self, request: Request) -> Call:
        """Say whose call this is and what it costs, without doing it."""
        try:
            method, _ = ROUTES.bind("simulator").match(request.path, request.method)
        except HTTPException:
            return Call("", "unknown")
        with self._lock:
            token = self._bearer(request)
        # Of an upload in pieces the method runs once; it is counted in the beginning.
        units = 0 if "upload_id" in request.args else UNITS.get(method, 0)
        return Call(token.address if token else "", method, units)

    @contextmanager
    def admitted(self, request: Request, call: Call) -> Iterator[None]:
        """Hold a place for the call while it runs, and take its units; raises CallRefused."""
        if not call.mailbox or call.method not in UNITS:
            yield
            return
        settings = self._controls.settings
        enforced = settings.enforce_quota
        beside = int(request.environ.get(BESIDE, 0))
        try:
            with self._quota.slot(call.mailbox, beside=beside, enforced=enforced):
                if enforced:
                    limit = UNITS_PER_MINUTE * settings.quota_scale
                    now_ms = self._controls.clock.now_ms()
                    self._quota.spend(call.mailbox, call.units, now_ms, limit)
                yield
        except GmailError as refusal:
            raise CallRefused(refusal.response()) from refusal

    def handle(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        """Do one call."""
        try:
            method, path = ROUTES.bind("simulator").match(request.path, request.method)
        except HTTPException:
            return not_found().response()
        if method in OAUTH:
            with self._lock:
                return self._oauth().handle(method, request)
        try:
            if method == "batch":
                return answer_batch(request, answer)
            return self._gmail(method, path, request)
        except GmailError as error:
            return error.response()

    def error_response(self, status: int) -> Response:
        """Return Gmail's usual error body for a status."""
        return usual(status)

    def _oauth(self) -> OAuthServer:
        state = self._state
        controls = self._controls
        return OAuthServer(
            state.grants, state.mailboxes, self._key, controls.clock, controls.settings
        )

    def _gmail(self, method: str, path: Mapping[str, str], request: Request) -> Response:
        with self._lock:
            call = self._call(method, path, request)
            if method in UPLOADABLE and "upload" in request.path.split("/")[:3]:
                received = self._uploads.receive(request, _most_bytes(method))
                if isinstance(received, Response):
                    return received
                call.upload = received
            body = ENDPOINTS[method](call)
            self._uploads.finished(request, body)
            self._announce()
        for recipient, raw in call.parting_letters:
            if call.settings.peer:
                deliver_to_peer(call.settings.peer, recipient, raw, self._outbound)
        if body is None:
            return Response(status=204)
        mask = parse_fields(call.argument("fields") or "")
        content = json.dumps(select(body, mask))
        return Response(content, mimetype="application/json; charset=UTF-8")

    def _call(self, method: str, path: Mapping[str, str], request: Request) -> GmailCall:
        """Check token, mailbox and scope; raises a 401 or 403 GmailError."""
        token = self._bearer(request)
        mailbox = self._state.mailboxes.get(token.address) if token else None
        if token is None or mailbox is None:
            raise GmailError(401, "Invalid Credentials", "authError")
        if path["user"].lower() not in {"me", mailbox.address}:
            raise GmailError(403, f"Delegation denied for {mailbox.address}", "forbidden")
        if not token.scopes & ALLOWED[method]:
            message = "Request had insufficient authentication scopes."
            raise GmailError(403, message, "insufficientPermissions")
        if not mailbox.mail_enabled:
            raise GmailError(
                400,
                "Mail service not enabled",
                "failedPrecondition",
                status_name="FAILED_PRECONDITION",
            )
        return GmailCall(
            request=request,
            mailbox=mailbox,
            scopes=token.scopes,
            client_id=token.client_id,
            path=path,
            settings=self._controls.settings,
            clock=self._controls.clock,
            find_mailbox=self._find_recipient,
        )

    def _bearer(self, request: Request) -> Token | None:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text if kind.lower() == "bearer" else request.args.get("access_token", "")
        return self._state.grants.bearer(text, self._controls.clock.now_ms())

    def _find_recipient(self, address: str) -> Mailbox | None:
        return mailbox_at(self._state.mailboxes, address)

    def _announce(self) -> None:
        for mailbox in self._state.mailboxes.values():
            self._publisher.announce(mailbox, self._controls.settings, self._key)

    # --- control

    def reset(self) -> None:
        """Forget all mailboxes, tokens and watches; the signing key stays."""
        with self._lock:
            self._state = GoogleState()
            self._quota.clear()

    def create_mailbox(
        self,
        address: str,
        name: str,
        *,
        aliases: Sequence[str] = (),
        mail_enabled: bool = True,
    ) -> None:
        """Add an empty mailbox; raises MailboxExists when one of its addresses is taken."""
        address, *others = (each.lower() for each in (address, *aliases))
        with self._lock:
            if taken := taken_address(self._state.mailboxes, (address, *others)):
                raise MailboxExists(taken)
            mailbox = Mailbox(address, name, tuple(others), mail_enabled=mail_enabled)
            self._state.mailboxes[address] = mailbox

    def set_aliases(self, address: str, aliases: Sequence[str]) -> None:
        """Give a mailbox these aliases and no others; raises UnknownMailbox, MailboxExists."""
        wanted = tuple(each.lower() for each in aliases)
        with self._lock:
            mailbox = self._mailbox(address)
            new = set(wanted) - set(mailbox.aliases)
            if taken := taken_address(self._state.mailboxes, new):
                raise MailboxExists(taken)
            mailbox.aliases = wanted

    def mailboxes(self) -> list[dict[str, Any]]:
        """Return address, name and number of messages of each mailbox."""
        with self._lock:
            return [
                {"address": each.address, "name": each.name, "messages": len(each.messages)}
                for each in self._state.mailboxes.values()
            ]

    def truth(self, address: str, page: int, page_size: int) -> dict[str, Any]:
        """Return folders and a page of messages; raises UnknownMailbox."""
        with self._lock:
            return owner.truth(self._mailbox(address), page, page_size)

    def deliver(
        self,
        address: str,
        raw: bytes,
        *,
        folder: str = "inbox",
        unread: bool = True,
        starred: bool = False,
        received_at: float | None = None,
        quiet: bool = False,
    ) -> str:
        """Put a message into a mailbox and return its id; raises UnknownMailbox, InvalidChange."""
        with self._lock:
            mailbox = self._find_recipient(address)
            if mailbox is None:
                raise UnknownMailbox(address)
            labels = owner.labels_for(mailbox, folder)
            labels |= {"UNREAD"} if unread else set()
            labels |= {"STARRED"} if starred else set()
            now_ms = self._controls.clock.now_ms()
            received_ms = now_ms if received_at is None else int(received_at * 1000)
            message = mailbox.add(raw, labels, received_ms)
            if quiet:
                mailbox.announced_history_id = mailbox.history_id
            self._announce()
            return message.id

    def change(self, address: str, changes: Sequence[Change]) -> None:
        """Apply the owner's changes, all or none; raises UnknownMailbox, InvalidChange."""
        with self._lock:
            owner.apply(self._mailbox(address), changes)
            self._announce()

    def owner_token(self, address: str) -> str:
        """Return an access token that may do all, for a minute; raises UnknownMailbox."""
        with self._lock:
            now_ms = self._controls.clock.now_ms()
            token = Token(
                "owner", self._mailbox(address).address, frozenset({FULL}), now_ms + 60_000
            )
            return self._state.grants.add_access_token(token, now_ms)

    def expire(self, what: Expirable, address: str | None) -> None:
        """Make something expire now; `delta` is Microsoft's and changes nothing here."""
        with self._lock:
            chosen = [self._mailbox(address)] if address else [*self._state.mailboxes.values()]
            addresses = [mailbox.address for mailbox in chosen]
            grants = self._state.grants
            if what == "access_tokens":
                grants.expire(grants.access_tokens, addresses)
            elif what == "refresh_tokens":
                grants.expire(grants.refresh_tokens, addresses)
            elif what == "consents":
                grants.expire(grants.access_tokens, addresses)
                grants.withdraw(addresses)
            for mailbox in chosen:
                if what == "history":
                    mailbox.expire_history()
                elif what == "watches" and mailbox.watch:
                    mailbox.watch.expires_ms = self._controls.clock.now_ms()

    def pushes_undelivered(self) -> int:
        """Return how many pushes are on their way."""
        return self._publisher.undelivered

    def clock_moved(self) -> None:
        """Do nothing: Google says nothing when something runs out."""

    def snapshot(self) -> bytes:
        """Return the pickled state and signing key."""
        with self._lock:
            return pickle.dumps((self._state, self._key.pem()))

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot."""
        with self._lock:
            self._state, pem = pickle.loads(snapshot)  # noqa: S301 - our own state file
            self._key = SigningKey(pem)

    def _mailbox(self, address: str) -> Mailbox:
        if address.lower() not in self._state.mailboxes:
            raise UnknownMailbox(address)
        return self._state.mailboxes[address.lower()]


def _most_bytes(method: str) -> int:
    is_stored = method in {"messages.insert", "messages.import"}
    return MAX_INSERT_BYTES if is_stored else MAX_SEND_BYTES
