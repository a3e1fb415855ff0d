"""What a simulated provider offers to the parts that all simulators share."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict
from werkzeug import Request, Response

from local.simulators.clock import SimulatorClock
from local.simulators.faults import Faults
from local.simulators.settings import Settings
from local.simulators.usage import Usage

Expirable = Literal["history", "delta", "access_tokens", "refresh_tokens", "consents", "watches"]


class UnknownMailbox(Exception):
    """No mailbox has this address."""


class MailboxExists(Exception):
    """A mailbox with this address is already there."""


class InvalidChange(Exception):
    """A folder, message or page that the mailbox does not have; the text says which."""


class CallRefused(Exception):
    """The provider turns a call away before doing it; carries the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Change(BaseModel):
    """What the mailbox's owner does to one message in another client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    op: Literal["read", "unread", "star", "unstar", "move", "trash", "delete", "label", "unlabel"]
    id: str
    folder: str | None = None


@dataclass(frozen=True)
class Call:
    """What one request means for the provider's accounting."""

    mailbox: str
    method: str
    units: int = 0


@dataclass
class Controls:
    """What the control interface adjusts and a provider obeys."""

    clock: SimulatorClock
    initial_settings: Settings
    settings: Settings = field(init=False)
    faults: Faults = field(default_factory=Faults)
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        """Begin with the settings of the start."""
        self.settings = self.initial_settings


class SimulatedProvider(Protocol):
    """One vendor's mail service. All methods may be called from several threads."""

    def call_of(self, request: Request) -> Call:
        """Say whose call this is and what it costs, without doing it."""

    def admitted(self, request: Request, call: Call) -> AbstractContextManager[None]:
        """Hold a place for the call while it runs; raises CallRefused."""

    def handle(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        """Do the call. `answer` answers the inner requests of a batch."""

    def error_response(self, status: int) -> Response:
        """Return the vendor's usual error body for a status."""

    def reset(self) -> None:
        """Forget all mailboxes, tokens and watches."""

    def create_mailbox(
        self,
        address: str,
        name: str,
        *,
        aliases: Sequence[str] = (),
        mail_enabled: bool = True,
    ) -> None:
        """Add an empty mailbox; raises MailboxExists when one of its addresses is taken.

        Mail for an alias arrives in it, and it may send as one. An account that is not
        `mail_enabled` signs in, but its owner has no mail service: the API says so.
        """

    def set_aliases(self, address: str, aliases: Sequence[str]) -> None:
        """Give a mailbox these aliases and no others; raises UnknownMailbox, MailboxExists."""

    def mailboxes(self) -> list[dict[str, Any]]:
        """Return `address`, `name` and the number of `messages` of each mailbox."""

    def truth(self, address: str, page: int, page_size: int) -> dict[str, Any]:
        """Return folders and a page of messages; raises UnknownMailbox."""

    def deliver(
        self,
        address: str,
        raw: bytes,
        *,
        folder: str = "inbox",
        unread: bool = True,
        starred: bool = False,
        received_at: float | None = None,
        quiet: bool = False,
    ) -> str:
        """Put a message into a mailbox and return its id.

        `folder` is a role (inbox, sent, drafts, trash, junk, archive), an id or a name;
        `received_at` is in seconds since the epoch. Raises UnknownMailbox, InvalidChange.
        """

    def change(self, address: str, changes: Sequence[Change]) -> None:
        """Apply the owner's changes, all or none; raises UnknownMailbox, InvalidChange."""

    def owner_token(self, address: str) -> str:
        """Return an access token that may do all; raises UnknownMailbox."""

    def expire(self, what: Expirable, address: str | None) -> None:
        """Make something expire now, everywhere or in one mailbox; raises UnknownMailbox.

        `consents` are those that the owner takes back.
        """

    def pushes_undelivered(self) -> int:
        """Return how many pushes are on their way: neither acknowledged yet nor given up."""

    def clock_moved(self) -> None:
        """Do what is due by the clock, which somebody has just moved."""

    def snapshot(self) -> bytes:
        """Return all that must outlive a restart."""

    def restore(self, snapshot: bytes) -> None:
        """Continue from a snapshot."""
