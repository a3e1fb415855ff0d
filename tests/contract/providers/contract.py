"""What every provider promises, in our words: run against each provider's simulator.

A provider's test file subclasses both contracts and provides the fixture `service`.
"""

import contextlib
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any

import pytest

from postroom.domain.errors import (
    ConnectionRefused,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    ReauthRequired,
    Retryable,
)
from postroom.domain.folder import FolderRole
from postroom.domain.ids import InternetMessageId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import Address, MessageChange
from postroom.domain.outgoing import Answered, AnswerKind, OutgoingAttachment
from postroom.domain.sync import MessageRef, SyncUnitId
from tests.contract.providers.service import (
    ADA,
    GRACE,
    Connected,
    Service,
    outgoing,
    told,
)
from tests.world import make_mail


class MailProviderContract:
    """Connecting and keeping the consent."""

    def test_consent_becomes_an_authorization(self, service: Service) -> None:
        """Who signed in, what was granted, and tokens that work."""
        # When
        authorization = service.exchange(service.consent())
        # Then
        assert authorization.identity.email == ADA
        assert authorization.identity.subject
        assert service.provider.traits.required_scopes <= set(authorization.scopes)
        assert authorization.tokens.refresh_token
        assert authorization.tokens.usable(service.clock.now())

    def test_the_subject_stays_when_a_mailbox_is_connected_again(self, service: Service) -> None:
        """Reconnecting finds the same account, and brings a refresh token again."""
        first, second = (service.exchange(service.consent()) for _ in range(2))
        assert first.identity == second.identity
        assert second.tokens.refresh_token

    def test_a_scope_that_was_not_ticked_is_missing(self, service: Service) -> None:
        """Whoever unticks a box gets no account that fails later."""
        # Given
        required = service.provider.traits.required_scopes
        service.simulator.control("POST", "settings", json={"deny_scopes": sorted(required)})
        # When / Then
        authorization = service.exchange(service.consent())
        assert required - set(authorization.scopes)

    def test_what_is_granted_is_what_was_asked_for(self, service: Service) -> None:
        """The scopes of the consent page are none that an account lacks, in whatever form."""
        # Given
        asked = service.provider.asked_scopes()
        # When
        granted = service.exchange(service.consent()).scopes
        # Then
        required = service.provider.traits.required_scopes
        assert service.provider.missing_scopes(required, among=asked) == frozenset()
        assert service.provider.missing_scopes(asked, among=granted) == frozenset()
        assert service.provider.missing_scopes(granted, among=asked) == frozenset()
        beyond = {*asked, "calendar"}
        assert service.provider.missing_scopes(beyond, among=granted) == {"calendar"}

    def test_a_code_works_once(self, service: Service) -> None:
        """Going back in the browser is no second connection."""
        code = service.consent()
        service.exchange(code)
        with pytest.raises(ConnectionRefused) as refusal:
            service.exchange(code)
        assert refusal.value.reason == "code_invalid"

    def test_a_code_works_only_with_its_verifier(self, service: Service) -> None:
        """A code that was stolen on its way is worth nothing."""
        with pytest.raises(ConnectionRefused):
            service.exchange(service.consent(), verifier="w" * 43)

    def test_an_identity_works_only_with_its_nonce(self, service: Service) -> None:
        """A code of another sign-in is not believed."""
        with pytest.raises(ConnectionRefused):
            service.exchange(service.consent(nonce="theirs"), nonce="ours")

    def test_a_refreshed_token_works(self, service: Service) -> None:
        """An access token that has ended is replaced without anybody noticing."""
        # Given
        ada = service.connect()
        service.simulator.control("POST", "expire", json={"what": "access_tokens"})
        # When
        ada.mailbox.folders()
        # Then
        assert ada.tokens.replaced == 1

    def test_revoking_twice_is_fine(self, service: Service) -> None:
        """What has been withdrawn already needs no second withdrawal."""
        ada = service.connect()
        service.provider.revoke(ada.tokens.tokens)
        service.provider.revoke(ada.tokens.tokens)

    def test_a_consent_that_ended_needs_the_owner(self, service: Service) -> None:
        """Neither refreshing nor calling works any more, and both say why."""
        ada = service.connect()
        for what in ("refresh_tokens", "access_tokens"):
            service.simulator.control("POST", "expire", json={"what": what})
        with pytest.raises(ReauthRequired):
            service.provider.refresh(ada.tokens.tokens)
        with pytest.raises(ReauthRequired):
            ada.mailbox.folders()

    def test_a_refused_client_is_the_operators_business(self, service: Service) -> None:
        """No account is to blame for a wrong client secret."""
        tokens = service.connect().tokens.tokens
        with pytest.raises(Misconfigured):
            service.misconfigured.refresh(tokens)

    def test_a_busy_token_endpoint_passes(self, service: Service) -> None:
        """It must never be taken for a dead consent."""
        tokens = service.connect().tokens.tokens
        service.simulator.fail({"path": "/token$", "status": 503})
        with pytest.raises(Retryable):
            service.provider.refresh(tokens)


