"""The heart: bring the copy of one mailbox up to the present.

Take the lease; then, until no doorbell rang meanwhile: changes since the cursor → fetch → store →
*only then* the cursor. Whatever goes wrong, the cursor still stands before what is not stored.

    called ─┬─ at rest (every ring served, nothing due) ──► nothing, after one small read
            ├─ another worker holds the lease ────────────► nothing: it sees the dirty mark
            └─ lease ─► watch, when due ─► what was hinted at ─► every unit ─► what was left ─┐
                          ▲                                                                  │
                          └─────────────── somebody rang meanwhile ◄─────────────────────────┤
                                                                     served = dirty ◄────────┘

Whoever calls a worker has raised the dirty mark before, so that a call is never taken for one that
has been served; the sweep does so, too. Only a round over every unit serves a mark for good. The
hints of a push bring their messages in sooner, and a short round with them: that serves for a
minute at most, since a hint may be forged, late or one of many.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    BudgetSpent,
    LeaseLost,
    MailboxUnavailable,
    NotFound,
    PostroomError,
    ReauthRequired,
    Retryable,
    Throttled,
    consequence_of,
)
from postroom.domain.ids import AccountId, ProviderMessageId, message_id
from postroom.domain.quota import Purpose
from postroom.domain.sync import FULL_ROUND_INTERVAL, LEASE_LIFETIME, Lane, Lease, SyncState
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.follow_units import UnitFollower
from postroom.usecases.keep_watch import keep_watch
from postroom.usecases.request_audit import audit_when_due
from postroom.usecases.store_mail import fetch_again, fetch_hinted
from postroom.usecases.sync_lanes import (
    MAX_DELAY,
    TROUBLE_INTERVAL,
    Heartbeat,
    SyncTools,
    growing_wait,
    raise_if_throttled,
)

REAUTH_INTERVAL = timedelta(days=1)
"""How often to look at an account that waits for its owner; reconnecting makes it due at once."""

UNAVAILABLE_INTERVAL = timedelta(hours=1)
"""How often to look whether a mailbox is back."""

HINT_LIMIT = 20
"""Hinted messages that are fetched first: one batch. The others come with their units."""


def sync_account(
    *, account_id: AccountId, tools: SyncTools, hints: Sequence[ProviderMessageId] = ()
) -> None:
    """Bring an account up to the present, in one bounded step; `hints` name mail to begin with.

    Does nothing when all is done already, or when another worker holds the lease: that one sees the
    dirty mark. Never raises for what a provider does: the account is paused, parked or tried again.
    """
    if _is_at_rest(account_id, tools):
        return
    lease = tools.sync_states.acquire(
        account_id, Lane.PRESENT, now=tools.clock.now(), lifetime=LEASE_LIFETIME
    )
    if lease is None:
        return
    try:
        account = tools.accounts.get(account_id)
    except NotFound:
        tools.sync_states.delete(account_id)
        return
    try:
        _sync_with_lease(lease, account, hints, tools)
    except LeaseLost:
        logger.warning("lease_lost", extra={"account_id": account_id})
    except Retryable as problem:
        wait = problem.retry_after or growing_wait(lease, tools.clock.now())
        if problem.retry_after or isinstance(problem, Throttled):  # else the sweep is soon enough
            delay = min(wait + timedelta(seconds=1), MAX_DELAY)
            tools.work.sync(account_id, delay=delay)
        # That our own share is used up is as it is meant to be: no error of the account.
        _park(lease, None if isinstance(problem, BudgetSpent) else problem, wait, tools)
    except ReauthRequired as problem:
        _park(lease, problem, REAUTH_INTERVAL, tools)
    except MailboxUnavailable as problem:
        _park(lease, problem, UNAVAILABLE_INTERVAL, tools)
    except PostroomError as problem:
        extra = {"account_id": account_id, "problem": type(problem).__name__}
        logger.error("sync_in_trouble", extra=extra)
        count("SyncsInTrouble")
        _park(lease, problem, TROUBLE_INTERVAL, tools)


def _is_at_rest(account_id: AccountId, tools: SyncTools) -> bool:
    """Whether there is nothing to do, also because the account is gone."""
    try:
        return tools.sync_states.glance(account_id).is_at_rest(tools.clock.now())
    except NotFound:
        return True


def _park(lease: Lease, problem: PostroomError | None, wait: timedelta, tools: SyncTools) -> None:
    """Give the lease back for a while, unless somebody rang: the owner may just have returned."""
    now, error = tools.clock.now(), str(problem or "")
    consequence = consequence_of(problem) if problem else ""
    try:
        parked = tools.sync_states.release(
            lease, synced_at=None, due_at=now + wait, error=error, consequence=consequence
        )
    except LeaseLost:
        return
    if not parked:
        tools.sync_states.abandon(lease, due_at=now, error=error, consequence=consequence)
        tools.work.sync(lease.account_id)


def _sync_with_lease(
    lease: Lease, account: Account, hints: Sequence[ProviderMessageId], tools: SyncTools
) -> None:
    state, now = tools.sync_states.get(lease.account_id), tools.clock.now()
    if account.status is AccountStatus.DELETING:
        tools.work.backfill(account.id)
        tools.sync_states.abandon(lease, due_at=now + MAX_DELAY, error="")
        return
    if state.paused_until is not None and now < state.paused_until:
        tools.sync_states.abandon(
            lease,
            due_at=state.paused_until,
            error=state.last_error,
            consequence=state.last_consequence,
        )
        return
    with tools.mailboxes.open(account, Purpose.PRESENT) as mailbox:
        _PresentStep(lease, account, mailbox, tools).run(state, hints)


class _PresentStep:
    """One holder's work on the present of one account."""

    def __init__(self, lease: Lease, account: Account, mailbox: Mailbox, tools: SyncTools) -> None:
        self._account = account
        self._mailbox = mailbox
        self._tools = tools
        self._heartbeat = Heartbeat(lease, sync_states=tools.sync_states, clock=tools.clock)
        self._units = UnitFollower(lease, account, mailbox, tools, self._heartbeat)

    def run(self, state: SyncState, hints: Sequence[ProviderMessageId]) -> None:
        """Follow the changes until no doorbell rang meanwhile, or the step's time is over.

        A unit that fails is asked again when the account is due the next time; what does not
        concern it is done.
        """
        tools, account_id = self._tools, self._account.id
        if not state.units:
            # No history tells what became of mail that sends and changes stored before it began,
            # and a first reading fetches only what is not stored.
            fetch_again(account_id=account_id, stores=tools.stores, clock=tools.clock)
        self._keep_watch(state)  # before any cursor, and that before any listing
        if state.folders_synced_at is None:
            self._units.read_units()
            state = tools.sync_states.get(account_id)
        self._fetch_hinted(hints)
        if hints and self._has_followed_all_lately(state) and self._follow_near(hints, state):
            return
        while True:
            is_followed = self._units.follow(state)
            is_all_retried = self._units.retry_what_is_left()
            self._units.refresh_folders(state)
            state = tools.sync_states.get(account_id)
            if not state.is_read or tools.audits.is_due(account_id):
                tools.work.backfill(account_id)  # also when the message that drove it was lost
            if not is_followed:
                tools.sync_states.abandon(self._units.lease, due_at=tools.clock.now(), error="")
                tools.work.sync(account_id)
                return
            if self._give_back(state, audit_due_at=self._audit_when_due(state)):
                if not is_all_retried:
                    tools.sync_states.ring(account_id)
                    tools.work.sync(account_id)
                return
            state = tools.sync_states.get(account_id)
            self._units.lease = replace(self._units.lease, dirty=state.dirty)
            self._keep_watch(state)  # the ring may have been its end

    def _audit_when_due(self, state: SyncState) -> datetime:
        tools = self._tools
        return audit_when_due(
            lease=self._units.lease,
            account=self._account,
            state=state,
            sync_states=tools.sync_states,
            audits=tools.audits,
            work=tools.work,
            clock=tools.clock,
        )

    def _give_back(self, state: SyncState, *, audit_due_at: datetime) -> bool:
        """Give the lease back; False when somebody rang: there is more to do."""
        now, failure = self._tools.clock.now(), self._units.failure
        given_back = self._tools.sync_states.release(
            self._units.lease,
            synced_at=None if failure else now,
            due_at=min(self._poll_at(state, now), audit_due_at),
            error=str(failure or ""),
            consequence=consequence_of(failure) if failure else "",
        )
        if given_back and failure is None:
            self._tools.mailboxes.note_active(self._account)
        return given_back

    def _poll_at(self, state: SyncState, now: datetime) -> datetime:
        """Return when to look again unasked: sooner while nobody rings, or something was left."""
        tools = self._tools
        left = (
            self._units.failure
            or not state.is_read
            or tools.stores.pending.is_any_left(state.account_id)
        )
        is_quiet = state.is_watched(now) and not left
        poll_at = now + (tools.silent_poll_interval if is_quiet else tools.poll_interval)
        return poll_at if state.watch_due_at is None else min(poll_at, state.watch_due_at)

    def _keep_watch(self, state: SyncState) -> None:
        """Start or renew the watch when it is due."""
        tools = self._tools
        if not state.watch_is_due(tools.clock.now()):
            return
        provider = self._account.identity.provider
        keep_watch(
            lease=self._units.lease,
            state=state,
            account=self._account,
            mailbox=self._mailbox,
            address=f"{tools.public_url()}/push/{provider.value}",
            still_here=self._heartbeat,
            sync_states=tools.sync_states,
            clock=tools.clock,
        )
        self._heartbeat()

    def _fetch_hinted(self, hints: Sequence[ProviderMessageId]) -> None:
        """Store what a push has named, before any unit is asked: there may be hundreds."""
        if not hints:
            return
        report = fetch_hinted(
            account_id=self._account.id,
            provider_ids=hints[:HINT_LIMIT],
            mailbox=self._mailbox,
            stores=self._tools.stores,
            clock=self._tools.clock,
            still_here=self._heartbeat,
        )
        self._units.changed = True
        raise_if_throttled(report)

    def _has_followed_all_lately(self, state: SyncState) -> bool:
        """Whether it is soon enough to follow every unit in a moment."""
        is_well = state.round is None and self._units.lease.failing_since is None
        return is_well and state.was_followed_lately(self._tools.clock.now())

    def _follow_near(self, hints: Sequence[ProviderMessageId], state: SyncState) -> bool:
        """Follow the units of hinted messages, and the first two; False when there is more to do.

        That serves a mark only until the last round over every unit is a minute old.
        """
        tools, account_id = self._tools, self._account.id
        ids = [message_id(account_id, hint) for hint in hints[:HINT_LIMIT]]
        hinted = tools.stores.messages.get_many(account_id, ids).values()
        views = {view for message in hinted for view in message.views()}
        readable = [unit for unit in state.units.values() if unit.view is not None]
        near = [unit for unit in readable if unit in readable[:2] or unit.view in views]
        behind = {unit.id: unit.cursor for unit in near if unit.cursor is not None}
        if len(near) == len(readable):
            return False
        self._units.follow_all(behind, set(), set())
        self._units.retry_what_is_left()
        self._units.refresh_folders(state)
        full_round_at = (state.synced_at or tools.clock.now()) + FULL_ROUND_INTERVAL
        return tools.sync_states.release(
            self._units.lease, synced_at=None, due_at=full_round_at, is_nearly_served=True
        )
