"""People in a message: an address and a display name."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from postroom.domain.mail_domain import encode_domain
from postroom.domain.message import Address
from postroom.web.schemas.fields import Body, Line, Output

_FORBIDDEN = re.compile(r"[\s<>,;:\\\"()\[\]@\x00-\x1f\x7f]")
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
"""RFC 5321 section 4.5.3.1, and its erratum 1690 for the whole."""


def _email(text: str) -> str:
    """Refuse what cannot stand in a header field, and domains that cannot exist."""
    local, at, domain = text.strip().rpartition("@")
    refusal = "This is not an e-mail address"
    if not (local and at and domain) or _FORBIDDEN.search(local) or _FORBIDDEN.search(domain):
        raise ValueError(refusal)
    if len(local.encode()) > _LONGEST_LOCAL_PART:
        raise ValueError(refusal)
    try:
        encode_domain(domain)
    except ValueError:
        raise ValueError(refusal) from None
    return f"{local}@{domain}"


def is_address(text: str) -> bool:
    """Whether mail could be sent there."""
    try:
        return len(_email(text)) <= _LONGEST_ADDRESS
    except ValueError:
        return False


Email = Annotated[str, StringConstraints(max_length=_LONGEST_ADDRESS), AfterValidator(_email)]


class PersonIn(Body):
    """Somebody to write to."""

    email: Email
    name: Line | None = None

    def to_domain(self) -> Address:
        """Return the address; no name is an empty one."""
        return Address(email=self.email, name=self.name or "")


class PersonOut(Output):
    """Somebody in a message; an address that could not be read is shown as it stood."""

    email: str
    name: str


def people(addresses: Sequence[Address]) -> list[PersonOut]:
    """Render people in their order."""
    return [PersonOut(email=each.email, name=each.name) for each in addresses]
