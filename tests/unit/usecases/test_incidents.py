"""Sequences of events that once went wrong. Each test tells its own."""

import contextlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import InvalidRequest, OutcomeUnknown, ReauthRequired, Retryable
from postroom.domain.ids import ProviderMessageId, message_id
from postroom.domain.message import (
    Address,
    Message,
    MessageChange,
)
from postroom.domain.send_request import SendRequest
from postroom.domain.sync import LEASE_LIFETIME, Backfill, Lane
from postroom.ports import PutOutcome
from postroom.usecases.change_message import change_message
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.send_message import send_message
from postroom.usecases.settle_send import settle_send
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import InMemoryMessageStore, WorkKind
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one message, synced."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First", text="A body"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def _later(world: World) -> None:
    for _ in range(3):
        world.clock.advance(timedelta(minutes=16))
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()


def test_a_404_of_the_provider_does_not_end_the_sync_for_ever(
    world: World, account: Account
) -> None:
    """One 404 on labels made the worker delete the account's sync state: no sync ever again."""
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    world.simulator.fail_calls("folders", status=404, times=1)
    world.sync(account)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Third"))
    _later(world)
    assert "Third" in world.subjects(account.id)


def test_a_400_of_the_provider_is_not_raised(world: World, account: Account) -> None:
    """'Never raises for what a provider does': a 400 escapes with the lease held, for ever."""
    world.simulator.fail_calls("changes", status=400, body={"error": {"code": 400}}, times=1)
    world.sync(account)


def test_a_death_between_claim_and_look_up_does_not_burn_the_key(
    world: World, account: Account
) -> None:
    """Claimed, then dead before the look-up was enqueued: nothing left, 409 for 30 days."""
    request = SendRequest(to=(Address(email=ADDRESS),), body="x")
    queue = world.work
    world.work = WritesUntilDeath(1).of(queue, "settle_send")
    with pytest.raises(Death):
        send_message(account=account, request=request, idempotency_key="k", tools=world.send_tools)
    world.work = queue
    world.work_off(limit=300)
    world.clock.advance(timedelta(days=2))
    # By now it has to be either sendable, or told as unknown; not 'at work'
    with contextlib.suppress(OutcomeUnknown):
        send_message(account=account, request=request, idempotency_key="k", tools=world.send_tools)


def test_a_request_without_a_mime_form_leaves_the_key_free(world: World, account: Account) -> None:
    """A bad address is found by the MIME renderer after the claim: the corrected send is a 409."""
    bad = SendRequest(to=(Address(email="no address"),), body="x")
    with pytest.raises(InvalidRequest):
        send_message(account=account, request=bad, idempotency_key="k", tools=world.send_tools)
    good = SendRequest(to=(Address(email=ADDRESS),), body="x")
    send_message(account=account, request=good, idempotency_key="k", tools=world.send_tools)


def test_a_look_up_does_not_bring_back_a_withdrawn_send(world: World, account: Account) -> None:
    """Read by a look-up, withdrawn by its sender, written again as unknown: blocked for 30 days."""
    request = SendRequest(to=(Address(email=ADDRESS),), body="x")
    outbox = world.outbox
    # Given a throttled sender that is about to withdraw
    world.simulator.fail_calls("send", status=429, times=1)
    world.outbox = WritesUntilDeath(1).of(outbox, "withdraw")
    with pytest.raises(Death):
        send_message(account=account, request=request, idempotency_key="k", tools=world.send_tools)
    work = world.work.take(WorkKind.SETTLE_SEND)
    assert work is not None
    assert work.outbox_id is not None
    entry_id = work.outbox_id
    world.clock.advance(work.delay)
    # When it withdraws right before a look-up, which has read SENDING, settles
    world.outbox = interrupted(
        outbox, before="settle", by=lambda: outbox.withdraw(account.id, entry_id)
    )
    settle_send(account_id=account.id, outbox_id=entry_id, attempt=0, tools=world.send_tools)
    # Then the key is free, as the sender was told
    world.outbox = outbox
    send_message(account=account, request=request, idempotency_key="k", tools=world.send_tools)


