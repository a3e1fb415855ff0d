"""What every provider promises about drafts, in our words."""

from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import NotFound, Retryable
from postroom.domain.folder import FolderRole
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address, Header, Message
from postroom.domain.outgoing import Answered, AnswerKind, OutgoingAttachment
from tests.contract.providers.service import ADA, GRACE, Connected, Service, outgoing
from tests.world import make_mail

PLAN = OutgoingAttachment(filename="plan.pdf", content_type="application/pdf", content=b"%PDF" * 99)
LOGO = OutgoingAttachment(
    filename="logo.png",
    content_type="image/png",
    content=b"\x89PNG" * 9,
    content_id="logo",
    is_inline=True,
)


class DraftContract:
    """Drafts, from their making to their end."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    def test_a_made_draft_is_what_was_asked_for(self, ada: Connected) -> None:
        """All of its parts, among the drafts, with the id that the fetch gives it, too."""
        made = ada.mailbox.create_draft(
            outgoing(
                cc=(Address(email="cc@else.example", name="Cé, C."),),
                bcc=(Address(email="bcc@else.example"),),
                reply_to=(Address(email="re@else.example"),),
                body='<p>Olá <img src="cid:logo"></p>',
                attachments=(PLAN, LOGO),
                custom_headers=(Header(name="X-Order", value="17"),),
            ),
            starred=True,
        )
        message = _read(ada, made)
        assert message.is_draft
        assert message.provider_draft_id == made.id
        assert message.starred
        assert not message.unread
        assert message.internet_message_id == outgoing().message_id
        assert [each.email for each in message.cc] == ["cc@else.example"]
        assert [each.email for each in message.bcc] == ["bcc@else.example"]
        assert [each.email for each in message.reply_to] == ["re@else.example"]
        files = {each.filename: each for each in message.attachments}
        assert files.keys() == {"plan.pdf", "logo.png"}
        assert files["logo.png"].is_inline
        assert ada.folder(FolderRole.DRAFTS).id in message.folders
        assert b"X-Order: 17" in ada.mailbox.raw(message.provider_id)

    def test_a_draft_is_found_by_its_message_id(self, ada: Connected) -> None:
        """As long as it is one."""
        made = ada.mailbox.create_draft(outgoing(), starred=False)
        message = _read(ada, made)
        assert ada.mailbox.find_draft(outgoing().message_id) == made
        minute, now = timedelta(minutes=1), ada.service.clock.now()
        assert ada.mailbox.find_draft(outgoing().message_id, since=now - minute) == made
        assert ada.mailbox.find_draft(outgoing().message_id, since=now + minute) is None
        assert ada.mailbox.find_draft(InternetMessageId("<other@else.example>")) is None
        ada.mailbox.send_draft(message)
        assert ada.mailbox.find_draft(outgoing().message_id) is None

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"subject": "Another"}, {"subject": "Another"}),
            ({"to": (Address(email="to@else.example"),)}, {"to": ["to@else.example"]}),
            ({"bcc": ()}, {"bcc": []}),
            ({"body": '<b>Another</b> <img src="cid:logo">'}, {"text": "Another"}),
            ({"attachments": (PLAN,)}, {"files": ["plan.pdf"]}),
            ({"attachments": ()}, {"files": []}),
            ({"starred": True}, {"starred": True}),
            ({"from_": Address(email=ADA, name="Ada L.")}, {}),
        ],
        ids=str,
    )
    def test_a_change_keeps_the_draft_and_all_that_it_does_not_name(
        self, ada: Connected, change: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        """Also its Message-ID and its thread; twice the same change is the same."""
        made = ada.mailbox.create_draft(
            outgoing(
                bcc=(Address(email="bcc@else.example"),),
                body='<p>Olá <img src="cid:logo"></p>',
                attachments=(PLAN, LOGO),
                custom_headers=(Header(name="X-Order", value="17"),),
            ),
            starred=False,
        )
        before = _seen(ada, _read(ada, made))
        for _ in range(2):
            written = ada.mailbox.update_draft(_read(ada, made), DraftChange(**change))
            made = written
        assert len(ada.listed()) == 1
        after = _seen(ada, _read(ada, written))
        if "subject" in change:  # with another subject Outlook begins another conversation
            after["thread"] = before["thread"]
        assert after == {**before, **expected}
        assert written.id == made.id
        assert b"X-Order: 17" in ada.mailbox.raw(written.message_id)

    def test_an_answer_is_drafted_in_its_thread(self, ada: Connected) -> None:
        """It stays there through a change, and when it is sent."""
        question = ada.message(ada.deliver(make_mail(to=ADA, Message_ID="<q@else.example>")))
        answered = Answered(
            kind=AnswerKind.REPLY,
            provider_id=question.provider_id,
            provider_thread_id=question.provider_thread_id,
            internet_message_id=question.internet_message_id,
            references=(question.internet_message_id,),
        )
        made = ada.mailbox.create_draft(
            outgoing(subject=f"Re: {question.subject}", answered=answered), starred=False
        )
        assert made.thread_id == question.provider_thread_id
        written = ada.mailbox.update_draft(_read(ada, made), DraftChange(body="<p>Yes.</p>"))
        assert written.thread_id == question.provider_thread_id
        sent = ada.mailbox.send_draft(_read(ada, written))
        assert sent.provider_thread_id == question.provider_thread_id
        answer = ada.message(sent.provider_id)
        assert answer.in_reply_to == "<q@else.example>"

    def test_a_draft_is_sent_once(self, ada: Connected) -> None:
        """It arrives without its Bcc, is no draft then, and cannot be sent again."""
        made = ada.mailbox.create_draft(
            outgoing(bcc=(Address(email="bcc@else.example"),)), starred=False
        )
        draft = _read(ada, made)
        assert ada.mailbox.sent_draft(draft) is None
        sent = ada.mailbox.send_draft(draft)
        message = ada.message(sent.provider_id)
        assert not message.is_draft
        assert message.provider_draft_id == ""
        assert message.internet_message_id == outgoing().message_id
        assert ada.mailbox.sent_draft(draft) == sent
        with pytest.raises(NotFound):
            ada.mailbox.send_draft(draft)
        (arrived,) = ada.service.simulator.messages(GRACE).values()
        grace = ada.service.connect(GRACE)
        assert b"bcc@else.example" not in grace.mailbox.raw(arrived["id"])

    def test_what_is_gone_is_not_found(self, ada: Connected) -> None:
        """A deleted draft is neither changed nor sent nor deleted again; it was not sent."""
        draft = _read(ada, ada.mailbox.create_draft(outgoing(), starred=False))
        ada.service.simulator.change(ADA, {"op": "delete", "id": draft.provider_id})
        for call in (
            lambda: ada.mailbox.update_draft(draft, DraftChange(subject="x")),
            lambda: ada.mailbox.send_draft(draft),
            lambda: ada.mailbox.delete_draft(draft),
            lambda: ada.mailbox.sent_draft(draft),
        ):
            with pytest.raises(NotFound):
                call()

    def test_a_deleted_draft_is_no_draft(self, ada: Connected) -> None:
        """Whether it is in the trash then or nowhere."""
        draft = _read(ada, ada.mailbox.create_draft(outgoing(), starred=False))
        ada.mailbox.delete_draft(draft)
        left = [each.message for each in ada.everything().values()]
        assert [each.provider_draft_id for each in left] in ([], [""])

    def test_a_draft_in_the_trash_is_none(self, ada: Connected) -> None:
        """Its message is there, and is not the message of a draft."""
        draft = _read(ada, ada.mailbox.create_draft(outgoing(), starred=False))
        ada.service.simulator.change(ADA, {"op": "trash", "id": draft.provider_id})
        assert ada.message(draft.provider_id).provider_draft_id == ""

    def test_a_sent_mail_is_not_deleted_as_a_draft(self, ada: Connected) -> None:
        """Whoever has not learned of its sending would delete the owner's copy."""
        draft = _read(ada, ada.mailbox.create_draft(outgoing(), starred=False))
        sent = ada.mailbox.send_draft(draft)
        with pytest.raises(NotFound):
            ada.mailbox.delete_draft(draft)
        assert ada.folder(FolderRole.TRASH).id not in ada.message(sent.provider_id).folders

    @pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
    def test_a_lost_answer_leaves_one_draft(self, ada: Connected, fault: dict[str, Any]) -> None:
        """Found by its Message-ID, or taken away again: never two, never half of one."""
        ada.fail(path="/(drafts|messages)$", method="POST", after_effect=True, times=1, **fault)
        try:
            made = ada.mailbox.create_draft(outgoing(attachments=(PLAN,)), starred=False)
        except Retryable:
            assert ada.mailbox.find_draft(outgoing().message_id) is None
        else:
            assert [each.filename for each in _read(ada, made).attachments] == ["plan.pdf"]
            assert len(ada.listed()) == 1


def _read(ada: Connected, draft: ProviderDraft) -> Message:
    return ada.message(draft.message_id)


def _seen(ada: Connected, message: Message) -> dict[str, Any]:
    content = ada.read(message.provider_id).content
    return {
        "draft": message.provider_draft_id,
        "thread": message.provider_thread_id,
        "message_id": message.internet_message_id,
        "subject": message.subject,
        "to": [each.email for each in message.to],
        "bcc": [each.email for each in message.bcc],
        "from": message.from_[0].email if message.from_ else ADA,
        "text": "Another" if "Another" in content.html else "Olá",
        "files": sorted(each.filename for each in message.attachments),
        "starred": message.starred,
    }
