"""The Microsoft simulator: routes a request, checks its token, scope and rate, and does it."""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import httpx
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from local.simulators.grants import Grants, Token
from local.simulators.mailboxes import mailbox_at, taken_address
from local.simulators.microsoft import owner
from local.simulators.microsoft.attachment_endpoints import continue_session
from local.simulators.microsoft.batch import BESIDE, answer_batch
from local.simulators.microsoft.errors import GraphError, not_found, usual
from local.simulators.microsoft.graph_call import Answer, GraphCall
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.oauth import TOKEN_STYLE, OAuthServer
from local.simulators.microsoft.routes import (
    ACCOUNT_ENDPOINTS,
    BATCH,
    MAIL_ENDPOINTS,
    OAUTH,
    ROUTES,
    UPLOAD,
    Endpoint,
    plain_path,
)
from local.simulators.microsoft.scopes import MEANINGS, short_names
from local.simulators.microsoft.subscription_endpoints import shake_hands
from local.simulators.microsoft.subscriptions import Subscriptions
from local.simulators.microsoft.throttling import REQUESTS_PER_WINDOW, Throttle
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

_ENDPOINTS: Mapping[str, Endpoint] = {**MAIL_ENDPOINTS, **ACCOUNT_ENDPOINTS}


@dataclass
class MicrosoftState:
    """All that outlives a restart."""

    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    """By address in lower case."""
    grants: Grants = field(default_factory=lambda: Grants(TOKEN_STYLE))