def test_a_change_that_lost_is_not_put_on_top_of_what_is_newer(
    world: World, account: Account
) -> None:
    """Starred here, unstarred there and synced, then our late write stars it again for good."""
    (message,) = world.stored(account.id).values()

    def owner_undoes_and_sync_sees_it() -> None:
        world.simulator.change(ADDRESS, {"op": "unstar", "id": message.provider_id})
        world.sync(account)

    store = world.messages
    world.messages = interrupted(store, before="put", by=owner_undoes_and_sync_sees_it)
    change_message(
        account=account,
        message_id=message.id,
        change=MessageChange(starred=True),
        mailboxes=world.mailboxes,
        stores=world.stores,
        folders=world.folders,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )
    world.messages = store
    world.work_off()
    world.assert_equal(account)


def test_a_refusal_of_old_tokens_does_not_kill_a_new_consent(
    world: World, account: Account
) -> None:
    """A worker is refused with the old tokens while the owner reconnects; its note comes last."""
    with pytest.raises(ReauthRequired), world.mailboxes.open(account):
        world.clock.advance(timedelta(seconds=1))
        world.connect(ADDRESS)
        raise ReauthRequired("what the provider said to the old tokens")
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE


def test_a_doorbell_while_an_account_is_being_parked_is_heard(
    world: World, account: Account
) -> None:
    """The owner reconnects right before the worker parks the account for a day."""
    with pytest.raises(ReauthRequired), world.mailboxes.open(account):
        raise ReauthRequired("withdrawn")
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))

    def reconnect_and_call_in_vain() -> None:
        world.connect(ADDRESS)
        world.work_off()  # the other worker finds the lease held and acknowledges

    world.sync_states = interrupted(
        world.sync_states, before="release", by=reconnect_and_call_in_vain
    )
    world.sync(account)
    _later(world)
    assert "Second" in world.subjects(account.id)


class HalfWrittenStore(InMemoryMessageStore):
    """Dies once between the message's row and its views, as two writes in a table may."""

    armed = False

    def put(
        self,
        messages: Sequence[Message],
        *,
        seen_at: datetime | None = None,
        revive: bool = False,
    ) -> list[PutOutcome]:
        """Store messages."""
        if not (self.armed and messages):
            return super().put(messages, seen_at=seen_at, revive=revive)
        self.armed = False
        message = messages[0]
        old = self._messages.get((message.account_id, message.id))
        if old is not None:
            # the new row stands, its new views do not: model with the old views kept
            places = {view: list(self._views[message.account_id, view]) for view in message.views()}
            super().put(messages[:1])
            for view in message.views() - old.views():
                self._views[message.account_id, view] = places[view]
        else:
            super().put(messages[:1])
            for view in message.views():
                self._views[message.account_id, view].clear()
        raise Death


def test_a_first_sync_that_died_within_a_put_is_made_whole(world: World) -> None:
    """The row is there, its views are not: the repeated chunk takes the message for known."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    account = world.connect(ADDRESS)
    store = world.messages = HalfWrittenStore()
    world.do_next(WorkKind.SYNC)
    store.armed = True
    with pytest.raises(Death):
        world.work_off()
    _later(world)
    assert world.subjects(account.id) == ["First"]


def test_an_edit_that_died_within_a_put_is_made_whole(world: World) -> None:
    """The row has the new label, the label's list lacks it; the replay sees nothing newer."""
    world.messages = store = HalfWrittenStore()
    world.simulator.add_mailbox(ADDRESS)
    first = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    account = world.connect(ADDRESS)
    world.work_off()
    world.simulator.change(ADDRESS, {"op": "star", "id": first})
    store.armed = True
    with pytest.raises(Death):
        world.sync(account)
    _later(world)
    assert world.subjects(account.id, starred=True) == ["First"]


