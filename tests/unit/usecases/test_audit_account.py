"""Is the copy complete? The nightly audit, told of both providers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from postroom.domain.account import Account, AccountStatus
from postroom.domain.audit import (
    NIGHTS_PER_ROUND,
    AuditPhase,
    AuditReport,
    FolderAudit,
    FolderAuditState,
)
from postroom.domain.errors import Conflict
from postroom.domain.folder import FolderRole
from postroom.domain.ids import ProviderMessageId, message_id
from postroom.domain.message import ALL_MAIL, View
from postroom.domain.sync import LEASE_LIFETIME, STEP_LIMIT
from postroom.observability import metrics
from postroom.ports import AuditStore
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.request_audit import request_audit
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with some mail, wholly read."""
    world.simulator.add_mailbox(ADDRESS, seed=7, messages=30)
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=10))
    return connected


def ask(world: World, account: Account) -> None:
    """Ask for an audit of every folder."""
    request_audit(
        account=account,
        state=world.sync_states.get(account.id),
        audits=world.audits,
        work=world.work,
        clock=world.clock,
    )


def audited(world: World, account: Account) -> AuditReport:
    """Have every folder audited, to the end."""
    ask(world, account)
    world.work_off()
    report = world.audits.get(account.id)
    assert report.phase is AuditPhase.DONE
    assert report.finished_at is not None
    return report


def inbox_of(world: World, account: Account) -> View:
    return View(world.folder(account.id, FolderRole.INBOX))


def found(report: AuditReport) -> dict[View, FolderAudit]:
    """Return the folders in which something was found."""
    return {
        view: folder
        for view, folder in report.folders.items()
        if folder.state is not FolderAuditState.EQUAL
    }


def someone(world: World, account: Account) -> Any:
    """A stored message of the inbox."""
    place = world.messages.positions(account.id, inbox_of(world, account), limit=1)[0]
    return world.messages.get(account.id, place.message_id)


def calls_of(world: World) -> dict[str, int]:
    """How often each of the provider's methods was called, but for renewing tokens."""
    return dict(world.simulator.calls_made())


def listings_of(world: World) -> int:
    """How often ids were listed, by the method that the provider has for it."""
    made = calls_of(world)
    return made["messages.list"] if "messages.list" in made else made["messages.delta"]


# ── Nothing is wrong ─────────────────────────────────────────────────────────────────────────


def test_a_complete_copy_is_found_equal(world: World, account: Account) -> None:
    """Every folder and all mail, with both counts, and not a single id was listed."""
    # Given
    before = calls_of(world)
    # When
    report = audited(world, account)
    # Then
    assert found(report) == {}
    everything = report.folders[ALL_MAIL]
    assert everything.provider_count == everything.stored_count == len(world.stored(account.id))
    folders = {View(folder.id) for folder in world.folders.all(account.id)}
    assert report.folders.keys() == {ALL_MAIL, *folders}
    assert all(folder.drift == folder.repaired == 0 for folder in report.folders.values())
    made = calls_of(world)
    listings = {"messages.list", "messages.delta", "messages.get", "threads.get"}
    assert not {name for name in made.keys() & listings if made[name] != before.get(name, 0)}


def test_an_empty_mailbox_is_complete(world: World) -> None:
    """Zero is a count."""
    world.simulator.add_mailbox(ADDRESS)
    account = world.connect(ADDRESS)
    world.work_off()
    report = audited(world, account)
    assert found(report) == {}
    assert report.folders[ALL_MAIL].provider_count == 0


def test_drift_in_flight_is_no_drift(world: World, account: Account) -> None:
    """Mail that has arrived and is not stored yet differs once; nothing is listed for it."""
    # Given
    world.simulator.deliver(ADDRESS)
    before = calls_of(world).get("messages.list", 0)
    # When
    ask(world, account)
    world.do_next(WorkKind.BACKFILL)
    # Then: doubted, and the present is rung
    report = world.audits.get(account.id)
    assert report.phase is AuditPhase.DOUBTING
    assert found(report)[ALL_MAIL].state is FolderAuditState.DOUBTED
    # When
    world.work_off()
    # Then
    report = world.audits.get(account.id)
    assert (report.phase, found(report)) == (AuditPhase.DONE, {})
    assert calls_of(world).get("messages.list", 0) == before
    world.assert_equal(account)


