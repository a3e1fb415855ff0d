"""POST /v3/grants/{grant_id}/messages/send, and what becomes of sends: …/messages/schedules."""

from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import send as bootstrap
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.scheduled_sends import (
    cancel_scheduled_send,
    find_scheduled_send,
    list_scheduled_sends,
)
from postroom.usecases.send_message import send_message
from postroom.web import access
from postroom.web.bodies import JSON, MULTIPART
from postroom.web.documented import documented, item, listing
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.sending import (
    ScheduleOut,
    ScheduleStoppedOut,
    SendBody,
    SendQuery,
    SentOut,
    WaitingOut,
    idempotency_key,
    send_request,
)
from postroom.web.sending import answer_send, read_mime, read_send

# Then whoever waits is told where to follow the send, and the worker goes on with it.
app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer),
    permit=access.SENDING,
    time_limit=timedelta(seconds=20),
)


@app.post("/v3/grants/<grant_id>/messages/send")
@documented(
    item(SentOut, beside=("grant_id",), headers=("Idempotent-Response",)),
    item(WaitingOut, status=202, beside=("grant_id",), headers=("Idempotent-Response",)),
    body=SendBody,
    body_media_types=(JSON, MULTIPART),
    body_may_be_mime=True,
    headers=("Idempotency-Key",),
)
def send(grant_id: str, query: Annotated[SendQuery, Query()]) -> Response[str]:
    """Send, now or later, once: a repeated key sends nothing.

    With `type=mime` the form has one part, `mime`: a whole message (RFC 5322), which is sent as it
    stands. It keeps its Message-ID and gets one when it has none; its Bcc is not shown to anybody
    else. It is sent at once, from an address that the account may send from, to at most 500
    recipients; it has at most 4,000,000 bytes, and 3,000,000 for an Outlook mailbox.
    """
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    key = idempotency_key(app.current_event.headers.get("idempotency-key", ""))
    if query.type == "mime":
        request = read_mime(app.current_event)
    else:
        request = send_request(*read_send(app.current_event))
    sent = send_message(account=account, request=request, idempotency_key=key, tools=services.tools)
    return answer_send(app, sent.entry, sent.mail, replayed=sent.replayed, fields=query.fields)


@app.get("/v3/grants/<grant_id>/messages/schedules")
@documented(listing(ScheduleOut))
def list_schedules(grant_id: str) -> Response[str]:
    """List the sends that wait or ended within 72 hours, the next one first."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    found = list_scheduled_sends(account_id=account.id, tools=services.tools)
    return app.listing([ScheduleOut.from_domain(entry) for entry in found])


@app.get("/v3/grants/<grant_id>/messages/schedules/<schedule_id>")
@documented(item(ScheduleOut))
def get_schedule(grant_id: str, schedule_id: str) -> Response[str]:
    """Tell what has become of a send."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    entry = find_scheduled_send(account_id=account.id, wanted=schedule_id, tools=services.tools)
    return app.item(ScheduleOut.from_domain(entry))


@app.delete("/v3/grants/<grant_id>/messages/schedules/<schedule_id>")
@documented(item(ScheduleStoppedOut, status=202))
def stop_schedule(grant_id: str, schedule_id: str) -> Response[str]:
    """Call a send back: surely until ten seconds before its time, and as long as it waits."""
    services = bootstrap.services()
    account = resolve_account(
        principal=app.principal, reference=grant_id, accounts=services.accounts
    )
    cancel_scheduled_send(account_id=account.id, wanted=schedule_id, tools=services.tools)
    return app.item(ScheduleStoppedOut(), status=202)


handler = lambda_handler(app)
