"""DraftCreationStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.draft import CREATION_CLAIM_LIFETIME, CREATION_LIFETIME
from postroom.domain.errors import NotFound
from postroom.domain.ids import ProviderDraftId
from postroom.ports import DraftCreationStore
from postroom.storage.dynamodb.draft_creations import DynamoDraftCreationStore
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_draft_creation
from tests.fakes import FixedClock, InMemoryDraftCreationStore

DRAFT = ProviderDraftId("r-771")


@pytest.fixture(params=["memory", "dynamodb"])
def creations(request: pytest.FixtureRequest, clock: FixedClock) -> DraftCreationStore:
    if request.param == "memory":
        return InMemoryDraftCreationStore(clock)
    return DynamoDraftCreationStore(request.getfixturevalue("table"), clock)


class TestDraftCreationStore:
    """The durable record that a draft is made once."""

    def test_the_first_claim_is_the_callers(self, creations: DraftCreationStore) -> None:
        """The record is kept whole; the second is told of the first, also with another body."""
        creation = make_draft_creation()

        assert creations.claim(creation) is None

        assert creations.get(ACCOUNT_ID, creation.id) == creation
        assert creations.claim(replace(creation, claim="second")) == creation
        other = replace(creation, claim="third", request_hash="f" * 64)
        assert creations.claim(other) == creation

    def test_accounts_have_their_own_keys(self, creations: DraftCreationStore) -> None:
        """The same key on another account makes another draft."""
        creations.claim(make_draft_creation())

        assert creations.claim(make_draft_creation(account_id=OTHER_ACCOUNT_ID)) is None

    def test_a_made_draft_is_what_its_key_answers(
        self, creations: DraftCreationStore, clock: FixedClock
    ) -> None:
        """For thirty days, however long ago the claim has expired; then the key is free."""
        creation = make_draft_creation()
        creations.claim(creation)
        creations.finish(replace(creation, draft=DRAFT))

        clock.advance(CREATION_LIFETIME - timedelta(seconds=1))
        there = creations.claim(replace(creation, claim="second"))
        assert there is not None
        assert there.draft == DRAFT
        clock.advance(timedelta(seconds=1))
        with pytest.raises(NotFound):
            creations.get(ACCOUNT_ID, creation.id)
        assert creations.claim(make_draft_creation(created_at=clock.now())) is None

    def test_an_expired_claim_gives_way(
        self, creations: DraftCreationStore, clock: FixedClock
    ) -> None:
        """To the same request alone; the one that was too slow changes nothing any more."""
        slow = make_draft_creation()
        creations.claim(slow)
        clock.advance(CREATION_CLAIM_LIFETIME)
        until = clock.now() + CREATION_CLAIM_LIFETIME
        other = replace(slow, claim="other", claimed_until=until, request_hash="f" * 64)
        assert creations.claim(other) == slow

        second = replace(slow, claim="second", claimed_until=until)
        assert creations.claim(second) is None

        creations.finish(replace(slow, draft=DRAFT))
        creations.withdraw(slow)
        assert creations.get(ACCOUNT_ID, slow.id) == second

    def test_a_withdrawn_claim_frees_its_key(self, creations: DraftCreationStore) -> None:
        """Also for another request."""
        creation = make_draft_creation()
        creations.claim(creation)

        creations.withdraw(creation)

        with pytest.raises(NotFound):
            creations.get(ACCOUNT_ID, creation.id)
        assert creations.claim(replace(creation, claim="second", request_hash="f" * 64)) is None

    def test_an_account_is_erased(self, creations: DraftCreationStore) -> None:
        """With all of its records, and nobody else's."""
        creations.claim(make_draft_creation())
        other = make_draft_creation(account_id=OTHER_ACCOUNT_ID)
        creations.claim(other)

        creations.erase(ACCOUNT_ID)

        with pytest.raises(NotFound):
            creations.get(ACCOUNT_ID, make_draft_creation().id)
        assert creations.get(OTHER_ACCOUNT_ID, other.id) == other
