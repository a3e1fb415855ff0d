"""The sync: the copy equals the mailbox, whatever happens on the way."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.folder import FolderRole
from postroom.domain.message import Address
from postroom.domain.send_request import SendRequest
from postroom.domain.sync import LEASE_LIFETIME, Lane
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.send_message import send_message
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"

IN_A_MINUTE = "Sat, 21 Nov 2026 09:31:00 GMT"
"""Retry-After as a date; a world begins at half past nine."""

SYNC_WRITES = (
    "begin_unit",
    "begin_again",
    "move_cursor",
    "save_backfill",
    "save_folders_synced",
    "save_round",
    "save_watch",
    "release",
    "abandon",
)


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with thirty messages, synced."""
    world.simulator.add_mailbox(ADDRESS, messages=30, seed=7)
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def test_the_first_sync_brings_everything(world: World, account: Account) -> None:
    """After the first sync the copy equals the mailbox and the account says so."""
    world.assert_equal(account)
    state = world.sync_states.get(account.id)
    assert state.is_read
    assert state.stored == state.total_estimate == len(world.stored(account.id))
    roles = {folder.role for folder in world.folders.all(account.id)}
    assert roles >= {FolderRole.INBOX, FolderRole.SENT, FolderRole.TRASH}


def test_an_empty_mailbox_becomes_live(world: World) -> None:
    """A mailbox without a message reaches the end of its first sync like any other."""
    world.simulator.add_mailbox("empty@mail.example")
    account = world.connect("empty@mail.example")
    world.work_off()
    assert world.sync_states.get(account.id).is_read


def test_new_mail_comes_with_the_next_sync(world: World, account: Account) -> None:
    """A delivered mail appears, newest first."""
    world.clock.advance(timedelta(minutes=1))
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Just now"))
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.work_off()
    assert world.subjects(account.id)[0] == "Just now"
    world.assert_equal(account)


@GOOGLE_ALONE
def test_flags_and_labels_change_without_fetching(world: World, account: Account) -> None:
    """A change of flags, labels or trash costs the history call, and no message is read again."""
    # Given an owner who tidies up in another client
    first, second, third, fourth = list(world.simulator.messages(ADDRESS))[:4]
    world.simulator.change(
        ADDRESS,
        {"op": "star", "id": first},
        {"op": "unread", "id": second},
        {"op": "trash", "id": third},
        {"op": "delete", "id": fourth},
    )
    before = world.simulator.calls_made()
    # When the account is synced
    world.sync(account)
    # Then the copy is right and nothing was fetched
    world.assert_equal(account)
    after = world.simulator.calls_made()
    for method in ("messages.get", "threads.get"):
        assert after.get(method, 0) == before.get(method, 0)


@GOOGLE_ALONE
def test_mail_that_is_stored_is_never_fetched_twice(world: World, account: Account) -> None:
    """Mail that we stored ourselves comes back as new from the provider; its labels count."""
    sent = send_message(
        account=account,
        request=SendRequest(to=(Address(email="ana@elsewhere.example"),), subject="Hi", body="x"),
        idempotency_key="",
        tools=world.send_tools,
    ).mail.message
    world.simulator.change(ADDRESS, {"op": "star", "id": sent.provider_id})
    before = world.simulator.calls_made()
    world.sync(account)
    after = world.simulator.calls_made()
    assert after["messages.get"] == before["messages.get"]
    world.assert_equal(account)


@GOOGLE_ALONE
def test_a_draft_that_is_sent_elsewhere_becomes_mail(world: World, account: Account) -> None:
    """A stored draft whose label goes is read again: it would stay hidden from lists otherwise."""
    draft = world.simulator.deliver(
        ADDRESS, make_mail(to="ana@elsewhere.example", subject="Not yet"), folder="drafts"
    )
    world.sync(account)
    assert "Not yet" not in world.subjects(account.id)
    world.simulator.change(ADDRESS, {"op": "unlabel", "id": draft, "folder": "DRAFT"})
    world.sync(account)
    assert "Not yet" in world.subjects(account.id)


def test_a_message_that_comes_and_goes_between_two_syncs_is_never_seen(
    world: World, account: Account
) -> None:
    """Added and deleted within one look: nothing stored, nothing failed."""
    gone = world.simulator.deliver(ADDRESS)
    world.simulator.change(ADDRESS, {"op": "delete", "id": gone})
    world.sync(account)
    world.assert_equal(account)


def test_a_doorbell_during_a_sync_is_heard(world: World, account: Account) -> None:
    """A wake-up between the last look and the release makes the worker look again."""

    # Given a worker whose last act before the release is interrupted by a delivery and a doorbell
    def ring() -> None:
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Late"))
        world.sync_states.ring(account.id)

    world.sync_states = interrupted(world.sync_states, before="release", by=ring)
    # When it syncs
    world.sync(account)
    # Then the late mail is there, without another call
    assert "Late" in world.subjects(account.id)


