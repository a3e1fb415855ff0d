"""POST /v3/grants/{grant_id}/messages/send: send a message, once."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import send as bootstrap
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.send_message import SendRequest, send_message
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.messages import MessageOut
from postroom.web.schemas.sending import SendQuery, addresses, idempotency_key
from postroom.web.sending import read_send

app = make_resolver(admit=lambda bearer: bootstrap.services().authenticate(bearer))


@app.post("/v3/grants/<grant_id>/messages/send")
def send(grant_id: str, query: Annotated[SendQuery, Query()]) -> Response[str]:
    """Send, and answer the message as it lies in the mailbox; a repeated key sends nothing."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    key = idempotency_key(app.current_event.headers.get("idempotency-key", ""))
    body, files = read_send(app.current_event)
    result = send_message(
        account=account,
        request=SendRequest(
            to=addresses(body.to),
            cc=addresses(body.cc),
            bcc=addresses(body.bcc),
            reply_to=addresses(body.reply_to),
            from_=addresses(body.from_),
            subject=body.subject or "",
            body=body.body or "",
            is_plaintext=bool(body.is_plaintext),
            attachments=files,
            custom_headers=body.headers(),
            reply_to_message_id=body.answered(),
        ),
        idempotency_key=key,
        tools=services.tools,
    )
    mail = MessageOut.from_domain(result.mail.message, result.mail.content, fields=query.fields)
    headers = {"Idempotent-Response": "true"} if result.replayed else {}
    return app.outcome(mail, headers=headers, grant_id=account.id)


handler = lambda_handler(app)