class MailboxContract:
    """Reading, changing and sending."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def test_an_empty_mailbox_is_a_mailbox(self, ada: Connected) -> None:
        """It has cursors, folders, and a listing that ends."""
        assert ada.listed() == []
        assert {unit.id for unit in ada.mailbox.sync_units()} == set(ada.cursors)
        assert all(page.is_empty for page in ada.changes())
        roles = {folder.role for folder in ada.mailbox.folders()}
        assert {FolderRole.INBOX, FolderRole.SENT, FolderRole.DRAFTS, FolderRole.TRASH} <= roles

    def test_listing_reads_everything_once_newest_first(self, ada: Connected) -> None:
        """Every message of every folder is fetched as the provider has it."""
        # Given
        service = ada.service
        service.simulator.control("POST", "settings", json={"page_size": 20})
        service.simulator.control("POST", f"mailboxes/{ADA}/fill", json={"messages": 70, "seed": 7})
        ada.deliver(folder="trash")
        ada.deliver(folder="junk")
        # When
        pages = list(ada.pages())
        seen = ada.resolved(pages)
        # Then
        truth = service.simulator.messages(ADA)
        assert sum(page.total_estimate or 0 for page in pages) == 72
        assert sorted(ref.provider_id for page in pages for ref in told(page)) == sorted(truth)
        for provider_id, real in truth.items():
            message = seen[provider_id].message
            assert message.subject == real["subject"]
            assert set(message.folders) == ada.folders_of(provider_id)
            assert (message.unread, message.starred) == (real["unread"], real["starred"])
            assert message.internet_message_id == (real["internet_message_id"] or "")
            assert message.provider_thread_id == real["thread_id"]
            assert int(message.received_at.timestamp()) == int(real["received_at"])
            assert len(message.attachments) == len(real["attachments"])

    def test_each_unit_is_read_newest_first(self, ada: Connected) -> None:
        """Whoever opens the mailbox while it is read finds the newest mail."""
        # Given
        service = ada.service
        service.simulator.control("POST", "settings", json={"page_size": 20})
        service.simulator.control("POST", f"mailboxes/{ADA}/fill", json={"messages": 70, "seed": 7})
        truth = service.simulator.messages(ADA)
        (first, *_) = sorted(ada.mailbox.sync_units(), key=lambda unit: unit.rank)
        # When
        times = list[float]()
        position: str | None = ""
        while position is not None:
            page = ada.mailbox.backfill({first.id: position}).pages[first.id]
            times += [truth[ref.provider_id]["received_at"] for ref in told(page)]
            position = page.next_position
        # Then
        assert len(times) > 20
        assert times == sorted(times, reverse=True)

    def test_folders_have_their_counts(self, ada: Connected) -> None:
        """The provider's own counts, not ours."""
        ada.deliver()
        ada.deliver(unread=False)
        inbox = ada.folder(FolderRole.INBOX)
        assert (inbox.total_count, inbox.unread_count, inbox.is_system) == (2, 1, True)

    def test_a_message_that_is_gone_is_missing(self, ada: Connected) -> None:
        """Deleted between listing and fetching: no error, and nobody else's problem."""
        # Given
        kept, gone = ada.deliver(), ada.deliver()
        refs = ada.listed()
        ada.service.simulator.change(ADA, {"op": "delete", "id": gone})
        # When
        result = ada.mailbox.fetch(refs)
        # Then
        assert [full.message.provider_id for full in result.messages] == [kept]
        assert [ref.provider_id for ref in result.missing] == [gone]

    def test_bodies_attachments_and_raw_are_those_of_the_mail(self, ada: Connected) -> None:
        """What was delivered can be read, file by file, and as a whole."""
        # Given
        source = message_from_bytes(make_mail(to=ADA, text="Grüße"), policy=modern)
        source.add_alternative("<p>Grüße</p>", subtype="html")
        source.add_attachment(
            b"\x00\xff", maintype="application", subtype="pdf", filename="Menü.pdf"
        )
        mail = source.as_bytes()
        # When
        full = ada.read(ada.deliver(mail))
        # Then
        (file,) = full.message.attachments
        assert full.content.text.strip() in {"Grüße", ""}  # some providers give the best one alone
        assert full.content.html.strip() == "<p>Grüße</p>"
        assert (file.filename, file.content_type) == ("Menü.pdf", "application/pdf")
        assert ada.mailbox.attachment(full.message, file.part_id) == b"\x00\xff"
        assert ada.mailbox.raw(full.message.provider_id) == mail
        with pytest.raises(NotFound):
            ada.mailbox.attachment(full.message, "99")

    def test_a_file_name_without_any_encoding_is_read(self, ada: Connected) -> None:
        """Mail programs write raw UTF-8 into headers; `büg 😀.pdf` was `b\ufffd\ufffdg …`."""
        mail = (
            "Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: application/pdf\r\n"
            'Content-Disposition: attachment; filename="büg 😀.pdf"\r\n\r\nx\r\n--b--\r\n'
        ).encode()
        message = ada.message(ada.deliver(mail))
        assert [file.filename for file in message.attachments] == ["büg 😀.pdf"]
        assert message.defects == ()

    # ── Changes ──────────────────────────────────────────────────────────────────────────

    def test_changes_tell_what_came_changed_and_went(self, ada: Connected) -> None:
        """Each message stands in them once, with its net effect."""
        # Given
        old, read, deleted = ada.deliver(), ada.deliver(), ada.deliver()
        before = {each: ada.message(each) for each in (old, read, deleted)}
        ada.listed()
        # When
        new = ada.deliver()
        ada.service.simulator.change(
            ADA,
            {"op": "read", "id": read},
            {"op": "star", "id": read},
            {"op": "unread", "id": new},
            {"op": "delete", "id": deleted},
        )
        pages = ada.changes()
        # Then
        assert [ref.provider_id for page in pages for ref in told(page)] == [new]
        gone = [ref.provider_id for page in pages for ref, _ in page.removed]
        left = [provider_id for page in pages for provider_id, _ in page.left]
        assert gone + left == [deleted]
        (edit,) = (each for page in pages for each in page.edits)
        after = before[read].edited(edit)
        assert (after.unread, after.starred) == (False, True)
        assert after == ada.message(read)
        assert all(page.is_empty for page in ada.changes())

    def test_the_end_of_a_message_is_newer_than_the_message(self, ada: Connected) -> None:
        """Otherwise a late page would bring it back."""
        deleted = ada.deliver()
        before = ada.message(deleted)
        ada.listed()
        ada.service.simulator.change(ADA, {"op": "delete", "id": deleted})
        for page in ada.changes():
            assert all(version > before.version for _, version in page.removed)

    def test_every_page_of_changes_is_a_checkpoint(self, ada: Connected) -> None:
        """A worker that dies between two pages loses nothing and repeats nothing."""
        # Given
        ada.service.simulator.control("POST", "settings", json={"page_size": 3})
        ada.listed()
        delivered = [ada.deliver() for _ in range(10)]
        # When
        pages = [page for page in ada.changes() if not page.is_empty]
        # Then
        assert len(pages) > 2
        fetched = [ref.provider_id for page in pages for ref in told(page)]
        assert sorted(fetched) == sorted(delivered)

    def test_an_expired_cursor_says_so(self, ada: Connected) -> None:
        """It is no missing message and no broken account."""
        ada.listed()
        ada.deliver()
        for what in ("history", "delta"):
            ada.service.simulator.control("POST", "expire", json={"what": what})
        assert all(page.is_empty for page in ada.changes())
        assert ada.expired == set(ada.cursors)
        # And it can be begun again
        assert len(ada.listed()) == 1
        assert ada.changes()

    def test_an_unknown_unit_is_gone(self, ada: Connected) -> None:
        """A unit that is not part of the mailbox any more stops nobody."""
        ada.listed()
        strange = SyncUnitId("strange")
        answer = ada.mailbox.backfill({strange: ""})
        assert answer.gone == {strange}
        assert not answer.pages

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("value", [True, False])
    def test_flags_change_there_and_here(self, ada: Connected, value: bool) -> None:  # noqa: FBT001
        """The answer makes our copy equal to the mailbox."""
        # Given
        message = ada.message(ada.deliver(unread=not value))
        # When
        change = MessageChange(unread=value, starred=value)
        edit = ada.mailbox.apply(message, change, folders={})
        # Then
        truth = ada.truth(message.provider_id)
        assert (truth["unread"], truth["starred"]) == (value, value)
        after = message.edited(edit)
        assert (after.unread, after.starred) == (value, value)
        assert set(after.folders) == ada.folders_of(message.provider_id)

    @pytest.mark.parametrize("role", [FolderRole.TRASH, FolderRole.SPAM, FolderRole.INBOX])
    def test_folders_are_replaced(self, ada: Connected, role: FolderRole) -> None:
        """A message is where it was put, and nowhere else; its flags stay."""
        # Given
        message = ada.message(ada.deliver())
        # When
        after = message.edited(ada.put_into(message, role))
        # Then
        assert set(after.folders) == ada.folders_of(message.provider_id)
        assert ada.folder(role).id in after.folders
        assert after.unread

    def test_trash_moves_and_keeps(self, ada: Connected) -> None:
        """A trashed message can be taken back."""
        # Given
        message = ada.message(ada.deliver())
        # When
        after = message.edited(ada.mailbox.trash(message))
        # Then
        assert ada.folder(FolderRole.TRASH).id in after.folders
        assert ada.folder(FolderRole.INBOX).id not in after.folders
        assert set(after.folders) == ada.folders_of(message.provider_id)
        # And back
        again = after.edited(ada.put_into(after, FolderRole.INBOX))
        assert ada.folder(FolderRole.INBOX).id in again.folders
        assert set(again.folders) == ada.folders_of(message.provider_id)

    def test_changing_what_is_gone_is_not_found(self, ada: Connected) -> None:
        """The caller learns that the message is not there any more."""
        message = ada.message(ada.deliver())
        ada.service.simulator.change(ADA, {"op": "delete", "id": message.provider_id})
        with pytest.raises(NotFound):
            ada.mailbox.apply(message, MessageChange(unread=False), folders={})
        with pytest.raises(NotFound):
            ada.mailbox.trash(message)
        with pytest.raises(NotFound):
            ada.mailbox.raw(message.provider_id)

    # ── Sending ──────────────────────────────────────────────────────────────────────────

    def test_a_sent_message_arrives_and_is_found(self, ada: Connected) -> None:
        """Body, file and secret copy arrive; the secret stays one."""
        # Given
        hopper = "hopper@simulated.example"
        ada.service.simulator.add_mailbox(hopper)
        file = OutgoingAttachment(filename="a.bin", content_type="a/b", content=b"\x00\x01")
        message = outgoing(
            subject="Grüße", attachments=(file,), bcc=(Address(email=hopper, name="Secret"),)
        )
        # When
        sent = ada.mailbox.send(message)
        # Then
        assert ada.mailbox.find_sent(message.message_id) == sent
        minute, now = timedelta(minutes=1), ada.service.clock.now()
        assert ada.mailbox.find_sent(message.message_id, since=now - minute) == sent
        assert ada.mailbox.find_sent(message.message_id, since=now + minute) is None
        for address in (GRACE, hopper):
            (copy,) = ada.service.simulator.messages(address).values()
            assert (copy["subject"], len(copy["attachments"])) == ("Grüße", 1)
            assert copy["internet_message_id"] == message.message_id
        arrived = ada.service.connect(GRACE)
        (ref,) = arrived.listed()
        assert b"secret" not in arrived.mailbox.raw(ref.provider_id).lower()
        full = arrived.read(ref.provider_id)
        assert "pretensions" in full.content.html
        assert full.message.bcc == ()

    def test_a_large_message_arrives(self, ada: Connected) -> None:
        """Files beyond a simple call take the provider's way for large ones."""
        content = bytes(range(256)) * 16_000
        file = OutgoingAttachment(filename="a.bin", content_type="a/b", content=content)
        ada.mailbox.send(outgoing(attachments=(file,)))
        grace = ada.service.connect(GRACE)
        message = grace.message(grace.listed()[0].provider_id)
        part_id = message.attachments[0].part_id
        assert grace.mailbox.attachment(message, part_id) == content

    @pytest.mark.parametrize("kind", AnswerKind)
    def test_an_answer_joins_its_thread(self, ada: Connected, kind: AnswerKind) -> None:
        """Headers and the provider's thread together keep a conversation together."""
        # Given
        question = ada.message(ada.deliver(make_mail(to=ADA, Message_ID="<q@else.example>")))
        # When
        sent = ada.mailbox.send(
            outgoing(
                subject=f"Re: {question.subject}",
                answered=Answered(
                    kind=kind,
                    provider_id=question.provider_id,
                    provider_thread_id=question.provider_thread_id,
                    internet_message_id=question.internet_message_id,
                    references=(question.internet_message_id,),
                ),
            )
        )
        # Then
        assert sent.provider_thread_id == question.provider_thread_id
        answer = ada.message(sent.provider_id)
        assert answer.in_reply_to == "<q@else.example>"
        assert answer.references == ("<q@else.example>",)

    @pytest.mark.parametrize("kind", AnswerKind)
    def test_an_answer_to_what_is_gone_joins_the_thread_of_whom_it_is_for(
        self, ada: Connected, kind: AnswerKind
    ) -> None:
        """Outlook made it a mail of its own: with Grace it began a new conversation."""
        # Given
        first, last = InternetMessageId("<1@else.example>"), InternetMessageId("<2@else.example>")
        # When
        ada.mailbox.send(
            outgoing(
                subject="Re: Lunch",
                answered=Answered(
                    kind=kind,
                    provider_id=ProviderMessageId("gone"),
                    provider_thread_id=ProviderThreadId("gone"),
                    internet_message_id=last,
                    references=(first, last),
                ),
            )
        )
        # Then
        grace = ada.service.connect(GRACE)
        arrived = grace.message(grace.listed()[0].provider_id)
        assert (arrived.in_reply_to, arrived.references) == (last, (first, last))

    @pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}])
    def test_a_lost_answer_to_a_send_can_be_looked_up(
        self, ada: Connected, fault: dict[str, Any]
    ) -> None:
        """It was sent once; whoever asks finds it, and nobody sends it again."""
        # Given
        ada.service.simulator.fail_calls("send", after_effect=True, times=1, **fault)
        message = outgoing()
        # When
        with contextlib.suppress(OutcomeUnknown):
            ada.mailbox.send(message)
        # Then
        assert ada.mailbox.find_sent(message.message_id) is not None
        assert len(ada.service.simulator.messages(GRACE)) == 1

    @pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
    def test_a_send_that_failed_is_not_found(self, ada: Connected, fault: dict[str, Any]) -> None:
        """The same error without the effect: only asking tells them apart."""
        ada.service.simulator.fail_calls("send", times=1, **fault)
        with pytest.raises((OutcomeUnknown, Retryable)):
            ada.mailbox.send(outgoing())
        assert ada.mailbox.find_sent(outgoing().message_id) is None
        assert ada.service.simulator.messages(GRACE) == {}

    def test_a_throttled_send_did_not_happen(self, ada: Connected) -> None:
        """An explicit refusal may be repeated later."""
        ada.service.simulator.fail_calls("send", status=429, headers={"Retry-After": "11"})
        with pytest.raises(Retryable) as busy:
            ada.mailbox.send(outgoing())
        assert busy.value.retry_after == timedelta(seconds=11)
        assert ada.service.simulator.messages(GRACE) == {}

    # ── Trouble ──────────────────────────────────────────────────────────────────────────

    def test_throttling_says_when_to_come_again(self, ada: Connected) -> None:
        """Without a time it is left open, and never answered by asking at once."""
        ada.fail(path="/", status=429, headers={"Retry-After": "30"}, times=1)
        with pytest.raises(Retryable) as busy:
            ada.mailbox.sync_units()
        assert busy.value.retry_after == timedelta(seconds=30)
        ada.fail(path="/", status=429, times=1)
        with pytest.raises(Retryable) as busy:
            ada.mailbox.sync_units()
        assert busy.value.retry_after is None

    @pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": True}])
    def test_a_short_failure_is_not_noticed(self, ada: Connected, fault: dict[str, Any]) -> None:
        """Reading is repeated a moment later."""
        ada.fail(path="/", times=1, **fault)
        assert ada.mailbox.sync_units()

    @pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
    def test_a_lasting_failure_is_left_for_later(
        self, ada: Connected, fault: dict[str, Any]
    ) -> None:
        """No worker waits for a provider that is down."""
        ada.fail(path="/", **fault)
        with pytest.raises(Retryable):
            ada.mailbox.sync_units()
        assert sum(ada.service.clock.slept) < 5

    def test_a_stub_stands_in_for_a_message(self, ada: Connected) -> None:
        """It has the message's ids, and says that it is one."""
        # Given
        message = ada.message(ada.deliver())
        # When
        stub = ada.mailbox.stub(MessageRef.to(message)).message
        # Then
        assert (stub.id, stub.thread_id) == (message.id, message.thread_id)
        assert "unreadable" in stub.defects

    def test_a_message_that_is_gone_has_no_stub(self, ada: Connected) -> None:
        """Deleted while it was tried again, it is removed like any other."""
        ada.deliver()
        (ref,) = ada.listed()
        ada.service.simulator.change(ADA, {"op": "delete", "id": ref.provider_id})
        with pytest.raises(NotFound):
            ada.mailbox.stub(ref)

    def test_a_message_that_takes_its_batch_down_fails_alone(self, ada: Connected) -> None:
        """One mail on which the connection always dropped stopped its account for ever."""
        # Given
        delivered = [ada.deliver() for _ in range(4)]
        ada.fail(path=f"messages/{re.escape(delivered[3])}$", drop=True)
        # When
        result = ada.mailbox.fetch(ada.listed())
        # Then
        fetched = {full.message.provider_id for full in result.messages}
        assert fetched == set(delivered[:3])
        (failure,) = result.failed
        assert failure.ref.provider_id == delivered[3]
        assert (failure.unreadable, failure.throttled) == (False, False)

    def test_malformed_mail_is_read_as_far_as_it_can_be(
        self, ada: Connected, malformed: dict[str, bytes]
    ) -> None:
        """No content stops a fetch, and every raw form can be reached."""
        # Given
        delivered = {ada.deliver(raw): raw for raw in malformed.values()}
        # When
        found = ada.everything()
        # Then
        assert set(found) == set(delivered)
        for full in found.values():
            message = full.message
            assert ada.mailbox.raw(message.provider_id) == delivered[message.provider_id]
            for attachment in message.attachments:
                assert ada.mailbox.attachment(message, attachment.part_id) is not None
            (full.content.text + full.content.html + message.subject).encode()
