"""The time of a request that sends is over, at any moment: its answer is what is stored."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postroom.domain.account import Account
from postroom.domain.errors import OutcomeUnknown, PostroomError, Rejected
from postroom.domain.outgoing import OutboxEntry, SendState
from postroom.ports import OutboxStore
from postroom.usecases.scheduled_sends import find_scheduled_send
from postroom.usecases.send_message import SendResult
from tests.interruptions import interrupted
from tests.sending_storm import NEVER, NOT_NOW
from tests.unit.usecases.sends import STORE_FAILURES, connected, failing, received, send
from tests.world import World


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


def _time_is_over() -> None:
    """Happen as the alarm of a function does."""
    raise OutcomeUnknown("This took too long.")


def _send_interrupted(world: World, account: Account, before: str) -> SendResult:
    name, call = before.split(".")
    store = getattr(world, name)
    setattr(world, name, interrupted(store, before=call, by=_time_is_over))
    try:
        return send(world, account, "order-17")
    finally:
        setattr(world, name, store)


def _state(world: World, result: SendResult) -> SendState:
    return world.outbox.get(result.entry.account_id, result.entry.id).state


@pytest.mark.parametrize("before", ["outgoing.delete", "sync_states.ring"])
def test_what_was_noted_as_sent_is_answered_so(world: World, account: Account, before: str) -> None:
    """It was answered with 202 and a schedule that was 404, for it had left at once."""
    result = _send_interrupted(world, account, before)

    assert (result.has_left, len(received(world))) == (True, 1)
    world.work_off()
    assert (len(received(world)), world.kept()) == (1, [])


@pytest.mark.parametrize(
    ("before", "faults", "end"),
    [
        ("outbox.withdraw", {"times": 1, **NOT_NOW}, SendState.SENT),
        ("outbox.settle", NEVER, SendState.REJECTED),
    ],
)
def test_what_was_not_noted_can_be_followed_to_its_end(
    world: World, account: Account, before: str, faults: dict[str, Any], end: SendState
) -> None:
    """Whether it had left or was refused: the schedule that is answered is there, and tells."""
    if faults:
        world.simulator.fail_calls("send", **faults)

    result = _send_interrupted(world, account, before)

    assert not result.has_left
    followed = find_scheduled_send(
        account_id=account.id, wanted=result.entry.id, tools=world.send_tools
    )
    assert followed == result.entry
    world.work_off()
    assert _state(world, result) is end
    assert (len(received(world)), world.kept()) == (int(end is SendState.SENT), [])


@pytest.mark.parametrize("failure", STORE_FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    ("call", "faults"),
    [("vault.read", {}), ("outbox.withdraw", {"times": 1, **NOT_NOW})],
)
def test_what_a_failing_store_held_up_is_answered_as_on_its_way(
    world: World, account: Account, call: str, faults: dict[str, Any], failure: Exception
) -> None:
    """It was answered 500 and left two minutes later; its author had pressed Send again."""
    # Given
    if faults:
        world.simulator.fail_calls("send", **faults)
    # When
    with failing(world, call, failure):
        result = send(world, account)
    # Then
    assert not result.has_left
    world.work_off()
    assert _state(world, result) is SendState.SENT
    assert (len(received(world)), world.kept()) == (1, [])


class _LostAnswer:
    """An outbox that writes a claim, once, and does not say so."""

    def __init__(self, outbox: OutboxStore) -> None:
        self._outbox = outbox
        self._is_lost = False

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        found = self._outbox.claim(entry)
        if self._is_lost:
            return found
        self._is_lost = True
        raise STORE_FAILURES[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


def test_a_claim_whose_answer_was_lost_is_gone_on_with(world: World, account: Account) -> None:
    """The row was there, so that the mail left after its author had been answered 500."""
    world.outbox = _LostAnswer(world.outbox)

    result = send(world, account, "order-17")

    assert result.has_left
    world.work_off()
    assert (len(received(world)), world.kept()) == (1, [])


def test_a_claim_that_failed_sends_nothing(world: World, account: Account) -> None:
    """The author is told so, may press again, and one mail leaves."""
    with failing(world, "outbox.claim", STORE_FAILURES[0]), pytest.raises(ClientError):
        send(world, account)
    world.work_off()
    assert received(world) == []

    assert send(world, account).has_left
    world.work_off()
    assert (len(received(world)), world.kept()) == (1, [])


def test_a_send_that_nothing_could_be_noted_of_leaves_once(world: World, account: Account) -> None:
    """The queue failed beside the vault: the call that was made first finds the send."""
    with (
        failing(world, "vault.read", STORE_FAILURES[0]),
        failing(world, "outbox.settle", STORE_FAILURES[1]),
    ):
        result = send(world, account)

    assert not result.has_left
    world.work_off()
    assert _state(world, result) is SendState.SENT
    assert (len(received(world)), world.kept()) == (1, [])


@pytest.mark.parametrize("faults", [{"times": 1, **NOT_NOW}, NEVER])
def test_what_was_noted_as_refused_is_answered_so(
    world: World, account: Account, faults: dict[str, Any]
) -> None:
    """It was answered with 202 and a schedule that was 404, and nothing was ever sent.

    For good it stays refused; what did not leave for now has a key that is free.
    """
    world.simulator.fail_calls("send", **faults)

    with pytest.raises(PostroomError) as refusal:
        _send_interrupted(world, account, "outgoing.delete")

    assert not isinstance(refusal.value, OutcomeUnknown)
    assert len(received(world)) == 0
    if isinstance(refusal.value, Rejected):
        with pytest.raises(Rejected):
            send(world, account, "order-17")
    else:
        world.clock.advance(timedelta(minutes=1))
        assert send(world, account, "order-17").has_left
        assert len(received(world)) == 1
    world.work_off()
    assert world.kept() == []
