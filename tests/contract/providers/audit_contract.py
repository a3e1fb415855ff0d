"""What every provider promises to an audit: counts, and ids without the messages."""

import contextlib

import pytest

from postroom.domain.errors import CursorExpired, NotFound
from postroom.domain.folder import Folder, FolderRole
from tests.contract.providers.service import Connected, Service


def ids_of(ada: Connected, folder: Folder | None) -> list[str]:
    """List a folder to its end, by the provider's ids."""
    found: list[str] = []
    position: str | None = ""
    while position is not None:
        page = ada.mailbox.listed_ids(folder, position)
        found += [ref.provider_id for ref in page.refs]
        position = page.next_position
    return found


class AuditContract:
    """Counting and listing."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    def test_every_message_is_counted_once(self, ada: Connected) -> None:
        """Read, unread, draft and trash: in the whole, and in its folder."""
        assert ada.mailbox.totals().messages == 0
        # Given
        ada.deliver()
        ada.deliver(unread="false")
        ada.deliver(folder="drafts")
        ada.put_into(ada.message(ada.deliver()), FolderRole.TRASH)
        # When
        totals = ada.mailbox.totals()
        # Then
        assert totals.messages == 4
        counts = {folder.role: folder.total_count for folder in totals.folders}
        assert counts[FolderRole.INBOX] == 2
        assert counts[FolderRole.DRAFTS] == counts[FolderRole.TRASH] == 1

    def test_a_folder_is_listed_by_its_ids(self, ada: Connected) -> None:
        """All of them and no others, page by page, without reading a message."""
        # Given
        inbox = {ada.deliver() for _ in range(7)}
        draft = ada.deliver(folder="drafts")
        ada.service.simulator.control("POST", "settings", json={"page_size": 3})
        before = ada.service.simulator.calls_made()
        # When / Then
        assert sorted(ids_of(ada, ada.folder(FolderRole.INBOX))) == sorted(inbox)
        assert ids_of(ada, ada.folder(FolderRole.DRAFTS)) == [draft]
        assert ids_of(ada, ada.folder(FolderRole.SENT)) == []
        made = ada.service.simulator.calls_made()
        assert not {"messages.get", "threads.get"} & {
            name for name in made if made[name] != before.get(name, 0)
        }

    def test_a_folder_that_is_gone_cannot_be_listed(self, ada: Connected) -> None:
        """Its audit ends with it."""
        # Given
        gone = ada.mailbox.create_folder("Gone", None)
        ada.mailbox.delete_folder(gone)
        with contextlib.suppress(NotFound):
            ada.mailbox.delete_folder(gone)  # the first may have put it into the trash
        # When / Then
        with pytest.raises(NotFound):
            ada.mailbox.listed_ids(gone, "")

    def test_a_listing_that_was_forgotten_says_so(self, ada: Connected) -> None:
        """Whoever goes on with a mark that the provider no longer knows begins again."""
        # Given
        for _ in range(5):
            ada.deliver()
        ada.service.simulator.control("POST", "settings", json={"page_size": 2})
        inbox = ada.folder(FolderRole.INBOX)
        position = ada.mailbox.listed_ids(inbox, "").next_position
        assert position
        # When
        ada.service.simulator.expire_cursors()
        if not ada.service.provider.traits.one_folder_per_message:
            ada.fail(path="/messages$", status=400, body={"error": {"code": 400}}, times=1)
        # Then
        with pytest.raises(CursorExpired):
            ada.mailbox.listed_ids(inbox, position)
