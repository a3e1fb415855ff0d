"""/v3/grants/{grant_id}/drafts: to read, to write and to send."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import drafts as bootstrap
from postroom.usecases.create_draft import create_draft
from postroom.usecases.find_folders import find_folders
from postroom.usecases.manage_drafts import delete_draft, list_drafts, read_draft, update_draft
from postroom.usecases.send_draft import send_draft
from postroom.web import access
from postroom.web.bodies import JSON, MULTIPART
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.drafts import draft_page, read_draft_body
from postroom.web.paging import message_position, messages_list
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.drafts import DraftIn, DraftListQuery, DraftOut, DraftQuery, DraftSendIn
from postroom.web.schemas.fields import wire
from postroom.web.schemas.messages import selected
from postroom.web.schemas.paths import DraftPath
from postroom.web.schemas.sending import SentOut, idempotency_key
from postroom.web.sending import answer_send

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.DRAFTS
)


@app.get("/v3/grants/<grant_id>/drafts")
@documented(listing(DraftOut))
def get_drafts(grant_id: str, query: Annotated[DraftListQuery, Query()]) -> Response[str]:
    """List drafts, the one that was written last first, from our store."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    folders = find_folders(
        account=account,
        names=query.in_,
        field="in",
        folders=services.stores.folders,
        mailboxes=services.mailboxes,
    )
    wanted, key = query.to_filter(folders), services.secrets.signing_key()
    of_list = f"drafts {messages_list(account.id, wanted)}"
    page = list_drafts(
        account=account,
        wanted=wanted,
        limit=query.limit,
        after=message_position(query.page_token, of_list=of_list, key=key),
        with_content=query.with_content(),
        messages=services.stores.messages,
        contents=services.stores.contents,
    )
    shown, next_cursor = draft_page(page, query, of_list=of_list, key=key)
    return app.listing(shown, next_cursor=next_cursor)


@app.get("/v3/grants/<grant_id>/drafts/<draft_id>")
@documented(item(DraftOut))
def get_draft(
    grant_id: str, draft_id: DraftPath, query: Annotated[DraftQuery, Query()]
) -> Response[str]:
    """Return one draft as it was synced last."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    mail = read_draft(
        account=account,
        draft=draft_id,
        messages=services.stores.messages,
        contents=services.stores.contents,
    )
    shown = DraftOut.from_mail(mail, fields=query.fields)
    return app.item(selected(wire(shown), query.select))


@app.post("/v3/grants/<grant_id>/drafts")
@documented(
    item(DraftOut, headers=("Idempotent-Response",)),
    body=DraftIn,
    body_media_types=(JSON, MULTIPART),
    headers=("Idempotency-Key",),
    about="Scope: `mail.write`.",
)
def post_draft(grant_id: str) -> Response[str]:
    """Make a draft, at the provider first; a repeated key makes none."""
    access.require_writing(app.principal)
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    key = idempotency_key(app.current_event.headers.get("idempotency-key", ""))
    body, files = read_draft_body(app.current_event)
    made = create_draft(
        account=account, wanted=body.to_new(files), idempotency_key=key, tools=services.tools
    )
    headers = {"Idempotent-Response": "true"} if made.replayed else {}
    return app.outcome(DraftOut.from_mail(made.mail), headers=headers)


@app.put("/v3/grants/<grant_id>/drafts/<draft_id>")
@documented(
    item(DraftOut),
    body=DraftIn,
    body_media_types=(JSON, MULTIPART),
    about="What is left out stays as it is; a list that is given, attachments too, replaces the"
    " one that was there.",
)
def put_draft(grant_id: str, draft_id: DraftPath) -> Response[str]:
    """Change what is named, at the provider first."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    body, files = read_draft_body(app.current_event)
    mail = update_draft(
        account=account, draft=draft_id, update=body.to_update(files), tools=services.tools
    )
    return app.outcome(DraftOut.from_mail(mail))


@app.delete("/v3/grants/<grant_id>/drafts/<draft_id>")
@documented(DONE)
def remove_draft(grant_id: str, draft_id: DraftPath) -> Response[str]:
    """Delete a draft as its provider does: Gmail for ever, Outlook into the deleted items."""
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    delete_draft(account=account, draft=draft_id, tools=services.tools)
    return app.done()


@app.post("/v3/grants/<grant_id>/drafts/<draft_id>")
@documented(
    item(SentOut, beside=("grant_id",), headers=("Idempotent-Response",)),
    body=DraftSendIn,
    body_may_be_missing=True,
    about="Scope: `mail.send`.",
)
def post_draft_send(grant_id: str, draft_id: DraftPath) -> Response[str]:
    """Send a draft, once: asked again, answer the message that it became."""
    access.require_sending(app.principal)
    app.body(DraftSendIn, may_be_missing=True)
    services = bootstrap.services()
    account = services.account(app.principal, grant_id)
    sent = send_draft(account=account, draft=draft_id, tools=services.tools)
    return answer_send(app, sent.entry, sent.mail, replayed=sent.replayed)


handler = lambda_handler(app)
