"""Threads as readers get them, against what the provider has."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import NotFound
from postroom.domain.folder import FolderRole
from postroom.domain.ids import MessageId, ThreadId
from postroom.domain.message import MessageContent
from postroom.domain.thread import (
    LARGEST_THREAD,
    PersonRole,
    ShownThread,
    Thread,
    ThreadFilter,
    ThreadPage,
    ThreadPlace,
    ThreadSearchPlace,
)
from postroom.usecases.list_threads import list_threads, read_thread
from postroom.usecases.search_threads import search_threads
from tests.fakes import InMemoryMessageStore, InMemoryThreadStore
from tests.owners import owner_of
from tests.world import World, make_mail

DAY = timedelta(days=1)
ADDRESS = "rosa@mail.example"
ANA = "Ana Lima <ana@elsewhere.example>"
BEN = "Ben Okri <ben@elsewhere.example>"

PEOPLE = {
    ADDRESS: {"from", "to"},
    "ana@elsewhere.example": {"from", "to"},
    "ben@elsewhere.example": {"from", "cc"},
}


class Talk:
    """A conversation in the provider's mailbox, mail by mail; a minute lies between any two."""

    def __init__(self, world: World, subject: str) -> None:
        self._world = world
        self._subject = subject
        self.ids: list[str] = []

    def say(self, sender: str, *, to: str = ADDRESS, cc: str = "", **how: Any) -> str:
        """Add a mail; answers the provider's id."""
        headers = {"Message_ID": f"<{self._subject}.{len(self.ids)}@elsewhere.example>"}
        subject = self._subject
        if self.ids:
            first = f"<{self._subject}.0@elsewhere.example>"
            headers |= {"In_Reply_To": first, "References": first}
            subject = f"Re: {subject}"
        if cc:
            headers["Cc"] = cc
        mail = make_mail(to=to, sender=sender, subject=subject, **headers)
        self._world.clock.advance(timedelta(minutes=1))
        self.ids.append(self._world.simulator.deliver(ADDRESS, mail, **how))
        return self.ids[-1]


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox, empty as yet."""
    world.simulator.add_mailbox(ADDRESS)
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


@pytest.fixture
def talk(world: World, account: Account) -> Talk:
    """Ana asks, Rosa answers elsewhere, Ben adds to it."""
    made = Talk(world, "Lunch")
    made.say(ANA)
    made.say(ADDRESS, to=ANA, cc=BEN, folder="sent", unread=False)
    made.say(BEN)
    synced(world, account)
    return made


def synced(world: World, account: Account) -> None:
    """Serve a doorbell, later than anything that has happened."""
    world.clock.advance(timedelta(minutes=2))
    world.ring(account)
    world.work_off()
    world.assert_equal(account)


def page_of(
    world: World,
    account: Account,
    *,
    limit: int = 20,
    after: ThreadPlace | None = None,
    with_content: bool = False,
    **wanted: Any,
) -> ThreadPage[ThreadPlace]:
    """One page of threads."""
    return list_threads(
        account_id=account.id,
        wanted=ThreadFilter(**wanted),
        limit=limit,
        after=after,
        with_content=with_content,
        messages=world.messages,
        threads=world.threads,
        contents=world.contents,
    )


def listed(world: World, account: Account, **wanted: Any) -> list[Thread]:
    """The threads of a list, of all its pages, two by two."""
    found: list[Thread] = []
    after: ThreadPlace | None = None
    while True:
        page = page_of(world, account, limit=2, after=after, **wanted)
        found += [shown.thread for shown in page.threads]
        after = page.next_place
        if after is None:
            return found


def subjects(threads: Sequence[Thread]) -> list[str]:
    """What the threads are about."""
    return [thread.subject for thread in threads]


def read(world: World, account: Account, thread_id: ThreadId) -> ShownThread:
    """One thread."""
    return read_thread(
        account_id=account.id,
        thread_id=thread_id,
        messages=world.messages,
        threads=world.threads,
        contents=world.contents,
    )


def lunch(world: World, account: Account) -> Thread:
    """The thread of the talk."""
    (found,) = [each for each in listed(world, account) if each.subject == "Lunch"]
    return found


def people_of(world: World, messages: Sequence[Any]) -> dict[tuple[str, str], set[PersonRole]]:
    """Who stands where in the mails themselves, each with the newest name that they have."""
    owner = owner_of(ADDRESS, world.simulator)
    names: dict[str, str] = {}
    roles: dict[str, set[PersonRole]] = {}
    for each in sorted(messages, key=lambda each: each["received_at"], reverse=True):
        mail = message_from_bytes(owner.mime(each["id"]))
        for role in PersonRole:
            for name, address in getaddresses(mail.get_all(role, [])):
                email = address.casefold()
                names[email] = names.get(email) or name
                roles.setdefault(email, set()).add(role)
    return {(email, names[email]): roles[email] for email in roles}


def assert_true(world: World, account: Account) -> None:
    """Every thread says what the provider has of it."""
    truth: dict[str, list[dict[str, Any]]] = {}
    for each in world.simulator.messages(ADDRESS).values():
        truth.setdefault(each["thread_id"], []).append(each)
    ours = {folder.provider_id: folder.id for folder in world.folders.all(account.id)}
    stored = world.stored(account.id)
    threads = {thread.id: thread for thread in listed(world, account)}
    assert len(threads) == len(truth)
    for messages in truth.values():
        thread = threads[stored[messages[0]["id"]].thread_id]
        drafts = [each for each in messages if each["draft"]]
        ids = {stored[each["id"]].id for each in messages if not each["draft"]}
        times = [each["received_at"] for each in messages]
        assert set(thread.message_ids) == ids
        assert len(thread.draft_ids) == len(drafts)
        assert thread.has_drafts == bool(drafts)
        assert thread.unread == any(each["unread"] for each in messages)
        assert thread.starred == any(each["starred"] for each in messages)
        assert thread.has_attachments == any(each["attachments"] for each in messages)
        assert set(thread.folders) == {
            ours[folder] for each in messages for folder in each["folders"]
        }
        newest = {stored[each["id"]].id for each in messages if each["received_at"] == max(times)}
        assert thread.latest.message_id in newest
        time_of = {stored[each["id"]].id: each["received_at"] for each in messages}
        told = [time_of[each] for each in thread.message_ids]
        assert told == sorted(told, reverse=True)
        people = {
            (each.email.casefold(), each.name): set(each.roles) for each in thread.participants
        }
        assert people == people_of(world, messages)


def test_a_thread_is_the_provider_s(world: World, account: Account, talk: Talk) -> None:
    """Its people, times, newest message and counts, with both directions of a talk."""
    thread = lunch(world, account)
    found = {person.email: set(person.roles) for person in thread.participants}
    assert found == PEOPLE
    mail = [world.message(account.id, each) for each in talk.ids]
    assert list(thread.message_ids) == [each.id for each in reversed(mail)]
    assert thread.earliest_at == mail[0].received_at
    assert thread.latest_sent_at([ADDRESS]) == mail[1].received_at
    assert thread.latest_received_at([ADDRESS]) == mail[2].received_at
    shown = read(world, account, thread.id)
    assert shown.thread == thread
    assert shown.latest.message == mail[2]
    assert "How are you?" in shown.latest.content.text + shown.latest.content.html
    assert_true(world, account)


def test_mail_of_one_subject_is_not_one_thread(world: World, account: Account) -> None:
    """Everybody's 'Invoice' was shown as one conversation: a subject says nothing."""
    for sender in ("a@shop.example", "b@bank.example"):
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, sender=sender, subject="Invoice"))
    synced(world, account)
    assert subjects(listed(world, account)) == ["Invoice", "Invoice"]
    assert_true(world, account)


