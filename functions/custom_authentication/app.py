"""Connecting by a token that the application has, guessing providers, verifying connectors."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import custom_authentication as bootstrap
from postroom.usecases.authenticate import require_api_key, resolve_account
from postroom.usecases.connect_with_token import change_consent, connect_with_token
from postroom.usecases.detect_provider import detect_provider
from postroom.usecases.verify_provider_config import verify_provider_config
from postroom.web import access
from postroom.web.documented import documented, item
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.accounts import (
    CustomGrantIn,
    DetectionOut,
    DetectionQuery,
    GrantChangeIn,
    GrantOut,
)
from postroom.web.schemas.provider_configs import (
    ConnectorProblemOut,
    VerificationOut,
    known_provider,
)

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.GRANTS
)


@app.post("/v3/connect/custom")
@documented(item(GrantOut, status=201), body=CustomGrantIn)
def connect() -> Response[str]:
    """Connect the mailbox that a refresh token opens; a known one gets this consent."""
    require_api_key(app.principal)
    given = app.body(CustomGrantIn)
    account = connect_with_token(
        provider=known_provider(given.provider),
        refresh_token=given.settings.refresh_token,
        scopes=frozenset(given.scope or ()),
        state=given.state or "",
        registration_id=given.settings.credential_id or "",
        tools=bootstrap.services().tools,
    )
    return app.item(GrantOut.from_domain(account), status=201)


@app.patch("/v3/grants/<grant_id>")
@documented(item(GrantOut), body=GrantChangeIn)
def update_grant(grant_id: str) -> Response[str]:
    """Give an account another consent of its owner's."""
    given = app.body(GrantChangeIn)
    tools = bootstrap.services().tools
    account = resolve_account(principal=app.principal, reference=grant_id, accounts=tools.accounts)
    changed = change_consent(
        account=account,
        refresh_token=given.settings.refresh_token if given.settings else "",
        registration_id=(given.settings.credential_id or "") if given.settings else "",
        scopes=frozenset(given.scope or ()),
        tools=tools,
    )
    return app.item(GrantOut.from_domain(changed))


@app.post("/v3/providers/detect")
@documented(item(DetectionOut))
def detect(query: Annotated[DetectionQuery, Query()]) -> Response[str]:
    """Guess the provider of an address; a POST without a body, as the contract has it."""
    require_api_key(app.principal)
    services = bootstrap.services()
    provider = detect_provider(
        email=query.email,
        all_providers=query.all_provider_types,
        domains=services.domains,
        configs=services.configs,
    )
    answer = DetectionOut(
        email_address=query.email, detected=provider is not None, provider=provider
    )
    return app.item(answer)


@app.post("/v3/connectors/<provider>/verify")
@documented(item(VerificationOut), about="Needs the scope `administration` too.")
def verify(provider: str) -> Response[str]:
    """Look whether a connector can work; here, where client secrets can be read."""
    access.require_administration(app.principal)
    name, services = known_provider(provider), bootstrap.services()
    problems = verify_provider_config(
        provider=name,
        callback_url=services.callback_url,
        configs=services.configs,
        providers=services.tools.providers,
        application=services.application,
    )
    return app.item(
        VerificationOut(
            provider=name,
            works=not problems,
            problems=[each.sentence for each in problems],
            details=[ConnectorProblemOut.from_domain(each) for each in problems],
            redirect_uri=services.callback_url,
        )
    )


handler = lambda_handler(app)
