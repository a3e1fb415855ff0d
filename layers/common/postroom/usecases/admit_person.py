"""Whose a mailbox becomes that is connected in the console, and who may come in at all.

                          ┌ somebody signed in already ──► theirs, unless it is somebody else's
    a mailbox's identity ─┼ it has a person ─────────────► that person's
                          ├ an application connected it ─► its owner's, who is new here
                          └ a stranger ──────────────────► whoever is invited, or anyone

It is decided between the provider's answer and the first thing that is kept.
"""

from dataclasses import dataclass

from postroom.domain.account import AccountStatus, Identity
from postroom.domain.connection import ConnectionRequest
from postroom.domain.errors import ConnectionRefused
from postroom.domain.ids import PersonId, new_person_id
from postroom.domain.person import InvitationKind, SignUp
from postroom.ports import AccountStore, Clock
from postroom.ports.people import InvitationStore
from postroom.usecases.invite_people import invitation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is decided by."""

    sign_up: SignUp
    accounts: AccountStore
    invitations: InvitationStore
    clock: Clock


def person_for(identity: Identity, request: ConnectionRequest, *, admission: Admission) -> PersonId:
    """Return whose the mailbox becomes. Raises ConnectionRefused. Uses up a link."""
    known_id = admission.accounts.by_identity(identity)
    known = None if known_id is None else admission.accounts.get(known_id)
    if known is not None and known.status is AccountStatus.DELETING:
        raise ConnectionRefused(
            "account_deleting", "This mailbox is being removed; try again in some minutes."
        )
    owner = None if known is None else known.person_id
    if request.person_id is not None:
        if owner not in (None, request.person_id):
            raise another_persons()
        return request.person_id
    if owner is not None:
        return owner
    if known is None and not _may_come_in(identity, request, admission):
        raise ConnectionRefused(
            "not_invited", "Ask whoever runs this Postroom for an invitation, and come again."
        )
    return new_person_id()


def another_persons() -> ConnectionRefused:
    """Return the refusal of a mailbox that is somebody else's."""
    return ConnectionRefused(
        "account_of_another_person",
        "Somebody else has connected this mailbox; sign out, and sign in with it.",
    )


def _may_come_in(identity: Identity, request: ConnectionRequest, admission: Admission) -> bool:
    if admission.sign_up is SignUp.ANYONE or request.by_administrator:
        return True
    now, invitations = admission.clock.now(), admission.invitations
    address = identity.email.strip().casefold()
    named = (
        invitation_id(InvitationKind.ADDRESS, address),
        invitation_id(InvitationKind.DOMAIN, address.rpartition("@")[2]),
    )
    if any(invitations.find(each, now=now) for each in named):
        return True
    link = request.invitation_id
    return bool(link) and invitations.take(link, now=now) is not None
