"""/v3/grants: the connected mailboxes, and how far their sync is."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import accounts as bootstrap
from postroom.usecases.authenticate import require_administrator, resolve_account
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.list_accounts import AccountOrder, list_accounts, read_sync_state
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.accounts import GrantListQuery, GrantOut, SyncRequestIn, SyncRequestOut
from postroom.web.schemas.provider_configs import known_provider

app = make_resolver(admit=lambda bearer: bootstrap.services().authenticate(bearer))


@app.get("/v3/grants")
def list_grants(query: Annotated[GrantListQuery, Query()]) -> Response[str]:
    """List accounts; an access token speaks for one only, and reads it as `me`."""
    require_administrator(app.principal)
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
        accounts=bootstrap.services().tools.accounts,
    )
    return app.listing([GrantOut.from_domain(account) for account in found])


@app.get("/v3/grants/<grant_id>")
def get_grant(grant_id: str) -> Response[str]:
    """Return an account with the progress of its sync."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    state = read_sync_state(account_id=account.id, sync_states=tools.sync_states)
    return app.item(GrantOut.from_domain(account, state))


@app.delete("/v3/grants/<grant_id>")
def delete_grant(grant_id: str) -> Response[str]:
    """Disconnect an account and erase its mail."""
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    disconnect_account(account=account, tools=tools)
    return app.done()


@app.post("/v3/grants/<grant_id>/sync")
def sync_grant(grant_id: str) -> Response[str]:
    """Have an account synced now; the answer does not wait for it."""
    mode = app.body(SyncRequestIn, may_be_missing=True).mode
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    request_sync(account=account, mode=SyncMode(mode), tools=tools)
    return app.item(SyncRequestOut(grant_id=account.id, mode=mode), status=202)


handler = lambda_handler(app)