# ── Something is wrong ───────────────────────────────────────────────────────────────────────


def test_a_lost_message_is_found_and_comes_back(world: World, account: Account) -> None:
    """It was taken for deleted by mistake, as 32 % of a mailbox once were (twenty#25749)."""
    # Given
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, lost.version)
    world.contents.delete(account.id, [lost.id])
    world.clock.advance(timedelta(minutes=10))
    # When
    report = audited(world, account)
    # Then
    world.assert_equal(account)
    inbox = report.folders[inbox_of(world, account)]
    assert (inbox.state, inbox.drift, inbox.repaired) == (FolderAuditState.REPAIRED, 1, 1)
    everything = report.folders[ALL_MAIL]
    assert (everything.state, everything.drift) == (FolderAuditState.REPAIRED, 1)
    assert everything.provider_count == everything.stored_count
    assert world.contents.get_many(account.id, [lost.id])


def test_a_lost_message_comes_back_from_a_later_end(world: World, account: Account) -> None:
    """The end that was noted for it bears a version that the message never had."""
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, lost.version + 1_000_000)
    world.clock.advance(timedelta(minutes=10))
    audited(world, account)
    world.assert_equal(account)


def test_a_third_of_the_mailbox_is_found(world: World, account: Account) -> None:
    """However many are missing: each is fetched, and no other."""
    # Given
    stored = list(world.stored(account.id).values())
    for message in stored[::3]:
        world.messages.remove(account.id, message.id, None)
    world.clock.advance(timedelta(minutes=10))
    # When
    report = audited(world, account)
    # Then
    world.assert_equal(account)
    assert report.folders[ALL_MAIL].drift == len(stored[::3])


def test_a_ghost_is_found_and_goes(world: World, account: Account) -> None:
    """Its deletion was missed; nothing but a 404 of its own removes it."""
    # Given
    ghost = someone(world, account)
    world.simulator.change(ADDRESS, {"op": "delete", "id": ghost.provider_id})
    world.work_off()
    world.simulator.expire_cursors()
    world.ring(account)
    world.work_off()
    world.messages.let_ends_lapse(
        account.id, [ghost.id], noted_before=world.clock.now() + timedelta(days=1)
    )
    world.messages.put([ghost])
    world.clock.advance(timedelta(minutes=10))
    # When
    report = audited(world, account)
    # Then
    world.assert_equal(account)
    assert report.folders[ALL_MAIL].drift == -1
    assert all(folder.is_settled for folder in report.folders.values())


def test_a_message_in_the_wrong_folder_is_put_right(world: World, account: Account) -> None:
    """All mail is complete and two folders are not."""
    # Given
    stray, trash = someone(world, account), world.folder(account.id, FolderRole.TRASH)
    world.messages.put([replace(stray, folders=(trash,), unread=False, starred=False)])
    # When
    report = audited(world, account)
    # Then
    world.assert_equal(account)
    drift = {view: folder.drift for view, folder in found(report).items()}
    assert (drift[inbox_of(world, account)], drift[View(trash)]) == (1, -1)
    assert report.folders[ALL_MAIL].drift == 0
    assert all(folder.is_settled for folder in report.folders.values())


@MICROSOFT_ALONE
def test_a_ghost_in_no_folder_is_found(world: World, account: Account) -> None:
    """Every folder is complete, and yet there is one message too many."""
    ghost = replace(
        someone(world, account),
        id=message_id(account.id, ProviderMessageId("AAMkGhost=")),
        provider_id=ProviderMessageId("AAMkGhost="),
        folders=(),
        unread=False,
        starred=False,
    )
    world.messages.put([ghost])
    report = audited(world, account)
    world.assert_equal(account)
    assert found(report).keys() == {ALL_MAIL}
    assert report.folders[ALL_MAIL].drift == -1


@GOOGLE_ALONE
def test_an_archived_message_that_is_lost_is_found(world: World, account: Account) -> None:
    """It has no label; only the count of the whole mailbox tells."""
    message = someone(world, account)
    labels = set(message.folders)
    world.simulator.owner_call(
        ADDRESS,
        method="POST",
        path=f"/gmail/v1/users/me/messages/{message.provider_id}/modify",
        body={"removeLabelIds": sorted(labels)},
    )
    world.ring(account)
    world.work_off()
    world.messages.remove(account.id, message.id, None)
    world.clock.advance(timedelta(minutes=10))
    report = audited(world, account)
    world.assert_equal(account)
    assert found(report).keys() == {ALL_MAIL}


