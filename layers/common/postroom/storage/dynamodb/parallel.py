"""Single calls side by side: what conditions makes impossible in batches."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WRITERS = 16
"""At once; the client's connection pool should have as many connections."""

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def in_parallel(do: Callable[[_Item], _Answer], items: Sequence[_Item]) -> list[_Answer]:
    """Do something with each item; answers in their order, raises what one of them raises."""
    if len(items) < 2:
        return [do(each) for each in items]
    with ThreadPoolExecutor(max_workers=min(WRITERS, len(items))) as pool:
        return list(pool.map(do, items))
