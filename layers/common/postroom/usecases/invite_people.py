"""The administrator's invitations, and the people who came."""

import base64
import hashlib
import re
from collections.abc import Sequence

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import PersonId, new_token
from postroom.domain.person import INVITATION_LINK_LIFETIME, Invitation, InvitationKind, Person
from postroom.ports import AccountStore, Clock
from postroom.ports.people import InvitationStore

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{3,253}")


def invite(
    *, kind: InvitationKind, value: str, invitations: InvitationStore, clock: Clock
) -> tuple[Invitation, str]:
    """Add an invitation; answers it, and the token of a link, which nobody can see again.

    An address or domain that is invited already stays as it is. Raises InvalidRequest.
    """
    now = clock.now()
    token = new_token() if kind is InvitationKind.LINK else ""
    plain = value.strip() if token else value.strip().casefold()
    if kind is InvitationKind.ADDRESS and not _ADDRESS.fullmatch(plain):
        raise InvalidRequest("Send an e-mail address.", field="value")
    if kind is InvitationKind.DOMAIN and not _DOMAIN.fullmatch(plain):
        raise InvalidRequest("Send a domain like example.com.", field="value")
    invitation = Invitation(
        id=invitation_id(kind, token or plain),
        kind=kind,
        value=plain,
        created_at=now,
        ends_at=now + INVITATION_LINK_LIFETIME if token else None,
    )
    known = invitations.find(invitation.id, now=now)
    if known is not None:
        return known, ""
    invitations.put(invitation)
    return invitation, token


def invitation_id(kind: InvitationKind, value: str) -> str:
    """Derive an invitation's id from what it goes by; a link's does not tell its token."""
    digest = hashlib.sha256(f"{kind}\0{value}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:27]


def list_people(*, accounts: AccountStore) -> Sequence[Person]:
    """Return everybody who has a mailbox here, in the order in which they came."""
    found: dict[PersonId, list[Account]] = {}
    for account in accounts.all():
        if account.person_id is not None and account.status is not AccountStatus.DELETING:
            found.setdefault(account.person_id, []).append(account)
    return [Person(id=each, accounts=tuple(of_them)) for each, of_them in found.items()]