def test_a_message_that_its_list_lacks_is_listed_again(world: World, account: Account) -> None:
    """A crash may leave a message without its place; readers of the list never saw it."""
    # Given
    hidden, inbox = someone(world, account), inbox_of(world, account)
    places = world.messages._views[account.id, inbox]  # type: ignore[attr-defined]
    places.remove((hidden.received_at, hidden.id))
    # When
    report = audited(world, account)
    # Then
    assert report.folders[inbox].state is FolderAuditState.REPAIRED
    assert world.messages.count(account.id, inbox) == report.folders[inbox].provider_count


def test_a_folder_of_many_pages_is_compared_to_its_end(world: World, account: Account) -> None:
    """The last page is as good as the first; each is a checkpoint."""
    # Given
    inbox = inbox_of(world, account)
    oldest = world.messages.positions(account.id, inbox, limit=1000)[-1]
    world.messages.remove(account.id, oldest.message_id, None)
    world.simulator.control("POST", "settings", json={"page_size": 2})
    world.clock.advance(timedelta(minutes=10))
    # When
    report = audited(world, account)
    # Then
    world.assert_equal(account)
    assert report.folders[inbox].repaired == 1


def test_what_the_provider_counts_and_does_not_list_is_no_drift(
    world: World, account: Account
) -> None:
    """Its number may hold what is no mail. The ids are listed once, and not the next night."""
    # Given a count that is two higher than the list
    original = world.providers

    # When
    inbox = inbox_of(world, account)
    world.providers = counting_more(original, inbox, by=2)
    first = audited(world, account)
    world.clock.advance(timedelta(minutes=10))
    listed, second = listings_of(world), audited(world, account)
    # Then
    assert first.folders[inbox].uncounted == 2
    assert first.folders[inbox].repaired == 0
    assert found(second) == {}
    assert listings_of(world) - listed <= 1 + len(world.folders.all(account.id))  # the present's
    world.assert_equal(account)


def test_what_is_no_mail_is_learned_in_a_busy_mailbox(world: World, account: Account) -> None:
    """Counts changed whenever ids were listed: they were listed again every night, for ever."""
    # Given a count that is two higher than the list, and mail that comes while ids are listed
    inbox = inbox_of(world, account)
    world.providers = counting_more(world.providers, inbox, by=2)
    meanwhile_comparing(world, account, do=lambda: world.simulator.deliver(ADDRESS))
    # When
    first = audited(world, account)
    world.clock.advance(timedelta(minutes=10))
    listed, second = listings_of(world), audited(world, account)
    # Then
    assert (first.folders[inbox].uncounted, first.folders[inbox].drift) == (2, 2)
    assert found(second) == {}
    assert listings_of(world) - listed <= 1 + len(world.folders.all(account.id))  # the present's
    world.assert_equal(account)


def test_what_a_list_lacked_once_is_not_lost_for_ever(world: World, account: Account) -> None:
    """A lost message that a lagging index lacked was taken for no mail, and never looked for."""
    # Given
    lost, whole = someone(world, account), world.providers
    world.messages.remove(account.id, lost.id, None)
    world.clock.advance(timedelta(minutes=10))
    world.providers = listing_without(whole, lost.provider_id)
    report = audited(world, account)
    assert report.folders[inbox_of(world, account)].uncounted == 1
    # When the list is whole again
    world.providers = whole
    for _ in range(NIGHTS_PER_ROUND):
        world.clock.advance(timedelta(days=1))
        report = audited(world, account)
    # Then
    world.assert_equal(account)
    assert {folder.uncounted for folder in report.folders.values()} == {0}


def test_what_is_no_mail_is_listed_for_once_a_week_and_is_no_alarm(
    world: World, account: Account
) -> None:
    """Looking for what a list may have lacked costs one night of seven, and wakes nobody."""
    # Given
    inbox = inbox_of(world, account)
    world.providers = counting_more(world.providers, inbox, by=2)
    audited(world, account)
    counted_metrics()
    # When
    listed_on = []
    for night in range(2 * NIGHTS_PER_ROUND):
        world.clock.advance(timedelta(days=1))
        looked = audited(world, account).folders[inbox]
        if looked.state is not FolderAuditState.EQUAL:
            listed_on.append(night)
        assert (looked.uncounted, looked.is_settled) == (2, True)
    # Then
    assert len(listed_on) == 2
    assert "MailDrift" not in counted_metrics()


