"""Fault injection: calls that fail, hang, lose their connection or fail once the work is done."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ConnectionDropped(ConnectionError):
    """The connection ends without a whole answer.

    `partial` is what the client may still see of the answer, as raw HTTP bytes.
    """

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__("the simulator dropped the connection")
        self.partial = partial


class Fault(BaseModel):
    """One rule of `/_sim/faults`; the first rule that matches a call is applied to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    """Regular expression searched for in the path, without the query."""
    method: str | None = None
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | dict[str, Any] | None = None
    """The provider's usual error body for the status when absent."""
    drop: bool = False
    delay_ms: int = Field(default=0, ge=0)
    after_effect: bool = False
    """Do the work first, then fail the answer."""
    times: int | None = Field(default=None, ge=1)
    """How many matching calls fail; all of them when absent."""
    probability: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0

    @field_validator("path")
    @classmethod
    def _must_compile(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return path

    @property
    def fails(self) -> bool:
        """Whether the call fails, rather than being only delayed."""
        return self.drop or self.status is not None


@dataclass
class _Rule:
    fault: Fault
    remaining: int | None
    dice: random.Random


class Faults:
    """The rules in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = Lock()

    def add(self, faults: Sequence[Fault]) -> None:
        """Put rules after those in force."""
        with self._lock:
            self._rules += [
                _Rule(fault, fault.times, random.Random(fault.seed))  # noqa: S311 - a test's dice
                for fault in faults
            ]

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """Return the fault this call suffers, counting it against the rule's `times`."""
        with self._lock:
            for rule in self._rules:
                if self._applies(rule, method, path):
                    if rule.remaining is not None:
                        rule.remaining -= 1
                    return rule.fault
        return None

    @staticmethod
    def _applies(rule: _Rule, method: str, path: str) -> bool:
        fault = rule.fault
        if rule.remaining == 0 or (fault.method and fault.method.upper() != method):
            return False
        if not re.search(fault.path, path):
            return False
        return fault.probability is None or rule.dice.random() < fault.probability
