"""The Microsoft provider keeps the contract, and what Graph alone does."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import NotFound
from tests.contract.providers.audit_contract import AuditContract
from tests.contract.providers.contract import MailboxContract, MailProviderContract
from tests.contract.providers.draft_contract import DraftContract
from tests.contract.providers.manage_contract import ManageContract
from tests.contract.providers.service import Connected, Service, make_service
from tests.contract.providers.transfer_contract import TransferContract


@pytest.fixture
def service() -> Service:
    return make_service(ProviderName.MICROSOFT)


class TestMicrosoftProvider(MailProviderContract):
    """Entra's OAuth."""


class TestManagingOutlook(ManageContract):
    """Folders, categories and aliases."""


class TestGraphMailbox(MailboxContract):
    """Outlook's mailbox."""


class TestAuditingOutlook(AuditContract):
    """Folders."""

    def test_there_is_no_list_of_all_mail(self, ada: Connected) -> None:
        """`/me/messages` holds what lies in hidden folders too."""
        with pytest.raises(NotFound):
            ada.mailbox.listed_ids(None, "")


class TestTransfersToOutlook(TransferContract):
    """By drafts whose files come in upload sessions."""


class TestOutlooksDrafts(DraftContract):
    """Messages that are drafts."""