# ── Changes, deaths and refusals meanwhile ───────────────────────────────────────────────────


def test_mail_that_moves_while_ids_are_listed_is_neither_lost_nor_doubled(
    world: World, account: Account
) -> None:
    """New mail, a deletion and a move, each between two pages of the list."""
    # Given
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, None)
    world.simulator.control("POST", "settings", json={"page_size": 3})
    world.clock.advance(timedelta(minutes=10))
    others = [each for each in world.stored(account.id).values() if each.id != lost.id]
    moves = [
        {"op": "delete", "id": others[0].provider_id},
        {"op": "trash", "id": others[1].provider_id},
        {"op": "delete", "id": lost.provider_id},
    ]

    def disturb() -> None:
        if moves:
            world.simulator.deliver(ADDRESS)
            world.simulator.change(ADDRESS, moves.pop())

    meanwhile_comparing(world, account, do=disturb)
    # When
    audited(world, account)
    # Then
    world.ring(account)
    world.work_off()
    world.assert_equal(account)


def meanwhile_comparing(world: World, account: Account, *, do: Callable[[], object]) -> None:
    """Let something happen between any two pages of a comparison."""
    original = world.audits

    def save_folder(*args: Any, **named: Any) -> None:
        if original.get(account.id).phase is AuditPhase.COMPARING:
            do()
        original.save_folder(*args, **named)

    world.audits = cast("AuditStore", Overridden(original, save_folder=save_folder))


class Overridden:
    """A store of which one call is another one."""

    def __init__(self, store: Any, **calls: Any) -> None:
        self._store = store
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.get(name) or getattr(self._store, name)


@pytest.mark.parametrize("deadly", range(1, 40, 5))
def test_a_killed_audit_is_gone_on_with(world: World, account: Account, deadly: int) -> None:
    """Whatever it was about to write: the next worker repairs the same."""
    # Given
    lost, ghost_of = someone(world, account), list(world.stored(account.id).values())[-1]
    world.messages.remove(account.id, lost.id, None)
    trash = world.folder(account.id, FolderRole.TRASH)
    world.messages.put([replace(ghost_of, folders=(trash,))])
    world.simulator.control("POST", "settings", json={"page_size": 5})
    world.clock.advance(timedelta(minutes=10))
    audits, pending, listed, states = (
        world.audits,
        world.pending,
        world.listed,
        world.sync_states,
    )
    death = WritesUntilDeath(deadly)
    world.audits = death.of(audits, "save", "save_folder")
    world.pending = death.of(pending, "put", "settle")
    world.listed = death.of(listed, "mark")
    world.sync_states = death.of(states, "ring")
    # When
    ask(world, account)
    for _ in range(200):
        work = world.work.take()
        if work is None:
            break
        world.clock.advance(work.delay)
        try:
            world.do(work)
        except Death:
            world.clock.advance(LEASE_LIFETIME * 2)
            world.work.waiting.append(work)  # delivered again
    # Then
    report = audits.get(account.id)
    assert report.phase is AuditPhase.DONE
    world.sync_states, world.pending = states, pending
    world.ring(account)
    world.work_off()
    world.assert_equal(account)


def test_a_worker_that_was_away_too_long_saves_nothing(world: World, account: Account) -> None:
    """Another has taken over; the late one stops at its next sign of life."""
    # Given
    ask(world, account)
    late = world.audits

    def go_away() -> None:
        world.audits = late
        world.clock.advance(LEASE_LIFETIME * 2)
        world.work.backfill(account.id)
        world.work_off()

    world.audits = interrupted(late, before="save_folder", by=go_away)
    # When
    world.do_next(WorkKind.BACKFILL)
    # Then
    assert late.get(account.id).phase is AuditPhase.DONE
    assert found(late.get(account.id)) == {}


def test_a_throttled_audit_goes_on_later(world: World, account: Account) -> None:
    """The provider wants a pause in the middle of a listing; the checkpoint stands."""
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, None)
    world.clock.advance(timedelta(minutes=10))
    world.simulator.fail_calls("listing", status=429, headers={"Retry-After": "60"}, times=1)
    audited(world, account)
    world.assert_equal(account)


