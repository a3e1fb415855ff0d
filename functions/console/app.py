"""The console's page, signing in to it and out; and the document of the API as a page."""

import secrets
from pathlib import Path
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import console as bootstrap
from postroom.domain.errors import ConnectionRefused
from postroom.usecases.list_accounts import read_sync_state
from postroom.usecases.sign_in import (
    OpenSession,
    living_session,
    renew_session,
    sign_in_with_key,
    sign_out,
)
from postroom.web.api_document import api_document
from postroom.web.api_page import documentation_page
from postroom.web.console_pages import console_file, console_page
from postroom.web.console_session import shown_session
from postroom.web.cookies import (
    connection_cookie,
    read_connection_cookie,
    spent_cookie,
    state_of,
)
from postroom.web.documented import DONE, documented, elsewhere, file, flat, item, page
from postroom.web.languages import language_of
from postroom.web.resolver import lambda_handler, make_resolver, redirect
from postroom.web.schemas.api_document import ApiDocumentOut
from postroom.web.schemas.console import (
    ConnectIn,
    ConsoleSessionOut,
    DepartureOut,
    ReturnQuery,
    SignInIn,
)
from postroom.web.schemas.provider_configs import known_provider
from postroom.web.sessions import (
    ended_cookie,
    require_own_page,
    session_cookie,
    session_token,
    speaks_https,
)

ASSETS = Path(__file__).parent / "assets"

app = make_resolver(admit=None)


@app.get("/openapi.json")
@documented(flat(ApiDocumentOut))
def openapi() -> Response[str]:
    """Return this document (OpenAPI 3.1)."""
    return api_document()


@app.get("/docs")
@documented(page("The page."))
def docs() -> Response[str]:
    """Show this document as a page."""
    return documentation_page()


@app.get("/")
@documented(elsewhere("The console."))
def home() -> Response[str]:
    """Lead people to the console."""
    return redirect("/console")


@app.get("/console")
@documented(page("The page."))
def show() -> Response[str]:
    """Show the console; everything in it is loaded by its modules."""
    event = app.current_event
    return console_page(
        ASSETS,
        language=language_of(event),
        upload_address=bootstrap.services().upload_address,
        known_etag=event.headers.get("if-none-match", ""),
    )


@app.get("/console/assets/<version>/<name>")
@documented(file("A file of the page."))
def asset(version: str, name: str) -> Response[str]:
    """Return a script or a style of the console."""
    return console_file(ASSETS, version, name)


@app.get("/console/session")
@documented(item(ConsoleSessionOut))
def get_session() -> Response[str]:
    """Tell who is signed in, replacing a token that has been in use for long."""
    services, token = bootstrap.services(), session_token(app.current_event)
    session = living_session(token=token, tools=services.sessions)
    accounts = (
        services.accounts.of_person(session.person_id) if session and session.person_id else ()
    )
    shown = shown_session(
        session,
        [
            (each, read_sync_state(account_id=each.id, sync_states=services.sync_states))
            for each in accounts
        ],
        providers=[config.provider for config in services.configs.all()],
        sign_up=services.sign_up,
        undo_seconds=services.undo_seconds,
    )
    answer = app.item(shown)
    renewed = renew_session(token=token, tools=services.sessions)
    return _with_session(answer, renewed) if renewed else answer


@app.post("/console/session")
@documented(item(ConsoleSessionOut), body=SignInIn)
def post_session() -> Response[str]:
    """Sign in with an administrator's API key."""
    require_own_page(app.current_event)
    services, key = bootstrap.services(), app.body(SignInIn).api_key
    opened = sign_in_with_key(
        key=key, replaced=session_token(app.current_event), tools=services.sessions
    )
    return _with_session(app.done(), opened)


@app.delete("/console/session")
@documented(DONE)
def delete_session() -> Response[str]:
    """Sign out."""
    require_own_page(app.current_event)
    sign_out(
        token=session_token(app.current_event), sessions=bootstrap.services().sessions.sessions
    )
    answer = app.done()
    answer.cookies.append(ended_cookie(is_secure=speaks_https(app.current_event)))
    return answer


@app.post("/console/connections")
@documented(item(DepartureOut), body=ConnectIn)
def connect() -> Response[str]:
    """Begin to connect a mailbox; the page then goes where the answer says."""
    require_own_page(app.current_event)
    given, services = app.body(ConnectIn), bootstrap.services()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    departure = services.begin_connection(
        provider=known_provider(given.provider),
        email=given.email,
        state=state,
        code_verifier=verifier,
        session=living_session(token=session_token(app.current_event), tools=services.sessions),
        invitation=given.invitation,
    )
    is_secure = speaks_https(app.current_event)
    answer = app.item(DepartureOut(consent_url=departure.consent_url))
    answer.cookies += [
        # One for the provider's return to the API, one for the API's return to the console.
        connection_cookie(
            state_of(departure.consent_url), departure.browser_secret, is_secure=is_secure
        ),
        connection_cookie(state, verifier, is_secure=is_secure),
    ]
    return answer


@app.get("/console/connected")
@documented(elsewhere("The console."))
def connected(query: Annotated[ReturnQuery, Query()]) -> Response[str]:
    """Sign in whoever comes back with a mailbox; the page says what went wrong."""
    event, services = app.current_event, bootstrap.services()
    is_secure = speaks_https(event)
    spent = spent_cookie(query.state, is_secure=is_secure)
    if query.error:
        return redirect(f"/console#/refused/{query.error}", cookies=[spent])
    try:
        opened = services.sign_in(
            code=query.code,
            code_verifier=read_connection_cookie(event, query.state, is_secure=is_secure),
            replaced=session_token(event),
        )
    except ConnectionRefused:
        return redirect("/console#/refused/state_invalid", cookies=[spent])
    return redirect(
        f"/console#/mail/{opened.account_id}",
        cookies=[spent, session_cookie(opened.token, is_secure=is_secure)],
    )


def _with_session(answer: Response[Any], opened: OpenSession) -> Response[Any]:
    is_secure = speaks_https(app.current_event)
    answer.cookies.append(session_cookie(opened.token, is_secure=is_secure))
    return answer


handler = lambda_handler(app)