def _replied(_world: World, talk: Talk) -> None:
    talk.say(ANA)


def _drafted(_world: World, talk: Talk) -> None:
    talk.say(ADDRESS, to=ANA, folder="drafts", unread=False)


def _filed(world: World, talk: Talk) -> None:
    folder = owner_of(ADDRESS, world.simulator).create_folder("Work")
    world.simulator.change(ADDRESS, {"op": "move", "id": talk.ids[0], "folder": folder})


def _sent_a_file(world: World, talk: Talk) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ANA, ADDRESS, "Re: Lunch"
    mail["In-Reply-To"] = mail["References"] = "<Lunch.0@elsewhere.example>"
    mail.set_content("The menu.")
    mail.add_attachment(b"%PDF-1.7", "application", "pdf", filename="menu.pdf")
    world.clock.advance(timedelta(minutes=1))
    talk.ids.append(world.simulator.deliver(ADDRESS, mail.as_bytes()))


def _sent_the_draft(world: World, talk: Talk) -> None:
    draft = talk.say(ADDRESS, to=ANA, folder="drafts", unread=False)
    owner_of(ADDRESS, world.simulator).send_draft(draft)


def _op(name: str, which: int, **more: str) -> Callable[[World, Talk], None]:
    def change(world: World, talk: Talk) -> None:
        world.simulator.change(ADDRESS, {"op": name, "id": talk.ids[which], **more})

    change.__name__ = f"{name}_{which}"
    return change