def test_a_folder_that_goes_meanwhile_is_forgotten(world: World, account: Account) -> None:
    """Its audit ends with it, whatever it had found."""
    # Given a folder that is doubted
    with world.mailboxes.open(account) as mailbox:
        made = mailbox.create_folder("Soon gone", None)
    world.sync_states.ring(account.id, folders_changed=True)
    world.ring(account)
    world.work_off()
    stray = someone(world, account)
    world.messages.put([replace(stray, folders=(*stray.folders, made.id))])
    ask(world, account)
    world.do_next(WorkKind.BACKFILL)
    assert found(world.audits.get(account.id)).keys() == {View(made.id)}
    # When
    with world.mailboxes.open(account) as mailbox:
        mailbox.delete_folder(made)
    world.sync_states.ring(account.id, folders_changed=True)
    world.work_off()
    # Then
    report = audited(world, account)
    if made.id not in {folder.id for folder in world.folders.all(account.id)}:
        assert View(made.id) not in report.folders
    assert all(folder.is_settled for folder in report.folders.values())


def test_a_huge_folder_takes_several_steps(world: World, account: Account) -> None:
    """None outlasts a worker's time; each goes on behind the last checkpoint."""
    # Given a provider that takes twenty seconds for a page of two
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, None)
    world.simulator.control("POST", "settings", json={"page_size": 2})
    world.clock.advance(timedelta(minutes=10))
    original = world.audits
    meanwhile_comparing(world, account, do=lambda: world.clock.advance(timedelta(seconds=20)))
    # When
    ask(world, account)
    comparing = 0
    while work := world.work.take():
        world.clock.advance(work.delay)
        began_at = world.clock.now()
        comparing += original.get(account.id).phase is AuditPhase.COMPARING
        world.do(work)
        assert world.clock.now() - began_at <= STEP_LIMIT + timedelta(seconds=20)
    # Then
    assert comparing > 3
    assert original.get(account.id).folders[ALL_MAIL].state is FolderAuditState.REPAIRED
    world.assert_equal(account)


@GOOGLE_ALONE
@pytest.mark.parametrize("mail_that_comes_meanwhile", [0, 1])
def test_a_present_that_never_comes_does_not_stop_an_audit(
    world: World, account: Account, mail_that_comes_meanwhile: int
) -> None:
    """It looks again after an hour, says that the folder drifts, and repairs it the next time."""

    # Given
    def deliver() -> None:
        for _ in range(mail_that_comes_meanwhile):
            world.simulator.deliver(ADDRESS)

    meanwhile_comparing(world, account, do=deliver)
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, None)
    world.clock.advance(timedelta(minutes=10))
    world.simulator.fail_calls("changes", status=503)
    # When
    ask(world, account)
    world.work_off(limit=500)
    # Then
    report = world.audits.get(account.id)
    assert report.phase is AuditPhase.DONE
    assert report.folders[ALL_MAIL].state is FolderAuditState.DRIFTING
    assert report.folders[ALL_MAIL].uncounted == 0
    # When
    world.simulator.control("DELETE", "faults")
    world.clock.advance(timedelta(hours=1))
    world.ring(account)
    world.work_off()
    # Then
    assert all(folder.is_settled for folder in audited(world, account).folders.values())
    world.assert_equal(account)


def test_drift_raises_a_metric(world: World, account: Account) -> None:
    """The operator is told of it, and not of a mailbox without any."""
    counted_metrics()  # those of other tests
    audited(world, account)
    assert "MailDrift" not in counted_metrics()
    lost = someone(world, account)
    world.messages.remove(account.id, lost.id, None)
    world.clock.advance(timedelta(minutes=10))
    audited(world, account)
    assert counted_metrics()["MailDrift"] >= 2  # in the inbox, and in all mail


def counted_metrics() -> dict[str, float]:
    """Take what has been counted since this was last asked, by metric."""
    found = {name: sum(metric["Value"]) for name, metric in metrics.provider.metric_set.items()}
    metrics.provider.clear_metrics()
    return found


# ── Who is audited, and when ─────────────────────────────────────────────────────────────────


