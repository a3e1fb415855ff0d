"""What every provider promises about folders, categories and senders, in our words."""

from dataclasses import replace

import pytest

from postroom.domain.errors import NotFound, Rejected
from postroom.domain.folder import Folder, FolderColors, FolderRole
from postroom.domain.ids import FolderId, InternetMessageId
from postroom.domain.message import Address, MessageChange
from postroom.domain.mime import render
from tests.builders import make_folder
from tests.contract.providers.service import GRACE, Connected, Service, outgoing

SHOP = "shop@simulated.example"


class ManageContract:
    """Folders, categories and senders."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    # ── Folders ──────────────────────────────────────────────────────────────────────────

    def test_a_made_folder_is_listed(self, ada: Connected) -> None:
        """On top, or in the folder that was named; what is answered is what is listed."""
        work = ada.mailbox.create_folder("Work", None)
        invoices = ada.mailbox.create_folder("Invoices", work)
        listed = _listed(ada)
        assert listed[work.id].name == "Work"
        assert (listed[work.id].parent_id, listed[work.id].child_count) == (None, 1)
        assert not listed[work.id].is_system
        inside = listed[invoices.id]
        assert (inside.provider_id, inside.parent_id) == (invoices.provider_id, work.id)
        assert (_own_name(inside), inside.name) == ("Invoices", invoices.name)

    def test_folders_are_listed_as_they_are_now(self, ada: Connected) -> None:
        """The listing of the units was handed out again: a folder made since then was taken away.

        Whoever listed them believed that the provider had been asked a moment ago.
        """
        ada.mailbox.sync_units()
        work = ada.mailbox.create_folder("Work", None)
        assert work.id in _listed(ada)

    def test_a_renamed_folder_keeps_its_id_mail_and_children(self, ada: Connected) -> None:
        """Only names change."""
        # Given
        work = ada.mailbox.create_folder("Work", None)
        invoices = ada.mailbox.create_folder("Invoices", work)
        message = ada.message(ada.deliver())
        ada.mailbox.apply(
            message, MessageChange(folders=(invoices.id,)), folders={invoices.id: invoices}
        )
        # When
        renamed = ada.mailbox.update_folder(work, name="Arbeit 😀", parent=None)
        # Then
        listed = _listed(ada)
        assert (renamed.id, listed[work.id].name) == (work.id, "Arbeit 😀")
        assert listed[invoices.id].parent_id == work.id
        assert _own_name(listed[invoices.id]) == "Invoices"
        assert invoices.id in ada.folders_of(message.provider_id)

    def test_a_folder_is_moved_and_renamed_at_once(self, ada: Connected) -> None:
        """Into another folder with what lies in it, and out of all."""
        # Given
        work, private = (ada.mailbox.create_folder(each, None) for each in ("Work", "Private"))
        invoices = ada.mailbox.create_folder("Invoices", work)
        year = ada.mailbox.create_folder("2026", invoices)
        # When
        bills = ada.mailbox.update_folder(invoices, name="Bills", parent=private)
        # Then
        listed = _listed(ada)
        assert (listed[bills.id].id, listed[bills.id].parent_id) == (invoices.id, private.id)
        assert _own_name(listed[bills.id]) == "Bills"
        assert listed[year.id].parent_id == bills.id
        # And back on top, with the name it has
        ada.mailbox.update_folder(listed[bills.id], name=listed[bills.id].name, parent=None)
        assert (_listed(ada)[bills.id].name, _listed(ada)[bills.id].parent_id) == ("Bills", None)

    def test_a_deleted_folder_is_gone_or_in_the_trash(self, ada: Connected) -> None:
        """Its mail can still be had."""
        # Given
        work = ada.mailbox.create_folder("Work", None)
        message = ada.message(ada.deliver())
        ada.mailbox.apply(message, MessageChange(folders=(work.id,)), folders={work.id: work})
        # When
        ada.mailbox.delete_folder(work)
        # Then
        left = _listed(ada).get(work.id)
        assert left is None or left.parent_id == ada.folder(FolderRole.TRASH).id
        assert ada.message(message.provider_id).subject == message.subject

    def test_a_name_that_is_taken_is_refused(self, ada: Connected) -> None:
        """In any case of its letters, for a new folder and an old one; elsewhere it is free."""
        ada.mailbox.create_folder("Work", None)
        private = ada.mailbox.create_folder("Private", None)
        with pytest.raises(Rejected, match="already"):
            ada.mailbox.create_folder("work", None)
        with pytest.raises(Rejected, match="already"):
            ada.mailbox.update_folder(private, name="WORK", parent=None)
        assert ada.mailbox.create_folder("Work", private).id in _listed(ada)

    def test_a_folder_that_is_gone_is_not_found(self, ada: Connected) -> None:
        """Deleted in another client a moment ago."""
        gone = make_folder(id=FolderId("Label_999"), provider_id="Label_999")
        with pytest.raises(NotFound):
            ada.mailbox.update_folder(gone, name="Work", parent=None)
        with pytest.raises(NotFound):
            ada.mailbox.delete_folder(gone)
        with pytest.raises(NotFound):
            ada.mailbox.create_folder("Work", gone)

    def test_colors_are_kept_where_folders_have_them(self, ada: Connected) -> None:
        """With a new folder and an old one; a new name leaves them alone."""
        colors = FolderColors(background="#16a766", text="#ffffff")
        if not ada.service.provider.traits.has_folder_colors:
            assert {each.background_color for each in ada.mailbox.folders()} == {""}
            return
        work = ada.mailbox.create_folder("Work", None, colors=colors)
        other = ada.mailbox.create_folder("Other", None)
        ada.mailbox.update_folder(other, name="Other", parent=None, colors=colors)
        ada.mailbox.update_folder(work, name="Job", parent=None)
        for folder in (_listed(ada)[work.id], _listed(ada)[other.id]):
            assert (folder.background_color, folder.text_color) == ("#16a766", "#ffffff")

    # ── Categories ───────────────────────────────────────────────────────────────────────

    def test_categories_are_replaced_where_messages_have_them(self, ada: Connected) -> None:
        """Flags and folders stay; without categories a message has none."""
        message = ada.message(ada.deliver())
        if not ada.service.provider.traits.has_categories:
            assert message.categories == ()
            return
        for names in (("Blue", "Größe 😀"), ("Blue",), ()):
            edit = ada.mailbox.apply(message, MessageChange(categories=names), folders={})
            after = message.edited(edit)
            now = ada.message(message.provider_id)
            assert set(after.categories) == set(now.categories) == set(names)
            assert (now.unread, now.folders) == (message.unread, message.folders)

    # ── Senders ──────────────────────────────────────────────────────────────────────────

    def test_the_own_address_is_the_first_sender(self, ada: Connected) -> None:
        """Every mailbox has it."""
        assert [each.email for each in ada.mailbox.senders()] == [ada.address]

    def test_mail_leaves_from_an_alias(self, service: Service) -> None:
        """It arrives from that address, and lies among what was sent."""
        # Given
        mailbox = {"address": "alan@simulated.example", "name": "Alan", "aliases": [SHOP]}
        service.simulator.control("POST", "mailboxes", json=mailbox)
        alan = service.connect("alan@simulated.example")
        assert [each.email for each in alan.mailbox.senders()] == [alan.address, SHOP]
        # When
        shop = Address(email=SHOP, name="The shop")
        sent = alan.mailbox.send(outgoing(from_=shop, from_alias=True))
        # Then
        assert alan.message(sent.provider_id).from_ == (Address(email=SHOP, name="The shop"),)
        grace = service.connect(GRACE)
        (arrived,) = grace.everything().values()
        assert arrived.message.from_ == (Address(email=SHOP, name="The shop"),)

    def test_nothing_leaves_from_an_alias_that_was_withdrawn(self, service: Service) -> None:
        """Neither a message nor one in MIME nor a draft: Rejected, with the reason.

        The incident: Gmail put the account's own address into From, and said that it was sent.
        """
        # Given an alias, and a draft from it
        mailbox = {"address": "alan@simulated.example", "name": "Alan", "aliases": [SHOP]}
        service.simulator.control("POST", "mailboxes", json=mailbox)
        alan = service.connect("alan@simulated.example")
        message = outgoing(from_=Address(email=SHOP), from_alias=True)
        written = replace(message, mime=render(message, include_bcc=True))
        other = replace(message, message_id=InternetMessageId("<draft@simulated.example>"))
        draft = alan.message(alan.mailbox.create_draft(other, starred=False).message_id)
        # When it is an alias no more
        path = f"mailboxes/{alan.address}/aliases"
        service.simulator.control("PUT", path, json={"aliases": []})
        # Then
        refused = pytest.raises(Rejected, match="may not send from this address")
        for each in (message, written):
            for again in (False, True):
                with refused:
                    alan.mailbox.send(each, again=again)
        with refused:
            alan.mailbox.send_draft(draft, from_alias=True)
        assert service.simulator.messages(GRACE) == {}


def _listed(owner: Connected) -> dict[FolderId, Folder]:
    return {folder.id: folder for folder in owner.mailbox.folders()}


def _own_name(folder: Folder) -> str:
    """The last part of a name: some providers tell it with those of the folders around it."""
    return folder.name.rpartition("/")[2]
