"""Whatever happens in whatever order: when it is quiet again, the copy equals the mailbox.

A story of events is drawn, one after the other: the owner and the application at work, faults of
the provider, expired things, workers that die, come twice, come late or meet each other. After it
everything works again, time passes, and then the copy must equal the mailbox, and every send must
have arrived at most once: exactly once if its author was told so.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import PostroomError
from postroom.domain.message import Address, Message, MessageChange
from postroom.usecases.change_message import change_message, delete_message
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.send_message import SendRequest, send_message
from postroom.usecases.sync_account import sync_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.interruptions import interrupted
from tests.long.mortal_workers import death_before, do_or_die
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"
FRIEND = "sven@mail.example"

NEVER = 10_000
"""More writes than anything here makes."""

PICKS = st.integers(0, 50)
"""Which one of what there is; counted from the start again behind the end."""
DEATHS = st.one_of(st.just(NEVER), st.integers(1, 12))
OWNER_OPERATIONS = st.sampled_from(
    ["read", "unread", "star", "unstar", "trash", "delete", "label", "unlabel", "move"]
)
FOLDERS = st.sampled_from(["INBOX", "SPAM", "archive", "Work", "Play"])
PATHS = st.sampled_from(
    ["/gmail/", "/history", "/batch", "/threads/", "/messages/", "/messages$", "/labels", "/token",
     "/profile", "/modify", "/trash", "/send"]
)  # fmt: skip
FAILURES = st.sampled_from(
    [
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "40"}},
        {"status": 500},
        {"status": 503},
        {"status": 401},
        {"drop": True},
        # The work is done, and only its answer is lost.
        {"drop": True, "after_effect": True},
        {"status": 500, "after_effect": True},
    ]
)
WRITES_TO_MEET = st.sampled_from(
    [
        ("messages", "put"),
        ("contents", "put_many"),
        ("pending", "put"),
        ("folders", "replace_all"),
        ("sync_states", "save_cursors"),
        ("sync_states", "save_backfill"),
        ("sync_states", "release"),
        ("sync_states", "abandon"),
    ]
)


class MailboxMachine(RuleBasedStateMachine):
    """One account, its mailbox at the provider, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.simulator = self.world.simulator
        self.simulator.add_mailbox(ADDRESS)
        self.simulator.add_mailbox(FRIEND)
        self.told_as_sent: set[str] = set()
        self.asked_to_send: set[str] = set()

    @initialize(mail=st.integers(0, 6), page_size=st.sampled_from([None, 1, 3]))
    def connect(self, mail: int, page_size: int | None) -> None:
        """Begin with a mailbox that was never read, and with small pages."""
        self.simulator.control("POST", "settings", json={"page_size": page_size})
        for number in range(mail):
            self.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"Early {number}"))
        self.account = self.world.connect(ADDRESS)

    # ── What the owner does ──────────────────────────────────────────────────────────────────

    @rule(folder=st.sampled_from(["inbox", "spam", "archive"]), unread=st.booleans())
    def deliver(self, *, folder: str, unread: bool) -> None:
        """A mail arrives."""
        mail = make_mail(to=ADDRESS, subject="News")
        self.simulator.deliver(ADDRESS, mail, folder=folder, unread=unread)

    @rule(pick=PICKS, text=st.sampled_from(["Yes", "No"]))
    def answer(self, pick: int, text: str) -> None:
        """A mail arrives in the thread of another."""
        if (parent := self._any_mail(pick)) and parent["internet_message_id"]:
            mail = make_mail(
                to=ADDRESS,
                subject=f"Re: {parent['subject']}",
                text=text,
                In_Reply_To=parent["internet_message_id"],
                References=parent["internet_message_id"],
            )
            self.simulator.deliver(ADDRESS, mail)

    @rule(pick=PICKS, operation=OWNER_OPERATIONS, folder=FOLDERS)
    def change_elsewhere(self, pick: int, operation: str, folder: str) -> None:
        """The owner uses another client."""
        self._change_elsewhere(pick, operation, folder)

    # ── What the application does ────────────────────────────────────────────────────────────

    @rule(
        pick=PICKS,
        unread=st.none() | st.booleans(),
        starred=st.none() | st.booleans(),
        folders=st.none() | st.lists(PICKS, max_size=2),
        undone=st.none() | OWNER_OPERATIONS,
        dies_before=DEATHS,
    )
    def change_here(
        self,
        *,
        pick: int,
        unread: bool | None,
        starred: bool | None,
        folders: list[int] | None,
        undone: str | None,
        dies_before: int,
    ) -> None:
        """A message is changed through the API; maybe its owner and the sync come in between."""
        if (message := self._any_stored(pick)) is None:
            return
        known = [folder.id for folder in self.world.folders.all(self.account.id)]
        wanted = None if folders is None else tuple(known[n % len(known)] for n in folders if known)
        change = MessageChange(unread=unread, starred=starred, folders=wanted)

        def owner_and_sync() -> None:
            if undone is not None and message.provider_id in self.simulator.messages(ADDRESS):
                self._change(message.provider_id, undone, "Work")
                self._sync()

        with self._met_at(("messages", "put"), owner_and_sync), self._request(dies_before):
            change_message(
                account=self._current_account(),
                message_id=message.id,
                change=change,
                folders=self.world.folders,
                **self._what_changes(),
            )

    @rule(pick=PICKS, for_good=st.booleans(), dies_before=DEATHS)
    def delete_here(self, *, pick: int, for_good: bool, dies_before: int) -> None:
        """A message is deleted through the API."""
        if (message := self._any_stored(pick)) is not None:
            with self._request(dies_before):
                delete_message(
                    account=self._current_account(),
                    message_id=message.id,
                    for_good=for_good,
                    **self._what_changes(),
                )

    @rule(key=st.sampled_from("abc"), failure=st.none() | FAILURES, dies_before=DEATHS)
    def send(self, key: str, failure: dict[str, Any] | None, dies_before: int) -> None:
        """A message is sent under a key, maybe not for the first time."""
        self.asked_to_send.add(key)
        if failure is not None:
            self.simulator.fail({"path": "/messages/send$", "times": 1, **failure})
        with self._request(dies_before):
            self._send(key)

    @rule(mode=st.sampled_from(list(SyncMode)), dies_before=DEATHS)
    def ask_for_sync(self, mode: SyncMode, dies_before: int) -> None:
        """The application asks for a sync, or for the whole mailbox to be read again."""
        with self._request(dies_before):
            request_sync(account=self._current_account(), mode=mode, tools=self.world.tools)

    # ── What the provider does ───────────────────────────────────────────────────────────────

    @rule(path=PATHS, failure=FAILURES, times=st.integers(1, 4))
    def fail(self, path: str, failure: dict[str, Any], times: int) -> None:
        """Some calls are going to fail."""
        self.simulator.fail({"path": path, "times": times, **failure})

    @rule(what=st.sampled_from(["history", "access_tokens", "refresh_tokens"]))
    def expire(self, what: str) -> None:
        """Something expires before its time."""
        self.simulator.control("POST", "expire", json={"what": what, "address": ADDRESS})

    @precondition(lambda self: self._current_account().status is AccountStatus.REAUTH_REQUIRED)
    @rule()
    def reconnect(self) -> None:
        """The owner consents again, if the provider lets them."""
        self.world.come_back(*self.world.consent(ADDRESS))

    # ── What the workers do ──────────────────────────────────────────────────────────────────

    @rule(pick=PICKS, dies_before=DEATHS, comes_again=st.booleans())
    def work(self, *, pick: int, dies_before: int, comes_again: bool) -> None:
        """A worker does something of what waits, in any order; queues deliver at least once."""
        if waiting := self.world.work.waiting:
            work = waiting.pop(pick % len(waiting))
            if comes_again:
                waiting.append(work)
            self.world.clock.advance(work.delay)
            do_or_die(self.world, work, dies_before)

    @rule(
        pick=PICKS,
        met=WRITES_TO_MEET,
        other=PICKS,
        operation=OWNER_OPERATIONS,
        folder=FOLDERS,
        pause=st.sampled_from([0, 31, 80]),
        dies_before=DEATHS,
    )
    def work_and_be_met(
        self,
        pick: int,
        met: tuple[str, str],
        other: int,
        operation: str,
        folder: str,
        pause: int,
        dies_before: int,
    ) -> None:
        """Right before a write of a worker, the owner changes something and others do their work.

        With a pause, the worker's lease ends meanwhile.
        """
        if not (waiting := self.world.work.waiting):
            return
        work = waiting.pop(pick % len(waiting))
        self.world.clock.advance(work.delay)

        def others() -> None:
            self._change_elsewhere(other, operation, folder)
            self.world.clock.advance(timedelta(seconds=pause))
            self.world.do(work)
            self._sync()

        with self._met_at(met, others):
            do_or_die(self.world, work, dies_before)

    @rule(seconds=st.sampled_from([1, 20, 61, 1000]))
    def sweep(self, seconds: int) -> None:
        """Time passes, and the sweep comes."""
        self.world.clock.advance(timedelta(seconds=seconds))
        self._sweep()

    # ── What must be true ────────────────────────────────────────────────────────────────────

    @rule()
    def become_quiet(self) -> None:
        """Everything works again and time passes: nothing is lost, nothing is there twice."""
        self.simulator.control("DELETE", "faults")
        for minutes in (1, 16, 16, 61, 25 * 60, 16):
            self.world.clock.advance(timedelta(minutes=minutes))
            if self._current_account().status is AccountStatus.REAUTH_REQUIRED:
                self.world.connect(ADDRESS)
            self._sweep()
            self.world.work_off(limit=3_000)
        assert self._current_account().status is AccountStatus.ACTIVE
        self.world.assert_equal(self.account)
        for key in self.asked_to_send:
            self._check_send(key)

    def teardown(self) -> None:
        """Every story ends quietly."""
        if hasattr(self, "account"):
            self.become_quiet()

    # ── How ──────────────────────────────────────────────────────────────────────────────────

    def _check_send(self, key: str) -> None:
        sent = [mail["subject"] for mail in self.simulator.messages(FRIEND).values()]
        arrived = sent.count(f"Send {key}")
        assert arrived <= 1, f"{key} arrived {arrived} times"
        assert arrived == 1 or key not in self.told_as_sent, f"{key} never arrived"

    def _send(self, key: str) -> None:
        request = SendRequest(to=(Address(email=FRIEND),), subject=f"Send {key}", body="Hello")
        account = self._current_account()
        send_message(
            account=account, request=request, idempotency_key=key, tools=self.world.send_tools
        )
        self.told_as_sent.add(key)

    def _sweep(self) -> None:
        world = self.world
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)

    @contextlib.contextmanager
    def _request(self, dies_before: int) -> Iterator[None]:
        """A request to the API: it may end with a documented error, or with a death."""
        with death_before(self.world, dies_before), contextlib.suppress(PostroomError):
            yield

    @contextlib.contextmanager
    def _met_at(self, met: tuple[str, str], by: Callable[[], None]) -> Iterator[None]:
        name, call = met
        store = getattr(self.world, name)
        setattr(self.world, name, interrupted(store, before=call, by=by))
        try:
            yield
        finally:
            setattr(self.world, name, store)

    def _what_changes(self) -> dict[str, Any]:
        world = self.world
        return {
            "mailboxes": world.mailboxes,
            "stores": world.stores,
            "sync_states": world.sync_states,
            "work": world.work,
            "clock": world.clock,
        }

    def _change_elsewhere(self, pick: int, operation: str, folder: str) -> None:
        if mail := self._any_mail(pick):
            self._change(mail["id"], operation, folder)

    def _change(self, provider_id: str, operation: str, folder: str) -> None:
        change = {"op": operation, "id": provider_id}
        if operation in {"move", "label", "unlabel"}:
            change["folder"] = folder
        self.simulator.change(ADDRESS, change)

    def _sync(self) -> None:
        sync_account(account_id=self.account.id, tools=self.world.tools)

    def _any_mail(self, pick: int) -> dict[str, Any] | None:
        mail = list(self.simulator.messages(ADDRESS).values())
        return mail[pick % len(mail)] if mail else None

    def _any_stored(self, pick: int) -> Message | None:
        stored = [message for _, message in sorted(self.world.stored(self.account.id).items())]
        return stored[pick % len(stored)] if stored else None

    def _current_account(self) -> Account:
        return self.world.accounts.get(self.account.id)


def test_a_few_stories_end_well() -> None:
    """The same short ones every time."""
    run_state_machine_as_test(
        MailboxMachine,
        settings=settings(max_examples=5, stateful_step_count=15, derandomize=True, deadline=None),
    )


@pytest.mark.long
def test_many_stories_end_well() -> None:
    """Long ones, other ones every time."""
    run_state_machine_as_test(
        MailboxMachine,
        settings=settings(
            max_examples=150,
            stateful_step_count=50,
            derandomize=False,
            deadline=None,
            print_blob=True,
        ),
    )
