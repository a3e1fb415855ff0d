"""/v3/grants/{grant_id}/attachment-uploads: files that are too large for a request."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import attachment_uploads as bootstrap
from postroom.usecases import upload_attachment as usecase
from postroom.usecases.authenticate import resolve_account
from postroom.web import access
from postroom.web.documented import documented, item
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.uploads import UploadIn, UploadOut, UploadReadyOut

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.SENDING
)


@app.post("/v3/grants/<grant_id>/attachment-uploads")
@documented(item(UploadOut, status=201), body=UploadIn)
def offer_upload(grant_id: str) -> Response[str]:
    """Offer an address that takes a file for 15 minutes; the message then names its id."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    given = app.body(UploadIn)
    offer = usecase.offer_upload(
        account=account,
        filename=given.filename,
        content_type=given.content_type,
        size_bytes=given.size,
        limit=services.limits[account.identity.provider],
        uploads=services.uploads,
        clock=services.clock,
    )
    return app.item(UploadOut.from_domain(offer), status=201)


@app.post("/v3/grants/<grant_id>/attachment-uploads/<attachment_id>/complete")
@documented(item(UploadReadyOut))
def complete_upload(grant_id: str, attachment_id: str) -> Response[str]:
    """Check that the file has arrived as announced, so that messages may carry it."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    upload = usecase.complete_upload(
        account=account,
        upload_id=attachment_id,
        limit=services.limits[account.identity.provider],
        uploads=services.uploads,
    )
    return app.item(UploadReadyOut.from_domain(upload))


handler = lambda_handler(app)
