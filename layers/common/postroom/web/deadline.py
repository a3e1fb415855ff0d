"""Answering in our own shape before API Gateway gives up after 30 seconds.

What is interrupted is treated like a connection that broke: a send is looked up, a change may or
may not have happened, a read can be repeated.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from postroom.domain.errors import OutcomeUnknown

ANSWER_LIMIT = timedelta(seconds=25)
"""The functions end at 29 s; the rest is for noting what became of a send, and for the answer."""


@contextmanager
def within(limit: timedelta) -> Iterator[None]:
    """Raise OutcomeUnknown in the block when it takes longer.

    Lambda runs handlers in the main thread, the only one that can be interrupted; in another one
    nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise OutcomeUnknown("This took too long. It may still have happened; look before repeating.")
