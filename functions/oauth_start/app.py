"""GET /v3/connect/auth: sends a person to the provider's consent page."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import oauth_start as bootstrap
from postroom.domain.errors import ProviderUndecided
from postroom.usecases.begin_connection import ConnectionStart, Departure, begin_connection
from postroom.web.cookies import connection_cookie, state_of
from postroom.web.documented import documented, elsewhere, page
from postroom.web.pages import choice_page, error_page_for_browsers, wants_page
from postroom.web.resolver import lambda_handler, make_resolver, redirect
from postroom.web.schemas.oauth import AuthQuery
from postroom.web.schemas.provider_configs import known_provider

app = make_resolver(admit=None, render_error=error_page_for_browsers)


@app.get("/v3/connect/auth")
@documented(
    elsewhere("The provider's consent page."),
    page("The choice of a provider, when nothing tells which one is meant."),
)
def start(query: Annotated[AuthQuery, Query()]) -> Response[str]:
    """Remember what was asked for, and go to the provider with a cookie to bring back."""
    services = bootstrap.services()
    try:
        departure = _begin(query, services)
    except ProviderUndecided as undecided:
        if not wants_page(app.current_event):
            raise
        return choice_page(undecided.choices, app.current_event, request_id=app.request_id)
    cookie = connection_cookie(
        state_of(departure.consent_url),
        departure.browser_secret,
        is_secure=services.cookies_are_secure,
    )
    return redirect(departure.consent_url, cookies=[cookie])


def _begin(query: AuthQuery, services: bootstrap.Services) -> Departure:
    return begin_connection(
        start=ConnectionStart(
            client_id=query.client_id,
            redirect_uri=query.redirect_uri,
            provider=known_provider(query.provider) if query.provider else None,
            state=query.state,
            login_hint=query.login_hint,
            code_challenge=query.code_challenge,
            code_challenge_method=query.code_challenge_method,
            scopes=frozenset(query.scope.split()),
            offline=query.access_type == "offline",
            registration_id=query.credential_id,
            for_organisation=query.response_type == "adminconsent",
            may_guess=query.prompt != "select_provider",
        ),
        application_id=services.application_id,
        callback_url=services.callback_url,
        application=services.application,
        configs=services.configs,
        providers=services.providers,
        accounts=services.accounts,
        domains=services.domains,
        connections=services.connections,
        clock=services.clock,
    )


handler = lambda_handler(app)
