"""/v3/connect/token, /revoke and /tokeninfo: tokens, their end, and what they stand for."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import oauth_token as bootstrap
from postroom.domain.errors import ConnectionRefused
from postroom.usecases.issue_tokens import (
    ClientCredentials,
    IssuedTokens,
    TokenDescription,
    describe_access_token,
    describe_account,
    exchange_code,
    issue_for_account,
    refresh_access,
    revoke_token,
)
from postroom.web.bodies import FORM, JSON, json_or_form, validated
from postroom.web.documented import DONE, documented, flat, item
from postroom.web.errors import oauth_error
from postroom.web.resolver import bearer, json_answer, lambda_handler, make_resolver
from postroom.web.schemas.fields import wire
from postroom.web.schemas.oauth import (
    RevokeIn,
    RevokeQuery,
    TokenIn,
    TokenInfoOut,
    TokenInfoQuery,
    TokenOut,
)

app = make_resolver(admit=None, render_error=oauth_error)


@app.post("/v3/connect/token")
@documented(flat(TokenOut), body=TokenIn, body_media_types=(JSON, FORM))
def token() -> Response[str]:
    """Trade what the application holds for an access token."""
    wanted = validated(TokenIn, json_or_form(app.current_event))
    wanted.require("grant_type", "client_id")
    issued = _issue(wanted)
    answer = TokenOut.of(
        issued.account,
        access_token=issued.access_token,
        id_token=bootstrap.services().identity_tokens.make(
            issued.account, issued_at=issued.issued_at, lifetime=issued.lifetime
        ),
        lifetime=issued.lifetime,
        refresh_token=issued.refresh_token,
        request_id=app.request_id,
    )
    return json_answer(wire(answer), headers={"Pragma": "no-cache"})


@app.get("/v3/connect/tokeninfo")
@documented(item(TokenInfoOut), query=TokenInfoQuery)
def tokeninfo() -> Response[str]:
    """Tell what an access token or an id token of ours stands for."""
    wanted = validated(TokenInfoQuery, app.current_event.query_string_parameters or {})
    if bool(wanted.id_token) == bool(wanted.access_token):
        raise ConnectionRefused("invalid_request", "Send either id_token or access_token.")
    described = _described(wanted)
    tokens = bootstrap.services().identity_tokens
    return app.item(
        TokenInfoOut.of(
            described.account,
            issuer=tokens.issuer,
            audience=tokens.audience,
            issued_at=described.issued_at,
            end=described.expires_at,
        )
    )


@app.post("/v3/connect/revoke")
@documented(
    DONE, query=RevokeQuery, body=RevokeIn, body_may_be_missing=True, body_media_types=(JSON, FORM)
)
def revoke() -> Response[str]:
    """Revoke a token, named in the query or in the body."""
    in_query = validated(RevokeQuery, app.current_event.query_string_parameters or {})
    in_body = validated(RevokeIn, json_or_form(app.current_event))
    named = in_query.token or in_body.token
    if not named:
        raise ConnectionRefused("invalid_request", "token: This parameter is missing.")
    revoke_token(token=named, connections=bootstrap.services().tools.connections)
    return app.done()


def _described(wanted: TokenInfoQuery) -> TokenDescription:
    services = bootstrap.services()
    tools = services.tools
    if wanted.access_token:
        return describe_access_token(access_token=wanted.access_token, tools=tools)
    account_id, issued_at, end = services.identity_tokens.read(
        wanted.id_token, now=tools.clock.now()
    )
    return describe_account(account_id=account_id, issued_at=issued_at, expires_at=end, tools=tools)


def _issue(wanted: TokenIn) -> IssuedTokens:
    # The API key is the client secret; newer SDKs send it in the header alone.
    secret = wanted.client_secret or bearer(app.current_event)
    client = ClientCredentials(client_id=wanted.client_id, client_secret=secret)
    tools = bootstrap.services().tools
    if wanted.grant_type == "authorization_code":
        wanted.require("code", "redirect_uri")
        return exchange_code(
            code=wanted.code,
            redirect_uri=wanted.redirect_uri,
            code_verifier=wanted.code_verifier,
            client=client,
            tools=tools,
        )
    if wanted.grant_type == "refresh_token":
        wanted.require("refresh_token")
        return refresh_access(refresh_token=wanted.refresh_token, client=client, tools=tools)
    if wanted.grant_type == "client_credentials":
        wanted.require("grant_id")
        return issue_for_account(account=wanted.grant_id, client=client, tools=tools)
    raise ConnectionRefused(
        "unsupported_grant_type",
        "grant_type: Use 'authorization_code', 'refresh_token' or 'client_credentials'.",
    )


handler = lambda_handler(app)
