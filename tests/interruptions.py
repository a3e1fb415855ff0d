"""Stand-ins that interrupt a worker at an exact moment: by another actor, or by its death.

They wrap a fake and pass every call on to it, so what is stored is stored by the fake alone.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

Store = TypeVar("Store")


class Death(BaseException):
    """The process of the worker ends here; nothing in the product may catch it."""


def interrupted(store: Store, *, before: str, by: Callable[[], object]) -> Store:
    """Wrap a store so that, once, something else happens right before a call reaches it."""
    waiting = [by]

    def happen() -> None:
        if waiting:
            waiting.pop()()

    return cast("Store", _Wrapped(store, (before,), happen))


def accompanied(store: Store, *names: str, by: Callable[[], object]) -> Store:
    """Wrap a store so that something else happens right before each of these calls reaches it."""
    return cast("Store", _Wrapped(store, names, by))


class WritesUntilDeath:
    """Counts writes over several stores and dies before the n-th of them, once."""

    def __init__(self, deadly: int) -> None:
        self._left = deadly

    @property
    def happened(self) -> bool:
        """Whether the deadly write was reached."""
        return self._left <= 0

    def of(self, store: Store, *names: str) -> Store:
        """Wrap a store so that these of its calls count as writes."""
        return cast("Store", _Wrapped(store, names, self._write))

    def _write(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Death


class _Wrapped:
    def __init__(self, store: object, names: tuple[str, ...], first: Callable[[], object]) -> None:
        self._store = store
        self._names = names
        self._first = first

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name not in self._names:
            return attribute

        def call(*args: Any, **named: Any) -> Any:
            self._first()
            return attribute(*args, **named)

        return call