def test_an_erasure_that_dies_leaves_no_contents(world: World, account: Account) -> None:
    """Rows go first, and with them the only list of which contents there are."""
    ids = [message.id for message in world.stored(account.id).values()]
    contents = world.contents
    world.contents = WritesUntilDeath(1).of(contents, "delete")
    disconnect_account(account=account, tools=world.tools)
    with pytest.raises(Death):
        world.work_off()
    world.contents = contents
    _later(world)
    assert contents.get_many(account.id, ids) == {}


def test_a_worker_that_is_still_at_it_does_not_outlive_the_erasure(
    world: World, account: Account
) -> None:
    """A sync that has fetched writes after the whole account was erased."""
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Late"))
    store = world.messages

    def disconnect() -> None:
        disconnect_account(account=account, tools=world.tools)
        world.do_next(WorkKind.BACKFILL)

    world.messages = interrupted(store, before="put", by=disconnect)
    world.sync(account)
    world.messages = store
    world.work_off()
    _later(world)
    assert world.stored(account.id) == {}


def test_a_renewal_does_not_keep_tokens_for_nobody(world: World, account: Account) -> None:
    """A worker renews while the account is erased, and writes its tokens after the deletion."""
    vault = world.vault
    world.clock.advance(timedelta(hours=2))

    def disconnect() -> None:
        disconnect_account(account=account, tools=world.tools)
        world.do_next(WorkKind.BACKFILL)

    world.vault = interrupted(vault, before="write", by=disconnect)
    world.sync(account)
    world.vault = vault
    world.work_off()
    _later(world)
    with pytest.raises(ReauthRequired):
        vault.read(account.id)


def test_a_full_sync_does_not_begin_a_running_first_sync_again(
    world: World, account: Account
) -> None:
    """Between two chunks nobody holds the lease: the first sync of days goes back to its start."""
    (unit, *_) = world.sync_states.get(account.id).units.values()
    lease = world.sync_states.acquire(
        account.id, Lane.BACKFILL, now=world.clock.now(), lifetime=LEASE_LIFETIME
    )
    assert lease is not None
    running = Backfill(generation=unit.generation, position="page 40", stored=400_000)
    assert world.sync_states.save_backfill(lease, unit.id, running)
    world.sync_states.abandon(lease, due_at=world.clock.now(), error="")
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    assert world.sync_states.get(account.id).units[unit.id].reading == running


def test_failures_of_the_server_never_cost_a_body(world: World, account: Account) -> None:
    """Three 500s while reading again replace the stored body by that of a stub: none."""
    (message,) = world.stored(account.id).values()
    world.simulator.fail({"path": f"/messages/{message.provider_id}", "status": 500, "times": 3})
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    world.work_off()
    for _ in range(5):
        world.clock.advance(timedelta(minutes=6))
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()
    content = world.contents.get_many(account.id, [message.id])[message.id]
    assert "A body" in content.text + content.html


def test_a_removed_message_leaves_no_content(world: World) -> None:
    """Content first, then the row, which loses against the end: the body stays for ever."""
    world.simulator.add_mailbox(ADDRESS)
    doomed = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    account = world.connect(ADDRESS)
    world.do_next(WorkKind.SYNC)
    contents = world.contents

    def delete_and_sync() -> None:
        world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
        world.sync(account)

    world.contents = interrupted(contents, before="put_many", by=delete_and_sync)
    world.work_off()
    removed = message_id(account.id, ProviderMessageId(doomed))
    assert contents.get_many(account.id, [removed]) == {}


@GOOGLE_ALONE
def test_a_provider_without_its_api_enabled_is_said_to_be_misconfigured(world: World) -> None:
    """The commonest mistake of a set-up was told as 'did not answer; please try again'."""
    world.simulator.add_mailbox(ADDRESS)
    callback, secret = world.consent(ADDRESS)
    off = {"error": {"code": 403, "message": "x", "errors": [{"reason": "accessNotConfigured"}]}}
    world.simulator.fail({"path": "/profile", "status": 403, "body": off})
    assert world.come_back(callback, secret)["error"] == "provider_misconfigured"


def test_a_provider_config_that_is_gone_is_told_to_the_return_address(world: World) -> None:
    """Removed while the person was at the consent page: an error page instead of the answer."""
    world.simulator.add_mailbox(ADDRESS)
    callback, secret = world.consent(ADDRESS)
    world.configs.delete(world.provider)
    assert world.come_back(callback, secret)["error"] == "provider_misconfigured"


