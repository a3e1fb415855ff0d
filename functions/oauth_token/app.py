"""POST /v3/connect/token and /revoke: codes and refresh tokens for tokens, and their end."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import oauth_token as bootstrap
from postroom.domain.errors import ConnectionRefused
from postroom.usecases.issue_tokens import (
    ClientCredentials,
    IssuedTokens,
    exchange_code,
    refresh_access,
    revoke_token,
)
from postroom.web.bodies import json_or_form, validated
from postroom.web.errors import oauth_error
from postroom.web.resolver import bearer, json_answer, lambda_handler, make_resolver
from postroom.web.schemas.fields import wire
from postroom.web.schemas.oauth import RevokeIn, TokenIn, TokenOut

app = make_resolver(admit=None, render_error=oauth_error)


@app.post("/v3/connect/token")
def token() -> Response[str]:
    """Trade what the application holds for an access token."""
    wanted = validated(TokenIn, json_or_form(app.current_event))
    wanted.require("grant_type", "client_id")
    issued = _issue(wanted)
    answer = TokenOut.of(
        issued.account,
        access_token=issued.access_token,
        expires_in_seconds=issued.expires_in_seconds,
        refresh_token=issued.refresh_token,
        request_id=app.request_id,
    )
    return json_answer(wire(answer), headers={"Pragma": "no-cache"})


@app.post("/v3/connect/revoke")
def revoke() -> Response[str]:
    """Revoke a token, named in the query or in the body."""
    values = app.current_event.query_string_parameters or json_or_form(app.current_event)
    wanted = validated(RevokeIn, values)
    if not wanted.token:
        raise ConnectionRefused("invalid_request", "token: This parameter is missing.")
    revoke_token(token=wanted.token, connections=bootstrap.services().connections)
    return app.done()


def _issue(wanted: TokenIn) -> IssuedTokens:
    services = bootstrap.services()
    # The API key is the client secret; newer SDKs send it in the header alone.
    secret = wanted.client_secret or bearer(app.current_event)
    client = ClientCredentials(client_id=wanted.client_id, client_secret=secret)
    if wanted.grant_type == "authorization_code":
        wanted.require("code", "redirect_uri")
        return exchange_code(
            code=wanted.code,
            redirect_uri=wanted.redirect_uri,
            code_verifier=wanted.code_verifier,
            client=client,
            application_id=services.application_id,
            connections=services.connections,
            accounts=services.accounts,
            secrets=services.secrets,
            clock=services.clock,
        )
    if wanted.grant_type == "refresh_token":
        wanted.require("refresh_token")
        return refresh_access(
            refresh_token=wanted.refresh_token,
            client=client,
            application_id=services.application_id,
            connections=services.connections,
            accounts=services.accounts,
            secrets=services.secrets,
            clock=services.clock,
        )
    raise ConnectionRefused(
        "unsupported_grant_type", "grant_type: Use 'authorization_code' or 'refresh_token'."
    )


handler = lambda_handler(app)
