"""/v3/people and /v3/invitations: who uses the console, and who may come."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import people as bootstrap
from postroom.usecases.invite_people import invite, list_people
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.invitations import ConsolePersonOut, InvitationIn, InvitationOut

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.SETTINGS
)


@app.get("/v3/people")
@documented(listing(ConsolePersonOut))
def get_people() -> Response[str]:
    """List everybody who has connected a mailbox in the console."""
    found = list_people(accounts=bootstrap.services().accounts)
    return app.listing([ConsolePersonOut.from_domain(each) for each in found])


@app.get("/v3/invitations")
@documented(listing(InvitationOut))
def get_invitations() -> Response[str]:
    """List the invitations that were not used up or withdrawn."""
    found = bootstrap.services().invitations.all()
    return app.listing([InvitationOut.from_domain(each) for each in found])


@app.post("/v3/invitations")
@documented(
    item(InvitationOut, status=201),
    body=InvitationIn,
    about="The `url` of a link is told once. It is good for one sign-up within seven days.",
)
def post_invitation() -> Response[str]:
    """Invite an address, a domain, or whoever gets a link."""
    given = app.body(InvitationIn)
    services = bootstrap.services()
    invitation, token = invite(
        kind=given.kind,
        value=given.value,
        invitations=services.invitations,
        clock=services.clock,
    )
    shown = InvitationOut.from_domain(invitation, join_url=services.join_url(token))
    return app.item(shown, status=201)


@app.delete("/v3/invitations/<invitation_id>")
@documented(DONE)
def delete_invitation(invitation_id: str) -> Response[str]:
    """Withdraw an invitation; whoever has come already stays."""
    bootstrap.services().invitations.withdraw(invitation_id)
    return app.done()


handler = lambda_handler(app)
