"""OutboxStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import NotFound
from postroom.domain.ids import ProviderMessageId, ProviderThreadId
from postroom.domain.outgoing import OUTBOX_LIFETIME, SendState, SentMessage
from postroom.ports import OutboxStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_outbox_entry
from tests.fakes import FixedClock, InMemoryOutboxStore

SENT = SentMessage(
    provider_id=ProviderMessageId("18c1"), provider_thread_id=ProviderThreadId("18c0")
)


@pytest.fixture(params=["memory", "dynamodb"])
def outbox(request: pytest.FixtureRequest, clock: FixedClock) -> OutboxStore:
    if request.param == "memory":
        return InMemoryOutboxStore(clock)
    return DynamoOutboxStore(request.getfixturevalue("table"), clock)


class TestOutboxStore:
    """The durable record of sends."""

    def test_first_claim_gets_the_send(self, outbox: OutboxStore) -> None:
        """Whoever comes first is told that nobody was there; the entry is kept whole."""
        entry = make_outbox_entry()

        assert outbox.claim(entry) is None

        assert outbox.get(ACCOUNT_ID, entry.id) == entry

    def test_second_claim_gets_the_entry_that_is_there(self, outbox: OutboxStore) -> None:
        """The same key again is the same send, also when it asks for something else."""
        entry = make_outbox_entry()
        outbox.claim(entry)

        assert outbox.claim(entry) == entry
        assert outbox.claim(replace(entry, request_hash="f" * 64)) == entry
        assert outbox.get(ACCOUNT_ID, entry.id) == entry

    def test_accounts_have_their_own_keys(self, outbox: OutboxStore) -> None:
        """The same key on another account is another send."""
        outbox.claim(make_outbox_entry())

        assert outbox.claim(make_outbox_entry(account_id=OTHER_ACCOUNT_ID)) is None

    @pytest.mark.parametrize("state", [SendState.SENT, SendState.REJECTED])
    def test_settled_entry_stays_as_it_is(self, outbox: OutboxStore, state: SendState) -> None:
        """A late look-up does not overwrite an outcome that is known."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        settled = replace(entry, state=state, sent=SENT, error="as the provider said")
        outbox.settle(settled)

        outbox.settle(replace(entry, state=SendState.UNKNOWN))

        assert outbox.get(ACCOUNT_ID, entry.id) == settled

    def test_unknown_outcome_can_become_known(self, outbox: OutboxStore) -> None:
        """A message that is found at the provider after all was sent."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.settle(replace(entry, state=SendState.UNKNOWN, error="timeout"))

        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))

        assert outbox.get(ACCOUNT_ID, entry.id) == replace(entry, state=SendState.SENT, sent=SENT)

    def test_withdrawn_key_can_be_used_again(self, outbox: OutboxStore) -> None:
        """A message that did not leave may be sent anew; withdrawing twice is fine."""
        entry = make_outbox_entry()
        outbox.claim(entry)

        outbox.withdraw(ACCOUNT_ID, entry.id)
        outbox.withdraw(ACCOUNT_ID, entry.id)

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)
        assert outbox.claim(entry) is None

    def test_withdrawn_entry_comes_back_only_as_sent(self, outbox: OutboxStore) -> None:
        """A late look-up does not block a key that is free again, unless the message did leave."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.withdraw(ACCOUNT_ID, entry.id)

        outbox.settle(replace(entry, state=SendState.UNKNOWN))
        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)

        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))
        assert outbox.get(ACCOUNT_ID, entry.id).state is SendState.SENT

    def test_message_that_left_cannot_be_withdrawn(self, outbox: OutboxStore) -> None:
        """A withdrawal that comes after the outcome does not open the way to a second send."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        sent = replace(entry, state=SendState.SENT, sent=SENT)
        outbox.settle(sent)

        outbox.withdraw(ACCOUNT_ID, entry.id)

        assert outbox.claim(entry) == sent

    def test_erasing_takes_one_account_only(self, outbox: OutboxStore) -> None:
        """A removed account leaves none of its sends behind, and takes nobody else's along."""
        mine, other = make_outbox_entry(), make_outbox_entry(account_id=OTHER_ACCOUNT_ID)
        outbox.claim(mine)
        outbox.claim(other)

        outbox.erase(ACCOUNT_ID)

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, mine.id)
        assert outbox.get(OTHER_ACCOUNT_ID, other.id) == other

    def test_key_is_forgotten_after_its_lifetime(
        self, outbox: OutboxStore, clock: FixedClock
    ) -> None:
        """After thirty days the key is free, also while its row is still waiting for removal."""
        entry = make_outbox_entry()
        outbox.claim(entry)
        outbox.settle(replace(entry, state=SendState.SENT, sent=SENT))

        clock.advance(OUTBOX_LIFETIME - timedelta(seconds=1))
        assert outbox.get(ACCOUNT_ID, entry.id).state is SendState.SENT
        clock.advance(timedelta(seconds=1))

        with pytest.raises(NotFound):
            outbox.get(ACCOUNT_ID, entry.id)
        again = replace(entry, created_at=clock.now())
        assert outbox.claim(again) is None
        assert outbox.get(ACCOUNT_ID, entry.id) == again
