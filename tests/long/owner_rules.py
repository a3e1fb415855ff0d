"""What may happen to a mailbox at its provider: its owner is at work, and calls fail.

The first half of the machine of test_properties; the application and its workers are the other.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from postroom.domain.account import Account, ProviderName
from postroom.domain.ids import AccountId
from tests.doorbells import ArrivedPush
from tests.fakes import InMemoryAuditStore
from tests.owners import Refused, owner_of
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"
FRIEND = "sven@mail.example"

PICKS = st.integers(0, 50)
"""Which one of what there is; counted from the start again behind the end."""
OWNER_OPERATIONS = st.sampled_from(
    ["read", "unread", "star", "unstar", "trash", "delete", "label", "unlabel", "move"]
)
FOLDERS = st.sampled_from(["inbox", "junk", "archive", "Work", "Play"])
FOLDER_OPERATIONS = st.sampled_from(["create", "rename", "move", "delete", "purge"])
FAILURES = st.sampled_from(
    [
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "40"}},
        {"status": 500},
        {"status": 503},
        {"status": 504},
        {"status": 401},
        {"drop": True},
        # The work is done, and only its answer is lost.
        {"drop": True, "after_effect": True},
        {"status": 500, "after_effect": True},
    ]
)
BROKEN_ANSWERS = st.sampled_from(
    [
        {"status": 200, "body": ""},
        {"status": 200, "body": '{"value": [{"id"'},
        {"status": 200, "body": {}},
        {"status": 200, "body": {"value": None, "@odata.nextLink": None}},
        {"status": 200, "body": {"value": [{}], "@odata.deltaLink": "https://elsewhere.example/"}},
    ]
)
"""Of a call that only reads; these say nothing false."""
PUSHES = ["none", "off", "duplicate"]
"""Nobody watches; the watch is silent; each change is pushed by itself, twice. (Pushes that are put
together as they come are another number of pushes each time, and the story would not be the same.)
"""
CALLED = st.sampled_from(
    ["any", "changes", "listing", "batch", "message", "messages", "folders", "token", "first",
     "modify", "trash", "attachments", "send", "senders"]
)  # fmt: skip


class NoAudits(InMemoryAuditStore):
    """Where no audit ever begins: what the sync has lost stays lost."""

    def ask(self, account_id: AccountId, *, at: datetime, whole: bool) -> None:
        """Forget the wish."""


class OwnerRules(RuleBasedStateMachine):
    """One account, its mailbox at the provider, and what happens there."""

    def __init__(self, provider: ProviderName) -> None:
        super().__init__()
        self.world = World(provider=provider)
        self.simulator = self.world.simulator
        self.simulator.add_mailbox(ADDRESS)
        self.simulator.add_mailbox(FRIEND)
        self.owner = owner_of(ADDRESS, self.simulator)
        self.folders_made = 0
        self.pushes: list[ArrivedPush] = []
        self.account: Account

    @initialize(
        mail=st.integers(0, 6),
        page_size=st.sampled_from([None, 1, 2, 3]),
        delta_items=st.sampled_from(["partial", "whole"]),
        refresh_tokens=st.sampled_from(["keep_old", "revoke_old"]),
        pushes=st.sampled_from(PUSHES),
        audited=st.booleans(),
    )
    def connect(
        self,
        *,
        mail: int,
        page_size: int | None,
        delta_items: str,
        refresh_tokens: str,
        pushes: str,
        audited: bool,
    ) -> None:
        """Begin with a mailbox that was never read, maybe with small pages, maybe with pushes."""
        settings = {"page_size": page_size, "delta_items": delta_items}
        self.simulator.control(
            "POST", "settings", json={**settings, "refresh_tokens": refresh_tokens}
        )
        if not audited:
            self.world.audits = NoAudits()
        if pushes != "none":
            self.world.turn_pushes_on()
            self.simulator.control("POST", "settings", json={"push": pushes})
        for number in range(mail):
            self.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"Early {number}"))
        self.account = self.world.connect(ADDRESS)

    # ── What the owner does ──────────────────────────────────────────────────────────────────

    @rule(folder=st.sampled_from(["inbox", "junk", "archive"]), unread=st.booleans())
    def deliver(self, *, folder: str, unread: bool) -> None:
        """A mail arrives."""
        mail = make_mail(to=ADDRESS, subject="News")
        self.simulator.deliver(ADDRESS, mail, folder=folder, unread=unread)

    @rule(pick=PICKS, text=st.sampled_from(["Yes", "No"]))
    def answer(self, pick: int, text: str) -> None:
        """A mail arrives in the thread of another."""
        if (parent := self.any_mail(pick)) and parent["internet_message_id"]:
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
        if mail := self.any_mail(pick):
            self.change(mail["id"], operation, folder)

    @rule(pick=PICKS, back=st.sampled_from(["inbox", "archive", "Work"]))
    def move_there_and_back(self, pick: int, back: str) -> None:
        """The owner moves a message and thinks better of it."""
        if mail := self.any_mail(pick):
            self.change(mail["id"], "move", "Play")
            self.change(mail["id"], "move", back)

    @rule(number=st.integers(1, 3))
    def write_draft(self, number: int) -> None:
        """The owner begins to write a mail."""
        mail = make_mail(to="ana@elsewhere.example", sender=ADDRESS, subject=f"Draft {number}")
        self.simulator.deliver(ADDRESS, mail, folder="drafts", unread=False)

    @rule(pick=PICKS, sends=st.booleans())
    def go_on_with_draft(self, *, pick: int, sends: bool) -> None:
        """The owner writes on, or sends what is written."""
        # Not one that a broken send of ours left: it would arrive twice, as its owner wills.
        drafts = [
            each
            for each in self.simulator.messages(ADDRESS).values()
            if each["draft"] and each["subject"].startswith("Draft")
        ]
        if drafts:
            draft = drafts[pick % len(drafts)]["id"]
            with contextlib.suppress(Refused):  # Outlook sends nothing out of the bin
                if sends:
                    self.owner.send_draft(draft)
                else:
                    self.owner.edit_draft(draft, f"Draft, edited {pick}")

    @rule(operation=FOLDER_OPERATIONS, pick=PICKS, other=PICKS, on_top=st.booleans())
    def tidy_folders(self, *, operation: str, pick: int, other: int, on_top: bool) -> None:
        """The owner makes, renames, moves and deletes folders, with all that they hold."""
        with contextlib.suppress(Refused):  # such as: into itself, or a name that is taken
            self.change_folder(operation, pick, None if on_top else other)

    # ── What the provider does ───────────────────────────────────────────────────────────────

    @rule(called=CALLED, failure=FAILURES, times=st.integers(1, 4))
    def fail(self, called: str, failure: dict[str, Any], times: int) -> None:
        """Some calls are going to fail."""
        self.simulator.fail_calls(called, **failure, times=times)

    @rule(called=st.sampled_from(["changes", "listing", "folders", "batch"]), answer=BROKEN_ANSWERS)
    def break_answer(self, called: str, answer: dict[str, Any]) -> None:
        """An answer is going to be no answer."""
        self.simulator.fail_calls(called, **answer, times=1)

    @rule(called=st.sampled_from(["changes", "folders"]), times=st.integers(1, 2))
    def forget_one(self, called: str, times: int) -> None:
        """The provider no longer knows what has changed since: here and there, or for a moment."""
        status = 410 if self.world.provider is ProviderName.MICROSOFT else 404
        if called == "changes" or status == 410:
            self.simulator.fail_calls(called, status=status, times=times)

    @rule(pick=PICKS, lost=st.booleans(), comes_again=st.booleans())
    def push(self, *, pick: int, lost: bool, comes_again: bool) -> None:
        """A push arrives: late, in any order, once more, or never."""
        self.pushes += self.simulator.pushes()
        if self.pushes:
            push = self.pushes.pop(pick % len(self.pushes))
            if not lost:
                self.world.receive_push(push)
            if comes_again:
                self.pushes.append(push)

    @rule(what=st.sampled_from(["history", "delta", "access_tokens", "refresh_tokens", "watches"]))
    def expire(self, what: str) -> None:
        """Something expires before its time."""
        self.simulator.control("POST", "expire", json={"what": what, "address": ADDRESS})

    # ── How ──────────────────────────────────────────────────────────────────────────────────

    def change(self, provider_id: str, operation: str, folder: str) -> None:
        """Change one message as its owner."""
        change = {"op": operation, "id": provider_id}
        if operation in {"move", "label", "unlabel"}:
            change["folder"] = folder
        self.simulator.change(ADDRESS, change)

    def change_folder(self, operation: str, pick: int, other: int | None) -> None:
        """Change one of the owner's folders; another one may be its parent. Raises Refused."""
        own = self.own_folders()
        parent = own[other % len(own)] if own and other is not None else None
        if operation == "create" or not own:
            self.folders_made += 1
            folder = self.owner.create_folder(f"Folder {self.folders_made}", parent)
            if mail := self.any_mail(pick):
                self.change(mail["id"], "move", folder)
            return
        folder = own[pick % len(own)]
        if operation == "rename":
            self.owner.rename_folder(folder, f"Renamed {pick}")
        elif operation == "move":
            self.owner.move_folder(folder, parent)
        elif operation == "delete":
            self.owner.delete_folder(folder)
        else:
            self.owner.purge_folder(folder)

    def own_folders(self) -> Sequence[str]:
        """Return the ids of the folders that the owner may change."""
        folders = self.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
        gmails_own = self.world.provider is ProviderName.GOOGLE
        return [
            each["id"]
            for each in folders
            if each["role"] is None and not (gmails_own and each["id"] == each["id"].upper())
        ]

    def any_mail(self, pick: int) -> dict[str, Any] | None:
        """Return one of the provider's messages."""
        mail = list(self.simulator.messages(ADDRESS).values())
        return mail[pick % len(mail)] if mail else None