CHANGES = [
    _replied,
    _drafted,
    _sent_the_draft,
    _sent_a_file,
    _filed,
    _op("read", 0),
    _op("read", 2),
    _op("unread", 1),
    _op("star", 0),
    _op("star", 2),
    _op("trash", 0),
    _op("trash", 2),
    _op("delete", 0),
    _op("delete", 2),
    _op("move", 2, folder="archive"),
    _op("move", 0, folder="spam"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_what_an_owner_does_elsewhere_is_in_the_thread(
    world: World, account: Account, talk: Talk, change: Callable[[World, Talk], None]
) -> None:
    """Once its doorbell has been served, and again when it was undone or went on."""
    change(world, talk)
    synced(world, account)
    assert_true(world, account)
    talk.say(BEN)
    world.simulator.change(ADDRESS, {"op": "read", "id": talk.ids[-1]})
    synced(world, account)
    assert_true(world, account)


def test_a_thread_ends_with_its_last_message(world: World, account: Account, talk: Talk) -> None:
    """It is neither listed nor found then."""
    thread = lunch(world, account)
    world.simulator.change(ADDRESS, *({"op": "delete", "id": each} for each in talk.ids))
    synced(world, account)
    assert listed(world, account) == []
    with pytest.raises(NotFound):
        read(world, account, thread.id)


def test_a_thread_without_a_row_is_what_its_messages_say(
    world: World, account: Account, talk: Talk
) -> None:
    """Its messages were listed before the row was written: reading it was a 404 until then."""
    thread, written = lunch(world, account), world.threads
    shown = read(world, account, thread.id)
    world.threads = InMemoryThreadStore(InMemoryMessageStore())
    assert read(world, account, thread.id) == shown
    assert shown.latest.message.provider_id == talk.ids[-1]
    with pytest.raises(NotFound):
        read(world, account, ThreadId("nowhere"))

    first = world.message(account.id, talk.ids[0])
    more = [
        replace(first, id=MessageId(f"m{number}"), received_at=first.received_at - number * DAY)
        for number in range(1, LARGEST_THREAD)
    ]
    world.messages.put(more)
    told = read(world, account, thread.id)
    assert len(told.thread.message_ids) == LARGEST_THREAD
    world.threads = written
    assert told == read(world, account, thread.id)


def test_threads_come_by_their_newest_message(world: World, account: Account) -> None:
    """One that is answered comes to the front; each stands once, whatever the size of a page."""
    talks = [Talk(world, name) for name in ("One", "Two", "Three", "Four", "Five")]
    for talk in talks:
        talk.say(ANA)
    talks[1].say(BEN)
    talks[1].say(ANA)
    synced(world, account)
    expected = ["Two", "Five", "Four", "Three", "One"]
    assert subjects(listed(world, account)) == expected
    for limit in (1, 3, 5, 6):
        page = page_of(world, account, limit=limit)
        assert subjects([each.thread for each in page.threads]) == expected[:limit]
        assert (page.next_place is None) == (limit >= 5)


def test_pages_are_stable_while_mail_arrives(world: World, account: Account) -> None:
    """A reply moved its thread to the front, past a reader who had just turned the page there.

    Neither does it come twice when it was on the first page.
    """
    talks = {name: Talk(world, name) for name in ("One", "Two", "Three", "Four")}
    for talk in talks.values():
        talk.say(ANA)
        talk.say(BEN)
    synced(world, account)
    first = page_of(world, account, limit=2)
    assert subjects([each.thread for each in first.threads]) == ["Four", "Three"]

    for name in ("Three", "One"):
        talks[name].say(ANA)
        talks[name].say(BEN)
    Talk(world, "Five").say(ANA)
    synced(world, account)

    second = page_of(world, account, limit=2, after=first.next_place)
    assert subjects([each.thread for each in second.threads]) == ["Two", "One"]
    assert second.next_place is None
    assert [len(each.thread.message_ids) for each in second.threads] == [2, 4]
    assert subjects(listed(world, account)) == ["Five", "One", "Three", "Four", "Two"]


def test_pages_are_stable_while_mail_goes(world: World, account: Account) -> None:
    """A thread whose newest message is deleted steps back, and is not lost by that."""
    talks = {name: Talk(world, name) for name in ("One", "Two", "Three")}
    for talk in talks.values():
        talk.say(ANA)
    talks["One"].say(BEN)
    synced(world, account)
    first = page_of(world, account, limit=1)
    assert subjects([each.thread for each in first.threads]) == ["One"]
    newest = world.message(account.id, talks["Three"].ids[0])
    world.simulator.change(ADDRESS, {"op": "delete", "id": newest.provider_id})
    synced(world, account)
    second = page_of(world, account, limit=2, after=first.next_place)
    assert subjects([each.thread for each in second.threads]) == ["Two"]


def test_filters_are_asked_of_threads(world: World, account: Account, talk: Talk) -> None:
    """Each of them finds the talk, and leaves out what it does not fit."""
    other = Talk(world, "Dinner")
    other.say("Cleo <cleo@elsewhere.example>", cc="dan@elsewhere.example")
    world.simulator.change(
        ADDRESS,
        {"op": "star", "id": talk.ids[0]},
        {"op": "read", "id": other.ids[0]},
    )
    synced(world, account)
    thread = lunch(world, account)
    dinner = world.message(account.id, other.ids[0])
    inbox, sent = (world.folder(account.id, role) for role in (FolderRole.INBOX, FolderRole.SENT))
    one = frozenset
    for wanted, expected in (
        ({}, ["Dinner", "Lunch"]),
        ({"folders": (inbox,)}, ["Dinner", "Lunch"]),
        ({"folders": (sent,)}, ["Lunch"]),
        ({"folders": (inbox, sent)}, ["Lunch"]),
        ({"unread": True}, ["Lunch"]),
        ({"unread": False}, ["Dinner"]),
        ({"starred": True}, ["Lunch"]),
        ({"starred": True, "unread": True, "folders": (sent,)}, ["Lunch"]),
        ({"starred": False}, ["Dinner"]),
        ({"has_attachment": True}, []),
        ({"thread_id": thread.id}, ["Lunch"]),
        ({"thread_id": thread.id, "starred": False}, []),
        ({"thread_id": ThreadId("none")}, []),
        ({"subject": "inn"}, ["Dinner"]),
        ({"from_": one({"ben@elsewhere.example"})}, ["Lunch"]),
        ({"to": one({"ana@elsewhere.example"})}, ["Lunch"]),
        ({"cc": one({"dan@elsewhere.example"})}, ["Dinner"]),
        ({"bcc": one({"dan@elsewhere.example"})}, []),
        ({"any_email": one({"cleo@elsewhere.example", "ben@elsewhere.example"})},
         ["Dinner", "Lunch"]),
        ({"earliest_from": dinner.received_at}, ["Dinner"]),
        ({"latest_before": dinner.received_at}, ["Lunch"]),
        ({"latest_after": thread.latest.received_at}, ["Dinner"]),
        ({"latest_after": thread.earliest_at, "folders": (sent,)}, ["Lunch"]),
    ):  # fmt: skip
        assert subjects(listed(world, account, **wanted)) == expected, wanted


def test_a_thread_stands_once_in_each_list(world: World, account: Account, talk: Talk) -> None:
    """Also where several of its messages stand in it."""
    talk.say(ANA)
    talk.say(BEN)
    world.simulator.change(ADDRESS, *({"op": "star", "id": each} for each in talk.ids))
    synced(world, account)
    inbox = world.folder(account.id, FolderRole.INBOX)
    for wanted in ({}, {"folders": (inbox,)}, {"unread": True}, {"starred": True}):
        assert subjects(listed(world, account, **wanted)) == ["Lunch"], wanted


def test_bodies_are_read_only_when_they_are_wanted(
    world: World, account: Account, talk: Talk
) -> None:
    """The newest message comes with its body, or without."""
    (shown,) = page_of(world, account, with_content=True).threads
    assert shown.latest.message.provider_id == talk.ids[-1]
    assert "How are you?" in shown.latest.content.text + shown.latest.content.html
    (shown,) = page_of(world, account).threads
    assert shown.latest.content == MessageContent()


def test_a_rare_match_is_left_to_the_next_page(world: World, account: Account) -> None:
    """What thousands of messages hide is found by whoever goes on with the cursor."""
    talk = Talk(world, "Needle")
    talk.say(ANA)
    world.simulator.control("POST", f"mailboxes/{ADDRESS}/fill", json={"messages": 60, "seed": 3})
    synced(world, account)
    assert subjects(listed(world, account, subject="needle")) == ["Needle"]


# ── The provider's own search ────────────────────────────────────────────────────────────────


def searched(
    world: World, account: Account, query: str, *, limit: int = 2, **wanted: Any
) -> list[list[str]]:
    """The subjects of the threads that a search finds, page by page."""
    found: list[list[str]] = []
    after: ThreadSearchPlace | None = None
    while True:
        page = search_threads(
            account=account,
            query=query,
            wanted=ThreadFilter(**wanted),
            limit=limit,
            after=after,
            with_content=False,
            mailboxes=world.mailboxes,
            stores=world.stores,
            threads=world.threads,
            clock=world.clock,
        )
        found.append(subjects([shown.thread for shown in page.threads]))
        if page.next_place is None:
            return found
        after = page.next_place


def test_a_search_shows_each_thread_once(world: World, account: Account) -> None:
    """Where the first of its messages is found, on whatever page; filters narrow it."""
    talks = {name: Talk(world, f"Plan-{name}") for name in ("A", "B", "C")}
    for _ in range(3):
        for talk in talks.values():
            talk.say(ANA)
    Talk(world, "Else").say(ANA)
    world.simulator.change(ADDRESS, {"op": "star", "id": talks["B"].ids[0]})
    synced(world, account)
    pages = searched(world, account, "subject:plan")
    assert [each for page in pages for each in page] == ["Plan-C", "Plan-B", "Plan-A"]
    assert all(len(page) <= 2 for page in pages)
    assert searched(world, account, "subject:plan", starred=True, limit=5) == [["Plan-B"]]
    assert searched(world, account, "subject:nothing") == [[]]