def test_a_second_worker_leaves_the_account_to_the_first(world: World, account: Account) -> None:
    """While a lease is held, another worker does nothing; after its end it does."""
    now = world.clock.now()
    world.sync_states.acquire(account.id, Lane.PRESENT, now=now, lifetime=LEASE_LIFETIME)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Waiting"))
    world.sync(account)
    assert "Waiting" not in world.subjects(account.id)
    # The first worker died: the sweep finds the account at the end of its lease
    world.clock.advance(LEASE_LIFETIME)
    wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
    world.work_off()
    assert "Waiting" in world.subjects(account.id)


def test_a_throttled_account_pauses_and_loses_nothing(world: World, account: Account) -> None:
    """A 429 pauses the account for as long as the provider says; it is no error of the account."""
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Behind the wall"))
    world.simulator.fail_calls("changes", status=429, headers={"Retry-After": "90"}, times=1)
    world.sync(account)
    paused_until = world.sync_states.get(account.id).paused_until
    assert paused_until == world.clock.now() + timedelta(seconds=90)
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    # A worker that comes too early calls nobody
    calls = world.simulator.calls_made()
    world.sync(account)
    assert world.simulator.calls_made() == calls
    # And after the pause everything is there
    world.work_off()
    assert "Behind the wall" in world.subjects(account.id)


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "messages", "status": 500, "times": 3},
        {"what": "batch", "status": 503, "times": 3},
        {"what": "batch", "drop": True, "times": 3},
        {"what": "changes", "drop": True, "times": 3},
        {"what": "folders", "status": 500, "times": 3},
        {"what": "messages", "status": 429, "times": 5},
        {"what": "message", "status": 429, "headers": {"Retry-After": "20"}, "times": 3},
        {"what": "changes", "status": 429, "headers": {"Retry-After": IN_A_MINUTE}, "times": 1},
        {"what": "changes", "status": 503, "times": 4},
        {"what": "changes", "status": 504, "times": 2},
        {"what": "changes", "status": 404, "times": 1},
        {"what": "changes", "status": 410, "times": 2},
        {"what": "changes", "status": 200, "body": '{"value": [{"id"', "times": 2},
        {"what": "changes", "status": 200, "body": {"value": None}, "times": 1},
        {"what": "listing", "status": 200, "body": "", "times": 2},
        {"what": "batch", "status": 200, "body": {}, "times": 2},
        {"what": "any", "status": 401, "times": 1},
        {"what": "any", "status": 500, "probability": 0.3, "seed": 5, "times": 20},
    ],
    ids=str,
)
def test_faults_delay_the_copy_but_never_spoil_it(world: World, fault: dict[str, Any]) -> None:
    """Whatever fails on the way, when it is quiet the copy equals the mailbox."""
    world.simulator.add_mailbox(ADDRESS, messages=20, seed=3)
    account = world.connect(ADDRESS)
    world.simulator.fail_calls(**fault)
    world.work_off()
    world.simulator.deliver(ADDRESS)
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.work_off()
    for _ in range(10):
        world.clock.advance(timedelta(minutes=10))
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()
    world.assert_equal(account)


@GOOGLE_ALONE
def test_a_mailbox_beyond_the_quota_is_read_in_pauses(world: World) -> None:
    """A first sync that meets the quota waits as told, repeats little, and misses nothing."""
    # Given a mailbox that costs more than a minute's units, at a provider that counts
    world.simulator.add_mailbox(ADDRESS, messages=900, seed=6)
    world.simulator.control("POST", "settings", json={"enforce_quota": True})
    account = world.connect(ADDRESS)
    began_at = world.clock.now()
    # When it is synced
    world.work_off()
    # Then it had to wait, but not for many calls more than with all the quota of the world
    assert world.clock.now() - began_at > timedelta(seconds=30)
    world.assert_equal(account)
    usage = world.simulator.control("GET", "usage")["mailboxes"][ADDRESS].values()
    rejected = sum(numbers["rejected"] for numbers in usage)
    assert rejected < 0.2 * sum(numbers["calls"] for numbers in usage)


def test_an_expired_access_token_is_renewed_in_the_middle(world: World, account: Account) -> None:
    """A token that the provider refuses is replaced once, and the sync goes on."""
    world.simulator.deliver(ADDRESS)
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})
    world.sync(account)
    world.assert_equal(account)


