"""People of the console and invitations to it. A link's address goes out once."""

from typing import Annotated

from pydantic import StringConstraints

from postroom.domain.person import Invitation, InvitationKind, Person
from postroom.web.schemas.fields import Body, Line, Output, unix_seconds


class InvitationIn(Body):
    """Whom to invite: an address, a domain, or with a link whoever it is for."""

    kind: InvitationKind
    value: Annotated[Line, StringConstraints(strip_whitespace=True, max_length=320)] = ""
    """The address or the domain; for a link, a note."""


class InvitationOut(Output):
    """An invitation, as it can be seen at any time."""

    id: str
    kind: InvitationKind
    value: str
    created_at: int
    expires_at: int | None
    url: str | None = None
    """A link's address, in the answer to its making alone."""

    @classmethod
    def from_domain(cls, invitation: Invitation, *, join_url: str = "") -> "InvitationOut":
        """Render an invitation; with the link, once."""
        return cls(
            id=invitation.id,
            kind=invitation.kind,
            value=invitation.value,
            created_at=unix_seconds(invitation.created_at),
            expires_at=unix_seconds(invitation.ends_at) if invitation.ends_at else None,
            url=join_url or None,
        )


class MailboxOut(Output):
    """A mailbox of a person."""

    grant_id: str
    email: str
    provider: str


class ConsolePersonOut(Output):
    """Somebody who uses the console."""

    id: str
    mailboxes: list[MailboxOut]
    since: int
    """When the oldest of the mailboxes was connected."""

    @classmethod
    def from_domain(cls, person: Person) -> "ConsolePersonOut":
        """Render a person."""
        return cls(
            id=person.id,
            mailboxes=[
                MailboxOut(
                    grant_id=each.id, email=each.identity.email, provider=each.identity.provider
                )
                for each in person.accounts
            ],
            since=unix_seconds(min(each.created_at for each in person.accounts)),
        )
