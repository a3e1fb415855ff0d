"""Senders: the addresses that an account may send from, and which of them received a mail.

Whoever answers or passes on a mail does so as whom it was sent to: the first of the account's own
addresses among its recipients, or the account's main one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parseaddr

from postroom.domain.mail_domain import encode_domain
from postroom.domain.message import Header, Message

_DELIVERY = frozenset({"delivered-to", "x-original-to"})
"""Where mail servers say whom they delivered a mail to, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """An address that the account may send from: its own, or an alias."""

    email: str
    name: str = ""
    signature: str = ""
    """HTML that the owner has written for it at the provider; empty where that tells none."""
    is_default: bool = False
    """New mail is written from it, unless another one is chosen."""


def find_sender(senders: Sequence[Sender], email: str) -> Sender | None:
    """Return the sender with an address, however that is written."""
    return next((each for each in senders if is_same_address(each.email, email)), None)


def is_same_address(one: str, other: str) -> bool:
    """Whether two texts are one address: case is not told apart, nor a domain's two forms.

    An internationalised domain is written in its own letters or as `xn--…` (RFC 5890).
    """
    return with_ascii_domain(one).lower() == with_ascii_domain(other).lower()


def identity_that_received(
    message: Message, senders: Sequence[Sender], *, own_email: str, headers: Sequence[Header] = ()
) -> Sender | None:
    """Return the alias that a mail was sent to; None for the account's own address.

    Of a mail that the account sent itself: the one that it was sent from. Where no recipient is
    one's own (a list, a blind copy), what the message's `headers` say of its delivery tells: there
    an alias stands beside the account's own address, which has everything delivered.
    """
    written = [each for each in message.from_ if find_sender(senders, each.email)]
    for person in written or (*message.to, *message.cc, *message.bcc):
        if is_same_address(person.email, own_email):
            return None
        found = find_sender(senders, person.email)
        if found is not None:
            return found
    delivered = [parseaddr(each.value)[1] for each in headers if each.name.lower() in _DELIVERY]
    aliases = [each for each in senders if not is_same_address(each.email, own_email)]
    return next((found for each in delivered if (found := find_sender(aliases, each))), None)


def ascii_domain(email: str) -> str:
    """Return the domain of an address in the form `xn--…`; what is no domain name as it stands."""
    domain = email.strip().rpartition("@")[2]
    try:
        return encode_domain(domain)
    except ValueError:
        return domain


def with_ascii_domain(email: str) -> str:
    """Return an address with its domain in the form `xn--…`; all else as it stands."""
    local, at, _ = email.strip().rpartition("@")
    return f"{local}{at}{ascii_domain(email)}"
