"""A thousand letters per provider through the worst faults; fifty are among the quick tests."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.outgoing import SendState
from tests.sending_letters import Kind
from tests.sending_storm import Storm

pytestmark = pytest.mark.long


@pytest.mark.parametrize("provider", ProviderName)
def test_each_of_a_thousand_letters_arrives_once_or_is_said_to_be_refused(
    provider: ProviderName,
) -> None:
    """None twice, none lost, none with another text or to another reader, none left unknown."""
    storm = Storm(provider, large_every=50)

    outcome = storm.send(range(1_000, 2_000))

    assert outcome.wrong == []
    assert set(outcome.states) <= {SendState.SENT, SendState.REJECTED, SendState.CANCELLED}
    assert outcome.states[SendState.SENT] > 700
    assert outcome.states[SendState.REJECTED] > 30
    assert outcome.states[SendState.CANCELLED] > 30
    assert min(outcome.kinds[kind] for kind in Kind) > 80
    assert outcome.rewritten > 15
    assert outcome.met > 200
    assert outcome.deaths > 300
    assert outcome.large == 20
    assert outcome.swept > 10
    assert outcome.left_behind == []