def test_a_new_consent_is_not_refused_for_the_tokens_of_the_old(
    world: World, account: Account
) -> None:
    """Right after a consent a worker may read the old tokens: secrets are read eventually."""
    again = world.connect(ADDRESS)
    with pytest.raises(Retryable), world.mailboxes.open(again):
        raise ReauthRequired("what the provider said to the old tokens")
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE


@GOOGLE_ALONE
def test_a_provider_that_wants_a_pause_is_called_no_more(world: World) -> None:
    """Fifty of a page were refused with a pause; the other hundred were asked for nevertheless."""
    world.simulator.add_mailbox(ADDRESS, messages=150, seed=8)
    account = world.connect(ADDRESS)
    world.do_next(WorkKind.SYNC)
    refused = {"path": "/messages/|/threads/", "status": 429, "headers": {"Retry-After": "600"}}
    world.simulator.fail(refused | {"times": 1_000})
    world.do_next(WorkKind.BACKFILL)
    usage = world.simulator.control("GET", "usage")["mailboxes"][ADDRESS]
    assert usage["batch"]["calls"] <= 2 + 1  # one of them for the folders
    # And when it gives again, everything comes
    world.simulator.control("DELETE", "faults")
    world.work_off()
    _later(world)
    world.assert_equal(account)


@GOOGLE_ALONE
def test_a_list_without_system_folders_strips_no_message(world: World, account: Account) -> None:
    """A 200 with an empty list of folders took every message out of the inbox."""
    world.simulator.fail({"path": "/labels$", "status": 200, "body": {}, "times": 1})
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    world.sync(account)
    world.assert_equal(account)


def test_what_happens_to_a_sent_copy_before_the_first_sync_is_not_missed(world: World) -> None:
    """Sent and stored, starred by its owner, and only then the cursor was pinned: no star, ever.

    The history began behind the star, and the first sync fetches only what is not stored.
    """
    world.simulator.add_mailbox(ADDRESS)
    account = world.connect(ADDRESS)
    for subject in ("Starred", "Deleted"):
        request = SendRequest(to=(Address(email="ana@elsewhere.example"),), subject=subject)
        send_message(account=account, request=request, idempotency_key="", tools=world.send_tools)
    for provider_id, message in world.stored(account.id).items():
        operation = "star" if message.subject == "Starred" else "delete"
        world.simulator.change(ADDRESS, {"op": operation, "id": provider_id})

    world.work_off()

    world.assert_equal(account)


@GOOGLE_ALONE
def test_a_deleted_label_leaves_no_message_behind_under_it(world: World, account: Account) -> None:
    """The provider reports the label's end, but not for each message that bore it."""
    (message,) = world.stored(account.id).values()
    world.simulator.change(
        ADDRESS, {"op": "label", "id": message.provider_id, "folder": "Holidays"}
    )
    world.sync(account)
    (label,) = [each for each in world.folders.all(account.id) if each.name == "Holidays"]
    assert world.subjects(account.id, folder=label.id) == ["First"]
    world.simulator.delete_folder(world.vault.read(account.id).access_token, label.provider_id)
    world.clock.advance(timedelta(hours=2))
    world.sync(account)
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_folder_that_always_fails_keeps_no_other_from_being_followed(
    world: World, account: Account
) -> None:
    """The first folder failed in every step, and the others were not followed for days."""
    inbox = next(iter(world.sync_states.get(account.id).units))
    world.simulator.fail({"path": f"{re.escape(inbox)}.*/messages/delta", "status": 500})
    mail = make_mail(to=ADDRESS, subject="Unwanted")
    world.simulator.deliver(ADDRESS, mail, folder="junk")
    world.sync(account)
    assert "Unwanted" in world.subjects(account.id)
    # And when the first one answers again, nothing of it was lost
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Late"))
    world.simulator.control("DELETE", "faults")
    _later(world)
    world.assert_equal(account)
