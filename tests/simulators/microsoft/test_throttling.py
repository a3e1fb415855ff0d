"""Four requests at once, and so many in ten minutes."""

from contextlib import ExitStack

import pytest

from local.simulators.microsoft.errors import GraphError
from local.simulators.microsoft.throttling import Throttle

ADA, GRACE = "ada@simulated.example", "grace@simulated.example"


def test_a_fifth_request_at_once_is_refused() -> None:
    """Each mailbox has four places; one that is left is free again."""
    throttle = Throttle()

    with ExitStack() as running:
        for _ in range(4):
            running.enter_context(throttle.slot(ADA, enforced=True))
        with pytest.raises(GraphError) as refused, throttle.slot(ADA, enforced=True):
            pass
        with throttle.slot(GRACE, enforced=True), throttle.slot(ADA, enforced=False):
            pass

    assert (refused.value.status, refused.value.code) == (429, "ApplicationThrottled")
    assert int(refused.value.headers["Retry-After"]) > 0
    with throttle.slot(ADA, enforced=True):
        pass


def test_a_batch_fills_the_places_that_are_free() -> None:
    """Beside one other request, three of a batch find a place and the fourth does not."""
    throttle = Throttle()
    admitted = []

    with throttle.slot(ADA, enforced=True):
        for position in range(4):
            try:
                with throttle.slot(ADA, enforced=True, beside=position):
                    admitted.append(position)
            except GraphError:
                pass

    assert admitted == [0, 1, 2]


def test_retry_after_tells_when_there_is_room() -> None:
    """Who waits as long as it says gets through; who does not has asked in vain, and longer."""
    throttle = Throttle()
    for second in range(3):
        throttle.spend(ADA, second * 1000, limit=3)

    with pytest.raises(GraphError) as first:
        throttle.spend(ADA, 10_000, limit=3)
    with pytest.raises(GraphError) as second_refusal:
        throttle.spend(ADA, 11_000, limit=3)
    throttle.spend(GRACE, 11_000, limit=3)

    assert (first.value.status, first.value.code) == (429, "TooManyRequests")
    assert first.value.headers["Retry-After"] == "591"
    wait = int(second_refusal.value.headers["Retry-After"])
    assert wait == 591
    throttle.spend(ADA, 11_000 + wait * 1000, limit=3)


def test_cleared_throttle_starts_anew() -> None:
    """A reset forgets what was asked."""
    throttle = Throttle()
    throttle.spend(ADA, 0, limit=1)

    throttle.clear()

    throttle.spend(ADA, 0, limit=1)
