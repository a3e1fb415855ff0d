"""GET /v3/connect/callback: the provider sends a person back, with a consent or without."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import oauth_callback as bootstrap
from postroom.domain.errors import ConnectionRefused
from postroom.usecases.connect_account import finish_connection
from postroom.web.cookies import read_connection_cookie, spent_cookie
from postroom.web.documented import documented, elsewhere, page
from postroom.web.pages import allowed_page, error_page
from postroom.web.resolver import lambda_handler, make_resolver, redirect
from postroom.web.schemas.oauth import CallbackQuery

app = make_resolver(admit=None, render_error=error_page)


@app.get("/v3/connect/callback")
@documented(
    elsewhere("Back to the application, with `code` and `state`, or with `error`."),
    page("An administrator has allowed the application."),
)
def finish(query: Annotated[CallbackQuery, Query()]) -> Response[str]:
    """Connect the account, and go back to the application with a code or an error.

    An administrator who was asked to allow the application comes back to the same address. Where
    their way did not begin in this browser there is nowhere to go back to.
    """
    services = bootstrap.services()
    is_secure = services.cookies_are_secure
    browser_secret = read_connection_cookie(app.current_event, query.state, is_secure=is_secure)
    if query.admin_consent and not query.code and not browser_secret:
        if query.error:
            raise ConnectionRefused("access_denied", "The application was not allowed.")
        return allowed_page(app.current_event, request_id=app.request_id)
    address = finish_connection(
        state=query.state,
        code=query.code,
        error=query.error,
        error_description=query.error_description,
        browser_secret=browser_secret,
        callback_url=services.callback_url,
        providers=services.providers,
        connections=services.connections,
        accounts=services.accounts,
        vault=services.vault,
        sync_states=services.sync_states,
        work=services.work,
        clock=services.clock,
        admission=services.admission,
    )
    return redirect(address, cookies=[spent_cookie(query.state, is_secure=is_secure)])


handler = lambda_handler(app)