def test_a_mailbox_that_is_being_read_cannot_be_audited(world: World) -> None:
    """There is nothing to compare yet; the answer says so."""
    world.simulator.add_mailbox(ADDRESS, seed=1, messages=5)
    account = world.connect(ADDRESS)
    with pytest.raises(Conflict, match="is being read"):
        ask(world, account)
    world.work_off()
    ask(world, account)


def test_an_account_that_waits_for_its_owner_is_not_audited(world: World, account: Account) -> None:
    """Nobody may look into the mailbox."""
    waiting = replace(account, status=AccountStatus.REAUTH_REQUIRED)
    world.accounts.replace(waiting, expected=account)
    with pytest.raises(Conflict):
        ask(world, waiting)


def live_until(world: World, until: datetime) -> None:
    """Let the sweep and the workers do what is due, half an hour at a time."""
    while world.clock.now() < until:
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        world.work_off()
        world.clock.advance(timedelta(minutes=30))


def test_every_night_has_its_audit(world: World, account: Account) -> None:
    """All mail each night, every folder within a week, and drift is repaired without anybody."""
    # Given
    midnight = datetime.combine(world.clock.now().date(), datetime.min.time(), tzinfo=UTC)
    lost = someone(world, account)
    # When
    live_until(world, midnight + timedelta(days=1))
    world.messages.remove(account.id, lost.id, None)
    live_until(world, midnight + timedelta(days=1, hours=7))
    # Then
    report = world.audits.get(account.id)
    assert report.began_at is not None
    assert midnight + timedelta(days=1) <= report.began_at
    assert report.began_at < midnight + timedelta(days=1, hours=6, minutes=31)
    assert report.folders[ALL_MAIL].state is FolderAuditState.REPAIRED
    world.assert_equal(account)
    # When
    live_until(world, midnight + timedelta(days=8, hours=7))
    # Then
    report = world.audits.get(account.id)
    assert report.folders.keys() == {
        ALL_MAIL,
        *(View(folder.id) for folder in world.folders.all(account.id)),
    }
    looked_at = [folder.looked_at for folder in report.folders.values()]
    assert world.clock.now() - min(looked_at) < timedelta(days=7, hours=8)
    assert 3 < len({looked.date() for looked in looked_at}) <= 7
    assert found(report) == {}


def test_a_night_is_audited_once(world: World, account: Account) -> None:
    """However often the account is synced in it."""
    live_until(world, world.clock.now() + timedelta(days=2))
    first = world.audits.get(account.id).began_at
    live_until(world, world.clock.now() + timedelta(hours=6))
    assert first is not None
    second = world.audits.get(account.id).began_at
    assert second is not None
    assert second - first in (timedelta(), second.date() - first.date())


def test_an_account_takes_its_audits_with_it(world: World, account: Account) -> None:
    """Nothing of it is left."""
    audited(world, account)
    disconnect_account(account=account, tools=world.tools)
    world.work_off()
    assert world.audits.get(account.id) == AuditReport(account_id=account.id)


def counting_more(providers: Any, view: View, *, by: int) -> Any:
    """Let a folder's count, and with it that of the mailbox, hold what is no mail."""

    def totals_of(mailbox: Any) -> Any:
        totals = mailbox.totals()
        folders = tuple(
            replace(folder, total_count=folder.total_count + by) if folder.id == view else folder
            for folder in totals.folders
        )
        return replace(totals, folders=folders, messages=totals.messages + by)

    return with_mailboxes(
        providers, lambda mailbox: Overridden(mailbox, totals=lambda: totals_of(mailbox))
    )


def listing_without(providers: Any, lacking: ProviderMessageId) -> Any:
    """Let a message be counted and not listed, as an index does that lags behind."""

    def lagging(mailbox: Any) -> Any:
        def listed_ids(*args: Any) -> Any:
            page = mailbox.listed_ids(*args)
            refs = tuple(ref for ref in page.refs if ref.provider_id != lacking)
            return replace(page, refs=refs)

        return Overridden(mailbox, listed_ids=listed_ids)

    return with_mailboxes(providers, lagging)


def with_mailboxes(providers: Any, change: Callable[[Any], Any]) -> Any:
    """Let all mailboxes be others."""

    def provider_of(*named: Any) -> Any:
        provider = providers.get(*named)
        return Overridden(provider, mailbox=lambda *args: change(provider.mailbox(*args)))

    return Overridden(providers, get=provider_of)
