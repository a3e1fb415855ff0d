"""The Google provider keeps the contract, and Gmail's own promises."""

from base64 import b64encode, encodebytes

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import Misconfigured, ReauthRequired, Rejected
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import Address, MessageChange
from postroom.providers.registry import ConfiguredProviders
from tests.builders import ACCOUNT_ID
from tests.contract.providers.audit_contract import AuditContract, ids_of
from tests.contract.providers.contract import MailboxContract, MailProviderContract
from tests.contract.providers.draft_contract import DraftContract
from tests.contract.providers.manage_contract import ManageContract
from tests.contract.providers.service import ADA, Connected, Service, make_service, outgoing
from tests.contract.providers.transfer_contract import TransferContract
from tests.fakes import FixedClock, InMemoryClientSecretVault, InMemoryProviderConfigStore
from tests.world import Simulator, make_mail


def make_foreign_mail(charset: str, *, name: str, words: str) -> bytes:
    """Make a mail with header fields, text and file name in one charset, as its sender would."""

    def word(text: str) -> str:
        return f"=?{charset}?b?{b64encode(text.encode(charset)).decode()}?="

    head = (
        f"Subject: {word(words)}\r\nFrom: {word(name)} <j@x.example>\r\n"
        "Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain; charset={charset}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    file = f'--b\r\nContent-Type: application/pdf; name="{word(f"{name}.pdf")}"\r\n\r\nx\r\n--b--'
    return head.encode() + encodebytes(words.encode(charset)) + file.encode()


@pytest.fixture
def service() -> Service:
    return make_service(ProviderName.GOOGLE)


class TestGoogleProvider(MailProviderContract):
    """Google's OAuth."""

    def test_a_withdrawn_consent_needs_the_owner(self, service: Service) -> None:
        """Google ends the whole consent when a token of it is revoked."""
        ada = service.connect()
        service.provider.revoke(ada.tokens.tokens)
        with pytest.raises(ReauthRequired):
            service.provider.refresh(ada.tokens.tokens)
        with pytest.raises(ReauthRequired):
            ada.mailbox.folders()

    @pytest.mark.parametrize("provider", ProviderName)
    def test_a_provider_without_a_config_is_the_operators_business(
        self, provider: ProviderName
    ) -> None:
        """The message says which one."""
        simulator = Simulator(FixedClock())
        configured = ConfiguredProviders(
            configs=InMemoryProviderConfigStore(),
            client_secrets=InMemoryClientSecretVault(),
            clock=FixedClock(),
            simulator_urls={},
            transport=simulator.transport,
        )
        with pytest.raises(Misconfigured, match=f"no connector for {provider.value}"):
            configured.get(provider)


class TestManagingGmail(ManageContract):
    """Labels, and the aliases of Gmail's settings."""


class TestGmailMailbox(MailboxContract):
    """Gmail's mailbox, and what it costs."""

    def test_whole_threads_are_fetched_where_that_is_cheaper(self, ada: Connected) -> None:
        """Three of a thread cost 40 units, not 60; two are fetched one by one."""
        # Given a thread of three and one of two
        for thread, size in (("a", 3), ("b", 2)):
            first = f"<{thread}@else.example>"
            ada.deliver(make_mail(to=ADA, subject=thread, Message_ID=first))
            for _ in range(size - 1):
                ada.deliver(make_mail(to=ADA, subject=f"Re: {thread}", In_Reply_To=first))
        # When
        result = ada.mailbox.fetch(ada.listed())
        # Then
        assert len(result.messages) == 5
        usage = ada.service.usage()
        assert usage["threads.get"]["calls"] == 1
        assert usage["messages.get"]["calls"] == 2
        assert usage["threads.get"]["units"] + usage["messages.get"]["units"] == 80

    def test_label_changes_cost_no_fetch(self, ada: Connected) -> None:
        """Hundreds of mails marked as read are two units."""
        # Given
        delivered = [ada.deliver() for _ in range(30)]
        ada.listed()
        before = ada.service.usage().get("history.list", {}).get("units", 0)
        # When
        changes = [{"op": "read", "id": each} for each in delivered]
        ada.service.simulator.change(ADA, *changes)
        pages = ada.changes()
        # Then
        assert sum(len(page.edits) for page in pages) == 30
        assert not any(page.fetch for page in pages)
        usage = ada.service.usage()
        assert usage["history.list"]["units"] - before == 2
        assert "messages.get" not in usage

    def test_a_stored_mail_that_history_calls_new_needs_no_fetch(self, ada: Connected) -> None:
        """What was sent through us came back as new, and its star was to be had by a fetch only."""
        # Given
        ada.listed()
        stored = ada.message(ada.mailbox.send(outgoing()).provider_id)
        ada.service.simulator.change(ADA, {"op": "star", "id": stored.provider_id})
        # When
        (page,) = ada.changes()
        # Then
        (edit,) = page.edits
        assert [ref.provider_id for ref in page.fetch] == [stored.provider_id]
        assert stored.edited(edit) == ada.message(stored.provider_id)

    def test_a_throttled_part_of_a_batch_fails_alone(self, ada: Connected) -> None:
        """The others are kept, and the batch itself says 200."""
        # Given
        delivered = [ada.deliver() for _ in range(4)]
        ada.fail(path=f"messages/{delivered[2]}$", status=429, headers={"Retry-After": "5"})
        # When
        result = ada.mailbox.fetch(ada.listed())
        # Then
        assert len(result.messages) == 3
        (failure,) = result.failed
        assert (failure.ref.provider_id, failure.throttled) == (delivered[2], True)
        assert failure.retry_after is not None

    def test_a_failing_message_fails_alone(self, ada: Connected) -> None:
        """One message on which Gmail itself fails stops no other."""
        delivered = [ada.deliver() for _ in range(3)]
        ada.fail(path=f"messages/{delivered[1]}$", status=500)
        result = ada.mailbox.fetch(ada.listed())
        assert len(result.messages) == 2
        assert [(f.ref.provider_id, f.throttled) for f in result.failed] == [(delivered[1], False)]
        stub = ada.mailbox.stub(result.failed[0].ref).message
        assert (stub.provider_id, stub.defects) == (delivered[1], ("unreadable",))

    def test_labels_of_ones_own_are_folders(self, ada: Connected) -> None:
        """A message can be in several; system labels that Gmail sets stay."""
        # Given
        first, second = ada.deliver(), ada.deliver()
        for label, mail in (("Work", first), ("Work/Invoices", second)):
            ada.service.simulator.change(ADA, {"op": "label", "id": mail, "folder": label})
        folders = {folder.name: folder for folder in ada.mailbox.folders()}
        work, invoices = folders["Work"], folders["Work/Invoices"]
        assert (invoices.parent_id, work.child_count) == (work.id, 1)
        # When
        message = ada.message(first)
        wanted = (FolderId("INBOX"), invoices.id)
        after = message.edited(
            ada.mailbox.apply(message, MessageChange(folders=wanted), folders={})
        )
        # Then
        assert set(after.folders) == {"INBOX", "UNREAD", invoices.id}
        assert set(after.folders) == set(ada.truth(first)["folders"])

    def test_a_message_may_be_put_where_it_is(self, ada: Connected) -> None:
        """A sent mail kept among the sent ones was refused: Gmail wants a label to change."""
        sent = ada.message(ada.mailbox.send(outgoing()).provider_id)
        assert sent.folders == ("SENT",)
        edit = ada.mailbox.apply(sent, MessageChange(folders=sent.folders), folders={})
        assert sent.edited(edit) == ada.message(sent.provider_id)

    def test_an_unknown_label_is_refused(self, ada: Connected) -> None:
        """The caller learns it; nothing has changed."""
        message = ada.message(ada.deliver())
        with pytest.raises(Rejected):
            ada.mailbox.apply(message, MessageChange(folders=(FolderId("Label_999"),)), folders={})
        assert "INBOX" in ada.truth(message.provider_id)["folders"]

    def test_deleting_for_good_is_not_part_of_the_consent(self, ada: Connected) -> None:
        """The default scopes allow the trash only."""
        message = ada.message(ada.deliver())
        with pytest.raises(Rejected, match=r"https://mail\.google\.com/"):
            ada.mailbox.delete(message)
        assert ada.truth(message.provider_id)

    def test_a_received_message_id_is_not_taken_for_a_sent_one(self, ada: Connected) -> None:
        """Anybody can write any Message-ID; only what Ada sent was sent."""
        message_id = "<mine@x.example>"
        received = ada.message(ada.deliver(make_mail(to=ADA, Message_ID=message_id)))
        assert received.internet_message_id == message_id
        assert ada.mailbox.find_sent(received.internet_message_id) is None

    @pytest.mark.parametrize("form", ["verbatim", "decoded"])
    @pytest.mark.parametrize(
        ("charset", "name", "words"),
        [
            ("utf-8", "Jürgen", "Grüße, 20 €"),
            ("iso-8859-1", "Jürgen", "Grüße"),
            ("windows-1252", "Zoë", "“Grüße” für 20 €"),
            ("windows-1251", "Анна", "Съешь ещё этих мягких булок"),
            ("koi8-r", "Анна", "Съешь ещё этих мягких булок"),
            ("shift_jis", "花子", "こんにちは、ｶﾅ表の件です"),
            ("iso-2022-jp", "花子", "こんにちは、会議の件です"),
            ("gb18030", "王芳", "你好、会议改到明天"),
            ("utf-16", "Ελένη", "Καλημέρα"),
            ("utf-16-le", "Ada", "Hello Grüße"),
            ("utf-7", "Jürgen", "Grüße"),
            ("us-ascii", "Ada", "Hello"),
        ],
    )
    def test_text_reads_the_same_whichever_form_gmail_gives_it_in(
        self, ada: Connected, charset: str, name: str, words: str, form: str
    ) -> None:
        """Gmail has been seen to give a part's own bytes, and UTF-8 under the old declaration.

        Read by the declaration alone, half of the world's mail was mojibake, or said to be broken.
        """
        # Given
        ada.service.simulator.control("POST", "settings", json={"text": form})
        mail = make_foreign_mail(charset, name=name, words=words)
        # When
        full = ada.read(ada.deliver(mail))
        # Then
        assert full.content.text.strip() == words
        assert full.message.subject == words
        assert full.message.from_ == (Address(email="j@x.example", name=name),)
        assert full.message.attachments[0].filename == f"{name}.pdf"
        assert full.message.defects == ()

    def test_drafts_are_drafts(self, ada: Connected) -> None:
        """They are marked, so that lists of messages can leave them out."""
        message = ada.message(ada.deliver(folder="drafts"))
        roles = {folder.id: folder.role for folder in ada.mailbox.folders()}
        assert message.is_draft
        assert FolderRole.DRAFTS in {roles[folder] for folder in message.folders}
        assert message.account_id == ACCOUNT_ID


class TestAuditingGmail(AuditContract):
    """Labels, and all mail."""

    def test_all_mail_is_listed(self, ada: Connected) -> None:
        """Archived mail too, which has no label, and spam and trash."""
        # Given
        archived = ada.message(ada.deliver())
        ada.put_into(archived)
        others = [ada.deliver(folder="spam"), ada.deliver()]
        # When / Then
        assert sorted(ids_of(ada, None)) == sorted([archived.provider_id, *others])


class TestTransfersToGmail(TransferContract):
    """By uploads that are resumed."""


class TestGmailsDrafts(DraftContract):
    """Ids around messages that are replaced."""
