"""What a thread's messages say together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.ids import FolderId, ProviderDraftId
from postroom.domain.message import (
    ALL_MAIL,
    DRAFTS,
    STARRED,
    UNREAD,
    Address,
    Message,
    MessageFilter,
    View,
)
from postroom.domain.thread import PersonRole, Thread, ThreadFilter, summarise
from tests.builders import NOW, make_attachment, make_message

ADA = Address(email="ada@example.com", name="Ada Lovelace")
CHARLES = Address(email="charles@example.org", name="Charles Babbage")


def question() -> Message:
    """The first of them: Charles asks Ada."""
    return make_message(number=1, provider_thread_id="t", subject="The engine", snippet="Question")


def answer(**changes: object) -> Message:
    """Ada's answer."""
    made = make_message(
        number=2,
        provider_thread_id="t",
        subject="Re: The engine",
        snippet="Answer",
        from_=(Address(email="Ada@Example.com"),),
        to=(CHARLES,),
        cc=(Address(email="mary@example.net"),),
        folders=(FolderId("SENT"),),
        unread=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def draft(**changes: object) -> Message:
    """What Ada adds and has not sent yet."""
    made = make_message(
        number=3,
        provider_thread_id="t",
        subject="Re: The engine",
        snippet="Not finished",
        from_=(ADA,),
        to=(Address(email="new@example.net"),),
        folders=(FolderId("DRAFT"),),
        unread=False,
        is_draft=True,
        provider_draft_id=ProviderDraftId("r1"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def thread_of(*messages: Message) -> Thread:
    """The thread that some messages are."""
    thread = summarise(messages)
    assert thread is not None
    return thread


def test_no_messages_are_no_thread() -> None:
    """A thread ends with its last message."""
    assert summarise([]) is None


def test_a_thread_tells_of_all_its_messages_in_whatever_order_they_come() -> None:
    """Newest first; the subject is the first one's, the snippet the newest one's."""
    first, second, third = question(), answer(), draft()
    thread = thread_of(second, third, first)

    assert thread == thread_of(first, second, third)
    assert (thread.id, thread.account_id) == (first.thread_id, first.account_id)
    assert thread.subject == "The engine"
    assert thread.snippet == "Not finished"
    assert thread.message_ids == (second.id, first.id)
    assert thread.draft_ids == (third.draft_id,)
    assert thread.folders == ("DRAFT", "SENT", "INBOX")
    assert thread.earliest_at == first.received_at
    assert thread.latest.message_id == third.id


def test_a_person_is_one_participant_in_whatever_case_and_role() -> None:
    """Each once, with the name that somebody gave; the roles of all messages together."""
    thread = thread_of(question(), answer())
    found = {each.email: (each.name, set(each.roles)) for each in thread.participants}
    assert found == {
        "Ada@Example.com": ("Ada Lovelace", {PersonRole.FROM, PersonRole.TO}),
        "charles@example.org": ("Charles Babbage", {PersonRole.FROM, PersonRole.TO}),
        "mary@example.net": ("", {PersonRole.CC}),
    }


def test_sent_and_received_go_by_the_author_and_leave_drafts_out() -> None:
    """What the owner wrote was sent, everything else received, also mail without an author."""
    first, second = question(), answer()
    thread = thread_of(first, second, draft())
    assert thread.latest_sent_at(["ADA@example.com"]) == second.received_at
    assert thread.latest_received_at(["ADA@example.com"]) == first.received_at

    nobody = replace(second, from_=())
    thread = thread_of(first, nobody)
    assert thread.latest_sent_at(["ada@example.com"]) is None
    assert thread.latest_received_at(["ada@example.com"]) == nobody.received_at
    assert thread_of(draft()).latest_received_at(["ada@example.com"]) is None


@pytest.mark.parametrize(
    ("inline", "content_id", "counts"),
    [(True, "logo", False), (True, "", True), (False, "logo", True), (False, "", True)],
)
@pytest.mark.parametrize("content_type", ["image/png", "IMAGE/JPEG"])
def test_a_logo_in_the_text_is_no_file(
    content_type: str,
    inline: bool,  # noqa: FBT001
    content_id: str,
    counts: bool,  # noqa: FBT001
) -> None:
    """Each mail with a signature had a paperclip; the thread and both filters say the same."""
    mail = question()
    file = make_attachment(
        message=mail.id, is_inline=inline, content_id=content_id, content_type=content_type
    )
    mail = replace(mail, attachments=(file,))
    thread = thread_of(mail, answer())
    assert mail.has_attachments == thread.has_attachments == counts
    assert MessageFilter(has_attachment=counts).matches(mail)
    assert not MessageFilter(has_attachment=not counts).matches(mail)
    assert ThreadFilter(has_attachment=counts).matches(thread)
    assert not ThreadFilter(has_attachment=not counts).matches(thread)
    beside = make_attachment(message=mail.id, part_id="2")
    assert replace(mail, attachments=(file, beside)).has_attachments


def test_a_document_that_apple_mail_calls_inline_is_a_file() -> None:
    """It has a content id, too, but no text can show it: filters for files did not find it."""
    mail = question()
    file = make_attachment(message=mail.id, is_inline=True, content_id="AB@c")
    mail = replace(mail, attachments=(file,))
    assert mail.has_attachments
    assert thread_of(mail, answer()).has_attachments


def test_what_the_owner_wrote_as_an_alias_was_sent() -> None:
    """An answer from an alias was shown as received, and a thread as one never answered."""
    first, second = question(), answer()
    as_alias = replace(second, from_=(Address(email="Desk@bücher.example"),))
    own = ["ada@example.com", "desk@xn--bcher-kva.example"]
    thread = thread_of(first, as_alias)
    assert thread.latest_sent_at(own) == second.received_at
    assert thread.latest_received_at(own) == first.received_at


def test_categories_are_those_of_all_messages() -> None:
    """Each once, those of the newest message first."""
    first = replace(question(), categories=("Work", "Blue"))
    thread = thread_of(first, answer(categories=("Taxes", "Work")))
    assert thread.categories == ("Taxes", "Work", "Blue")
    assert thread_of(question()).categories == ()


def test_flags_are_those_of_any_message() -> None:
    """One that is unread, starred or has a file makes the thread so; none of them: it is not."""
    read = replace(question(), unread=False)
    plain = thread_of(read, answer())
    assert not (plain.unread or plain.starred or plain.has_attachments or plain.has_drafts)

    file = make_attachment(message=read.id)
    marked = thread_of(replace(read, unread=True), answer(starred=True, attachments=(file,)))
    assert marked.unread
    assert marked.starred
    assert marked.has_attachments
    assert thread_of(read, draft()).has_drafts
    assert thread_of(draft()).message_ids == ()


def test_a_draft_without_an_id_of_its_own_is_a_draft_all_the_same() -> None:
    """Its provider does not list it any more; there is nothing to name it by."""
    thread = thread_of(question(), draft(provider_draft_id=ProviderDraftId("")))
    assert thread.has_drafts
    assert thread.draft_ids == ()


def test_the_newest_of_each_list_is_known() -> None:
    """A list of messages shows the thread there, and only there."""
    first, second, third = question(), answer(starred=True), draft()
    newest = {v: p.message_id for v, p in thread_of(first, second, third).newest_in.items()}
    assert newest == {
        ALL_MAIL: third.id,
        DRAFTS: third.id,
        View("SENT"): second.id,
        STARRED: second.id,
        View("INBOX"): first.id,
        UNREAD: first.id,
    }


def test_a_filter_is_asked_of_the_whole_thread() -> None:
    """Each of its parts, alone: what fits and what does not."""
    first, second = question(), answer(starred=True)
    thread = thread_of(first, second)
    fitting = [
        ThreadFilter(),
        ThreadFilter(folders=(FolderId("INBOX"), FolderId("SENT"))),
        ThreadFilter(unread=True, starred=True, has_attachment=False, thread_id=thread.id),
        ThreadFilter(subject="ENGINE"),
        ThreadFilter(from_=frozenset({"ada@example.com"}), to=frozenset({"ada@example.com"})),
        ThreadFilter(cc=frozenset({"mary@example.net", "nobody@example.net"})),
        ThreadFilter(any_email=frozenset({"mary@example.net"})),
        ThreadFilter(earliest_from=first.received_at),
        ThreadFilter(latest_before=second.received_at + timedelta(seconds=1)),
        ThreadFilter(latest_after=first.received_at),
    ]
    strange = [
        ThreadFilter(folders=(FolderId("INBOX"), FolderId("TRASH"))),
        ThreadFilter(unread=False),
        ThreadFilter(starred=False),
        ThreadFilter(has_attachment=True),
        ThreadFilter(thread_id=make_message(number=9).thread_id),
        ThreadFilter(subject="Notes"),
        ThreadFilter(from_=frozenset({"mary@example.net"})),
        ThreadFilter(to=frozenset({"mary@example.net"})),
        ThreadFilter(cc=frozenset({"ada@example.com"})),
        ThreadFilter(bcc=frozenset({"ada@example.com"})),
        ThreadFilter(any_email=frozenset({"nobody@example.net"})),
        ThreadFilter(earliest_from=first.received_at + timedelta(seconds=1)),
        ThreadFilter(latest_before=second.received_at),
        ThreadFilter(latest_after=NOW),
    ]
    assert [each for each in fitting if not each.matches(thread)] == []
    assert [each for each in strange if each.matches(thread)] == []
