"""Whatever happens in whatever order: when it is quiet again, the copy equals the mailbox.

A story of events is drawn, one after the other: the owner and the application at work, faults of
the provider, expired things, workers that die, come twice, come late or meet each other. After it
everything works again, time passes, and then the copy must equal the mailbox, and every send must
have arrived at most once: exactly once if its author was told so.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.errors import PostroomError
from postroom.domain.message import Address, Message, MessageChange
from postroom.domain.send_request import SendRequest
from postroom.usecases.change_message import change_message, delete_message
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.send_message import send_message
from postroom.usecases.sync_account import sync_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.interruptions import interrupted
from tests.long.mortal_workers import death_before, do_or_die
from tests.long.owner_rules import (
    ADDRESS,
    FAILURES,
    FOLDERS,
    FRIEND,
    OWNER_OPERATIONS,
    PICKS,
    OwnerRules,
)

STORY_STEPS = 50
SOAK_STEPS = int(os.environ.get("SOAK_STEPS", "0"))
"""How many steps to play in all, of stories that were not told before; 0: the usual ones."""

NEVER = 10_000
"""More writes than anything here makes."""

DEATHS = st.one_of(st.just(NEVER), st.integers(1, 12))
WRITES_TO_MEET = st.sampled_from(
    [
        ("messages", "put"),
        ("messages", "remove"),
        ("contents", "put_many"),
        ("pending", "put"),
        ("pending", "settle"),
        ("listed", "mark"),
        ("folders", "replace_all"),
        ("sync_states", "begin_unit"),
        ("sync_states", "begin_again"),
        ("sync_states", "end_unit"),
        ("sync_states", "move_cursor"),
        ("sync_states", "save_backfill"),
        ("sync_states", "save_folders_synced"),
        ("sync_states", "save_watch"),
        ("sync_states", "save_round"),
        ("sync_states", "release"),
        ("sync_states", "abandon"),
    ]
)


class MailboxMachine(OwnerRules):
    """The application and the workers beside what happens at the provider."""

    def __init__(self, provider: ProviderName) -> None:
        super().__init__(provider)
        self.told_as_sent: set[str] = set()
        self.asked_to_send: set[str] = set()

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
                self.change(message.provider_id, undone, "Work")
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
            self.simulator.fail_calls("send", times=1, **failure)
        with self._request(dies_before):
            self._send(key)

    @rule(mode=st.sampled_from(list(SyncMode)), dies_before=DEATHS)
    def ask_for_sync(self, mode: SyncMode, dies_before: int) -> None:
        """The application asks for a sync, or for the whole mailbox to be read again."""
        with self._request(dies_before):
            request_sync(account=self._current_account(), mode=mode, tools=self.world.tools)

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
            if mail := self.any_mail(other):
                self.change(mail["id"], operation, folder)
            self.world.clock.advance(timedelta(seconds=pause))
            self.world.do(work)
            self._sync()

        with self._met_at(met, others):
            do_or_die(self.world, work, dies_before)

    @rule(seconds=st.sampled_from([1, 20, 61, 1000, 400_000]))
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
        result = send_message(
            account=account, request=request, idempotency_key=key, tools=self.world.send_tools
        )
        # One that was only accepted may still be refused, when the consent has died meanwhile.
        if result.has_left:
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

    def _sync(self) -> None:
        sync_account(account_id=self.account.id, tools=self.world.tools)

    def _any_stored(self, pick: int) -> Message | None:
        stored = [message for _, message in sorted(self.world.stored(self.account.id).items())]
        return stored[pick % len(stored)] if stored else None

    def _current_account(self) -> Account:
        return self.world.accounts.get(self.account.id)


class GoogleStories(MailboxMachine):
    """With Gmail."""

    def __init__(self) -> None:
        super().__init__(ProviderName.GOOGLE)


class MicrosoftStories(MailboxMachine):
    """With Outlook."""

    def __init__(self) -> None:
        super().__init__(ProviderName.MICROSOFT)


@pytest.mark.parametrize("stories", [GoogleStories, MicrosoftStories])
def test_a_few_stories_end_well(stories: type[MailboxMachine]) -> None:
    """The same short ones every time."""
    run_state_machine_as_test(
        stories,
        settings=settings(max_examples=5, stateful_step_count=15, derandomize=True, deadline=None),
    )


@pytest.mark.long
@pytest.mark.parametrize(("stories", "number"), [(GoogleStories, 120), (MicrosoftStories, 40)])
def test_many_stories_end_well(stories: type[MailboxMachine], number: int) -> None:
    """Long ones; Outlook's have more calls, and take longer.

    The same ones every time, so that a change is judged by what it does. `make soak` plays others,
    as many as there is time for, and tells the seed that plays them again.
    """
    if SOAK_STEPS:
        number = max(SOAK_STEPS // STORY_STEPS // 2, 1)
    run_state_machine_as_test(
        stories,
        settings=settings(
            max_examples=number,
            stateful_step_count=STORY_STEPS,
            derandomize=not SOAK_STEPS,
            database=None,
            deadline=None,
            print_blob=True,
        ),
    )
