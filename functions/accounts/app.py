"""/v3/grants: connected mailboxes, how far their sync is, and whether their mail is complete."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import accounts as bootstrap
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.list_accounts import (
    AccountOrder,
    list_accounts,
    read_sync_state,
    visible_accounts,
)
from postroom.usecases.request_audit import request_audit
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.accounts import GrantListQuery, GrantOut, SyncRequestIn, SyncRequestOut
from postroom.web.schemas.audits import AuditOut
from postroom.web.schemas.provider_configs import known_provider

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.GRANTS
)


@app.get("/v3/grants")
@documented(
    listing(GrantOut, by_offset=True),
    about="For API keys: an access token reads its one grant as `me`.",
)
def list_grants(query: Annotated[GrantListQuery, Query()]) -> Response[str]:
    """List accounts, a person's own to them; an access token reads its one as `me`."""
    services = bootstrap.services()
    found = list_accounts(
        provider=known_provider(query.provider) if query.provider else None,
        email=query.email or "",
        is_valid=None if query.grant_status is None else query.grant_status == "valid",
        created_since=query.since,
        created_before=query.before,
        order=AccountOrder(query.sort_by),
        newest_first=query.order_by == "desc",
        offset=query.offset,
        limit=query.limit,
        among=visible_accounts(principal=app.principal, accounts=services.accounts),
    )
    shown = [GrantOut.from_domain(account) for account in found]
    return app.listing(shown, limit=query.limit, offset=query.offset)


@app.get("/v3/grants/<grant_id>")
@documented(item(GrantOut))
def get_grant(grant_id: str) -> Response[str]:
    """Return an account with the progress of its sync."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    state = read_sync_state(account_id=account.id, sync_states=tools.sync_states)
    return app.item(GrantOut.from_domain(account, state, tools.senders.all(account.id)))


@app.delete("/v3/grants/<grant_id>")
@documented(DONE)
def delete_grant(grant_id: str) -> Response[str]:
    """Disconnect an account and erase its mail."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    disconnect_account(account=account, tools=tools)
    return app.done()


@app.post("/v3/grants/<grant_id>/sync")
@documented(item(SyncRequestOut, status=202), body=SyncRequestIn, body_may_be_missing=True)
def sync_grant(grant_id: str) -> Response[str]:
    """Have an account synced now; the answer does not wait for it."""
    mode = app.body(SyncRequestIn, may_be_missing=True).mode or "incremental"
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    request_sync(account=account, mode=SyncMode(mode), tools=tools)
    return app.item(SyncRequestOut(grant_id=account.id, mode=mode), status=202)


@app.get("/v3/grants/<grant_id>/audit")
@documented(item(AuditOut))
def get_audit(grant_id: str) -> Response[str]:
    """Return how complete the copy of a mailbox was when it was last compared."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    report, folders = tools.audits.get(account.id), tools.folders.all(account.id)
    return app.item(AuditOut.from_domain(report, folders))


@app.post("/v3/grants/<grant_id>/audit")
@documented(
    item(AuditOut, status=202), about="409 for a mailbox that has not been read to its end."
)
def audit_grant(grant_id: str) -> Response[str]:
    """Have every folder of a mailbox compared now; the answer does not wait for it."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    state = read_sync_state(account_id=account.id, sync_states=tools.sync_states)
    request_audit(
        account=account, state=state, audits=tools.audits, work=tools.work, clock=tools.clock
    )
    report, folders = tools.audits.get(account.id), tools.folders.all(account.id)
    return app.item(AuditOut.from_domain(report, folders), status=202)


handler = lambda_handler(app)
