"""A message made safe to look at: as data, and as a document for a sandboxed frame."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import message_view as bootstrap
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.inline_pictures import inline_pictures
from postroom.usecases.list_messages import read_message
from postroom.web import access
from postroom.web.documented import documented, item, page
from postroom.web.mail_html import (
    FRAME_HEADERS,
    content_ids,
    data_address,
    frame_policy,
    mail_document,
    safe_html,
)
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.message_views import MessageViewOut, PicturesQuery
from postroom.web.schemas.paths import MessagePath

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.MAIL
)


@app.get("/v3/grants/<grant_id>/messages/<message_id>/view")
@documented(item(MessageViewOut))
def get_view(
    grant_id: str, message_id: MessagePath, query: Annotated[PicturesQuery, Query()]
) -> Response[str]:
    """Return a message's text in parts, or its HTML made safe.

    Remote pictures stay out unless `remote_pictures` asks for them.
    """
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    mail = read_message(
        account_id=account.id,
        message_id=message_id,
        messages=services.messages,
        contents=services.contents,
    )
    return app.item(MessageViewOut.from_domain(mail, with_remote=query.remote_pictures))


@app.get("/v3/grants/<grant_id>/messages/<message_id>/frame")
@documented(page("The document."))
def get_frame(
    grant_id: str, message_id: MessagePath, query: Annotated[PicturesQuery, Query()]
) -> Response[str]:
    """Show a message's HTML as a document in which nothing runs.

    Remote pictures stay out unless `remote_pictures` asks for them.
    """
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    mail = read_message(
        account_id=account.id,
        message_id=message_id,
        messages=services.messages,
        contents=services.contents,
    )
    markup = mail.content.html if mail.content else ""
    pictures = inline_pictures(
        account=account,
        message=mail.message,
        content_ids=content_ids(markup),
        mailboxes=services.mailboxes,
    )
    body = safe_html(
        markup,
        pictures={
            name: data_address(each.content_type, each.content) for name, each in pictures.items()
        },
        with_remote=query.remote_pictures,
    )
    policy = frame_policy(with_remote=query.remote_pictures)
    return Response(
        status_code=200,
        content_type="text/html; charset=utf-8",
        body=mail_document(
            body,
            title=mail.message.subject,
            shown_attachment_ids=[
                each.attachment_id
                for name, each in pictures.items()
                if name in body.shown_content_ids
            ],
        ),
        headers={**FRAME_HEADERS, "Content-Security-Policy": policy},
        compress=True,
    )


handler = lambda_handler(app)
