"""InvitationStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import NotFound
from postroom.domain.person import Invitation, InvitationKind
from postroom.ports.people import InvitationStore
from postroom.storage.dynamodb.invitations import DynamoInvitationStore
from tests.builders import NOW
from tests.fakes.people import InMemoryInvitationStore

ADDRESS = Invitation(
    id="one",
    kind=InvitationKind.ADDRESS,
    value="ada@example.com",
    created_at=NOW,
    ends_at=None,
)
LINK = Invitation(
    id="two",
    kind=InvitationKind.LINK,
    value="for Charles",
    created_at=NOW + timedelta(minutes=1),
    ends_at=NOW + timedelta(days=7),
)


@pytest.fixture(params=["memory", "dynamodb"])
def invitations(request: pytest.FixtureRequest) -> InvitationStore:
    if request.param == "memory":
        return InMemoryInvitationStore()
    return DynamoInvitationStore(request.getfixturevalue("table"))


class TestInvitationStore:
    """Who may become a person."""

    def test_invitations_are_listed_oldest_first(self, invitations: InvitationStore) -> None:
        """Each is kept whole, and put twice it is one."""
        for each in (LINK, ADDRESS, LINK):
            invitations.put(each)

        assert list(invitations.all()) == [ADDRESS, LINK]
        assert invitations.find("one", now=NOW) == ADDRESS
        assert invitations.find("three", now=NOW) is None

    def test_an_invitation_ends_at_its_time(self, invitations: InvitationStore) -> None:
        """A link of a week ago opens nothing, whether it was cleaned up or not."""
        ended = replace(LINK, ends_at=NOW)
        invitations.put(ended)

        assert invitations.find("two", now=NOW) is None
        assert invitations.find("two", now=NOW - timedelta(microseconds=1)) == ended
        assert invitations.take("two", now=NOW) is None

    def test_a_link_is_taken_once(self, invitations: InvitationStore) -> None:
        """The second to come with it gets nothing."""
        invitations.put(LINK)

        assert invitations.take("two", now=NOW) == LINK
        assert invitations.take("two", now=NOW) is None
        assert list(invitations.all()) == []

    def test_a_withdrawn_invitation_is_gone(self, invitations: InvitationStore) -> None:
        """Withdrawing it again says that there is none."""
        invitations.put(ADDRESS)

        invitations.withdraw("one")

        assert invitations.find("one", now=NOW) is None
        with pytest.raises(NotFound):
            invitations.withdraw("one")
