"""GET /v3/connect/callback: the provider sends the person back, with a consent or without."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import oauth_callback as bootstrap
from postroom.usecases.connect_account import finish_connection
from postroom.web.cookies import read_connection_cookie, spent_cookie
from postroom.web.pages import error_page
from postroom.web.resolver import lambda_handler, make_resolver, redirect
from postroom.web.schemas.oauth import CallbackQuery

app = make_resolver(admit=None, render_error=error_page)


@app.get("/v3/connect/callback")
def finish(query: Annotated[CallbackQuery, Query()]) -> Response[str]:
    """Connect the account, and go back to the application with a code or an error."""
    services = bootstrap.services()
    is_secure = services.cookies_are_secure
    address = finish_connection(
        state=query.state,
        code=query.code,
        error=query.error,
        browser_secret=read_connection_cookie(app.current_event, query.state, is_secure=is_secure),
        callback_url=services.callback_url,
        providers=services.providers,
        connections=services.connections,
        accounts=services.accounts,
        vault=services.vault,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
    )
    return redirect(address, cookies=[spent_cookie(query.state, is_secure=is_secure)])


handler = lambda_handler(app)