def test_a_dead_consent_parks_the_account_and_keeps_its_mail(
    world: World, account: Account
) -> None:
    """A withdrawn consent stops the account; mail and cursor stay, reconnecting goes on."""
    world.simulator.control("POST", "expire", json={"what": "refresh_tokens"})
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})
    missed = world.simulator.deliver(ADDRESS)
    world.sync(account)
    assert world.accounts.get(account.id).status is AccountStatus.REAUTH_REQUIRED
    assert len(world.subjects(account.id)) > 0
    calls = world.simulator.calls_made()
    world.connect(ADDRESS)
    world.work_off()
    assert missed in world.stored(account.id)
    assert world.simulator.calls_made().get("messages.list", 0) == calls.get("messages.list", 0)
    world.assert_equal(account)


def test_an_expired_cursor_reads_the_mailbox_again(world: World, account: Account) -> None:
    """When the changes are forgotten, what was added, changed or deleted meanwhile is found."""
    first, second, third = list(world.simulator.messages(ADDRESS))[:3]
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="In the gap"))
    world.simulator.change(
        ADDRESS,
        {"op": "star", "id": first},
        {"op": "trash", "id": second},
        {"op": "delete", "id": third},
    )
    world.simulator.expire_cursors()
    world.sync(account)
    world.work_off()
    assert "In the gap" in world.subjects(account.id)
    world.assert_equal(account)


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_a_mailbox_that_is_read_again_survives_deaths(
    world: World, account: Account, crash_at: int
) -> None:
    """A worker that dies while reading again, or sweeping, costs no message and leaves no ghost."""
    doomed = list(world.simulator.messages(ADDRESS))[::7]
    world.simulator.change(ADDRESS, *({"op": "delete", "id": each} for each in doomed))
    world.simulator.expire_cursors()
    writes = WritesUntilDeath(crash_at)
    world.messages = writes.of(world.messages, "put", "remove")
    world.listed = writes.of(world.listed, "mark")
    world.sync_states = writes.of(world.sync_states, *SYNC_WRITES)
    for _ in range(4):
        with contextlib.suppress(Death):
            world.clock.advance(timedelta(minutes=31))
            wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
            world.work_off()
    assert writes.happened
    world.assert_equal(account)


def test_what_is_deleted_during_the_first_sync_stays_deleted(world: World) -> None:
    """A message that was fetched before its deletion and stored after it does not come back."""
    # Given a first sync that has read everything, but whose writes are late
    world.simulator.add_mailbox(ADDRESS, messages=5, seed=1)
    account = world.connect(ADDRESS)
    doomed = next(iter(world.simulator.messages(ADDRESS)))

    def delete_and_sync() -> None:
        world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
        world.sync(account)

    world.do_next(WorkKind.SYNC)
    world.messages = interrupted(world.messages, before="put", by=delete_and_sync)
    # When it writes, after the present has seen one of them deleted
    world.work_off()
    # Then that one stays away
    assert doomed not in world.stored(account.id)
    world.assert_equal(account)


@pytest.mark.parametrize("crash_at", range(1, 16))
def test_a_worker_may_die_at_any_write(world: World, crash_at: int) -> None:
    """Killed before any one of its writes, the next worker makes the copy whole."""
    # Given a worker that dies before its n-th write to any store
    world.simulator.add_mailbox(ADDRESS, messages=12, seed=9)
    account = world.connect(ADDRESS)
    writes = WritesUntilDeath(crash_at)
    world.messages = writes.of(world.messages, "put", "remove")
    world.contents = writes.of(world.contents, "put_many")
    world.folders = writes.of(world.folders, "replace_all")
    world.pending = writes.of(world.pending, "put")
    world.sync_states = writes.of(world.sync_states, *SYNC_WRITES)
    world.work = writes.of(world.work, "sync", "backfill")
    # When workers come and go, with an owner who is busy meanwhile
    for _ in range(4):
        world.simulator.deliver(ADDRESS)
        try:
            world.work_off()
            world.clock.advance(timedelta(minutes=31))
            wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        except Death:
            world.simulator.change(
                ADDRESS, {"op": "star", "id": next(iter(world.simulator.messages(ADDRESS)))}
            )
            world.clock.advance(timedelta(minutes=31))
    world.work_off()
    # Then the copy equals the mailbox
    assert writes.happened
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_mailbox_that_a_policy_closes_waits_and_comes_back(
    world: World, account: Account
) -> None:
    """A 403 is neither a dead consent nor the end: the account is parked, and nothing is lost."""
    denied = {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}}
    world.simulator.fail_calls("any", status=403, body=denied)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Meanwhile"))
    world.sync(account)
    assert world.accounts.get(account.id).status is AccountStatus.MAILBOX_UNAVAILABLE
    # When the policy is lifted
    world.simulator.control("DELETE", "faults")
    world.clock.advance(timedelta(hours=1, minutes=1))
    wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
    world.work_off()
    # Then the account works again and has everything
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert "Meanwhile" in world.subjects(account.id)
    world.assert_equal(account)
