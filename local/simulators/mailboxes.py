"""Whose mailbox an address is: its own, one of its aliases, or either with a `+` suffix."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar


class Addressed(Protocol):
    """A mailbox, as far as its addresses go; all in lower case."""

    @property
    def address(self) -> str:
        """The primary address."""

    @property
    def aliases(self) -> Collection[str]:
        """Further addresses whose mail arrives here, and which it may send as."""


Mailbox = TypeVar("Mailbox", bound=Addressed)


def in_ascii(address: str) -> str:
    """Return an address with the domain in the form that travels in headers, `xn--…`."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def taken_address(mailboxes: Mapping[str, Mailbox], wanted: Iterable[str]) -> str | None:
    """Return the first of some addresses that a mailbox has already."""
    taken = {a for each in mailboxes.values() for a in (each.address, *each.aliases)}
    return next((address for address in wanted if address.lower() in taken), None)


def mailbox_at(mailboxes: Mapping[str, Mailbox], address: str) -> Mailbox | None:
    """Return the mailbox that receives mail for an address; `mailboxes` are by primary address."""
    local, _, domain = address.lower().rpartition("@")
    for wanted in (address.lower(), f"{local.split('+')[0]}@{domain}"):
        if wanted in mailboxes:
            return mailboxes[wanted]
        for mailbox in mailboxes.values():
            if wanted in mailbox.aliases:
                return mailbox
    return None