class MicrosoftSimulator:
    """Graph, OAuth and notifications. Safe between threads: one lock around the state."""

    def __init__(
        self,
        controls: Controls,
        outbound: httpx.BaseTransport | None,
        reorder_wait_seconds: float,
    ) -> None:
        self._controls = controls
        self._outbound = outbound
        self._lock = RLock()
        self._state = MicrosoftState()
        self._key = SigningKey()
        self._throttle = Throttle()
        self._subscriptions = Subscriptions(outbound, reorder_wait_seconds)

    # --- requests

    def call_of(self, request: Request) -> Call:
        """Say whose call this is, without doing it. Graph has no units: each call is one."""
        try:
            method, _ = _route(request)
        except GraphError:
            return Call("", "unknown")
        if method in OAUTH or method == UPLOAD:
            return Call("", method)
        with self._lock:
            token = self._bearer(request)
        return Call(token.address if token else "", method, 0 if method == BATCH else 1)

    @contextmanager
    def admitted(self, request: Request, call: Call) -> Iterator[None]:
        """Hold a place for the call while it runs; raises CallRefused.

        The calls of a batch hold places, the batch itself does not.
        """
        if not call.mailbox or call.method not in _ENDPOINTS:
            yield
            return
        settings = self._controls.settings
        beside = int(request.environ.get(BESIDE, 0))
        enforced = settings.enforce_quota
        try:
            with self._throttle.slot(call.mailbox, beside=beside, enforced=enforced):
                if enforced:
                    limit = REQUESTS_PER_WINDOW * settings.quota_scale
                    self._throttle.spend(call.mailbox, self._controls.clock.now_ms(), limit)
                yield
        except GraphError as refusal:
            raise CallRefused(refusal.response()) from refusal

    def handle(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        """Do one call."""
        try:
            method, path = _route(request)
            if method in OAUTH:
                with self._lock:
                    return self._oauth().handle(method, request, path["tenant"])
            if method == UPLOAD:
                return self._upload(request, path["session"])
            if method == BATCH:
                return answer_batch(request, answer)
            return self._graph(method, path, request)
        except GraphError as error:
            return error.response()

    def error_response(self, status: int) -> Response:
        """Return Graph's usual error body for a status."""
        return usual(status)

    def _oauth(self) -> OAuthServer:
        state, controls = self._state, self._controls
        return OAuthServer(
            state.grants, state.mailboxes, self._key, controls.clock, controls.settings
        )

    def _graph(self, method: str, path: Mapping[str, str], request: Request) -> Response:
        if method == "subscriptions.create":
            with self._lock:
                checked = self._call(method, path, request)
            shake_hands(checked, self._outbound)
        with self._lock:
            call = self._call(method, path, request)
            answer = _ENDPOINTS[method].do(call)
            self._announce()
        for recipient, raw in call.parting_letters:
            if call.settings.peer:
                deliver_to_peer(call.settings.peer, recipient, raw, self._outbound)
        return _response(answer, call)

    def _call(self, method: str, path: Mapping[str, str], request: Request) -> GraphCall:
        """Check token, account, scope and mailbox; raises a 401, 403 or 404 GraphError."""
        token = self._bearer(request)
        mailbox = self._state.mailboxes.get(token.address) if token else None
        if token is None or mailbox is None:
            raise GraphError(
                401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid."
            )
        user = path.get("user", mailbox.address).lower()
        if user not in {mailbox.user_id, *mailbox.addresses} or (
            not short_names(token.scopes) & _ENDPOINTS[method].scopes
        ):
            raise GraphError(
                403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
            )
        if not mailbox.mail_enabled and method in MAIL_ENDPOINTS:
            raise GraphError(
                404,
                "MailboxNotEnabledForRESTAPI",
                "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            )
        return GraphCall(
            request=request,
            mailbox=mailbox,
            token=token,
            path=path,
            settings=self._controls.settings,
            clock=self._controls.clock,
            find_mailbox=self._find_recipient,
        )

    def _upload(self, request: Request, session_id: str) -> Response:
        with self._lock:
            for mailbox in self._state.mailboxes.values():
                if session_id in mailbox.attachment_sessions:
                    now_ms = self._controls.clock.now_ms()
                    response = continue_session(request, mailbox, session_id, now_ms)
                    self._announce()
                    return response
        raise not_found()

    def _bearer(self, request: Request) -> Token | None:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        return self._state.grants.bearer(text.strip(), self._controls.clock.now_ms())

    def _find_recipient(self, address: str) -> Mailbox | None:
        return mailbox_at(self._state.mailboxes, address)

    def _announce(self) -> None:
        for mailbox in self._state.mailboxes.values():
            self._subscriptions.announce(mailbox, self._controls.settings, self._controls.clock)

    # --- control

    def reset(self) -> None:
        """Forget all mailboxes, tokens and subscriptions; the signing key stays."""
        with self._lock:
            self._state = MicrosoftState()
            self._throttle.clear()

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
            destination = owner.folder_for(mailbox, folder)
            message = mailbox.add(
                raw,
                destination,
                self._controls.clock.now_ms(),
                received_ms=None if received_at is None else int(received_at * 1000),
                is_read=not unread,
                is_draft=destination.well_known == "drafts",
            )
            if starred:
                message.flag = {"flagStatus": "flagged"}
            if quiet:
                mailbox.notices.clear()
            self._announce()
            return message.id

    def change(self, address: str, changes: Sequence[Change]) -> None:
        """Apply the owner's changes, all or none; raises UnknownMailbox, InvalidChange."""
        with self._lock:
            owner.apply(self._mailbox(address), changes, self._controls.clock.now_ms())
            self._announce()

    def owner_token(self, address: str) -> str:
        """Return an access token that may do all, for a minute; raises UnknownMailbox."""
        with self._lock:
            now_ms = self._controls.clock.now_ms()
            token = Token(
                "owner", self._mailbox(address).address, frozenset(MEANINGS), now_ms + 60_000
            )
            return self._state.grants.add_access_token(token, now_ms)

    def expire(self, what: Expirable, address: str | None) -> None:
        """Make something expire now; `history` is Google's and changes nothing here."""
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
                if what == "delta":
                    mailbox.delta_generation += 1
                elif what == "watches":
                    self._subscriptions.remove(mailbox, self._controls.settings)

    def pushes_undelivered(self) -> int:
        """Return how many pushes are on their way."""
        return self._subscriptions.undelivered

    def clock_moved(self) -> None:
        """Tell subscribers whose authorization ends soon."""
        with self._lock:
            self._announce()

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


def _route(request: Request) -> tuple[str, Mapping[str, str]]:
    """Return the call's name and the variable parts of its address; raises a GraphError."""
    try:
        matched = ROUTES.bind("simulator").match(plain_path(request.path), request.method)
    except MethodNotAllowed:
        raise GraphError(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ) from None
    except HTTPException:
        raise GraphError(
            400, "BadRequest", "Resource not found for the segment of the address."
        ) from None
    endpoint, path = matched
    return str(endpoint), path


def _response(answer: Answer, call: GraphCall) -> Response:
    """Return an endpoint's answer on the wire, with the preferences that it followed."""
    if answer is None:
        response = Response(status=204)
    elif isinstance(answer, Response):
        response = answer
    else:
        response = Response(json.dumps(answer), mimetype="application/json")
    applied = []
    if call.immutable_ids:
        applied.append('IdType="ImmutableId"')
    if call.wants_text:
        applied.append('outlook.body-content-type="text"')
    if call.max_page_size is not None:
        applied.append(f"odata.maxpagesize={call.max_page_size}")
    if applied:
        response.headers["Preference-Applied"] = ", ".join(applied)
    return response
