"""Fifty letters per provider through the worst faults; a thousand are among the long tests."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.outgoing import SendState
from tests.sending_letters import WRITER, Kind
from tests.sending_storm import Storm


@pytest.mark.parametrize("provider", ProviderName)
def test_each_letter_arrives_once_or_is_said_to_be_refused(provider: ProviderName) -> None:
    """None twice, none lost, none with another text or to another reader, none left unknown."""
    storm = Storm(provider, large_every=20)

    outcome = storm.send(range(50))

    assert outcome.wrong == []
    assert set(outcome.states) <= {SendState.SENT, SendState.REJECTED, SendState.CANCELLED}
    assert outcome.states[SendState.SENT] > 35
    # And the storm was one
    assert outcome.states[SendState.REJECTED] > 0
    assert outcome.deaths > 10
    assert outcome.repeated_requests > 10
    assert set(outcome.kinds) == set(Kind)
    assert min(outcome.rewritten, outcome.met, outcome.states[SendState.CANCELLED]) > 0
    assert (outcome.large, outcome.swept > 0) == (3, True)
    # And nothing is left of it, but for the letters
    assert outcome.left_behind == []
    # Of a draft whose making and deletion both got no answer nobody knows: there are few.
    drafts = [each for each in storm.world.simulator.messages(WRITER).values() if each["draft"]]
    assert len(drafts) <= 2 + outcome.kept_drafts
