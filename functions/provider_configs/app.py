"""/v3/connectors: the administrator's OAuth clients."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import provider_configs as bootstrap
from postroom.usecases import manage_provider_configs as configs
from postroom.usecases import manage_registrations as registrations
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.paging import connectors_list, name_cursor, page_name
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.provider_configs import (
    ConnectorChangeIn,
    ConnectorIn,
    ConnectorListQuery,
    ConnectorOut,
    CredentialChangeIn,
    CredentialDataChangeIn,
    CredentialIn,
    CredentialListQuery,
    CredentialOut,
    SettingsChangeIn,
    known_provider,
    shown_connector,
)

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.SETTINGS
)


@app.get("/v3/connectors")
@documented(listing(ConnectorOut))
def list_connectors(query: Annotated[ConnectorListQuery, Query()]) -> Response[str]:
    """List all connectors."""
    services = bootstrap.services()
    found = configs.list_provider_configs(configs=services.configs)
    of_list, key = connectors_list(), services.secrets.signing_key()
    after = page_name(query.page_token, of_list=of_list, key=key)
    # `offset` may come along again with the token: it said where the first page began.
    rest = [each for each in found if each.provider > after] if after else found[query.offset :]
    page, beyond = rest[: query.limit], rest[query.limit :]
    following = name_cursor(page[-1].provider, of_list=of_list, key=key) if beyond else None
    address = services.callback_url
    shown = [
        shown_connector(ConnectorOut.from_domain(each, callback_url=address), query.select)
        for each in page
    ]
    return app.listing(shown, next_cursor=following, limit=query.limit, offset=query.offset)


@app.post("/v3/connectors")
@documented(item(ConnectorOut, status=201), body=ConnectorIn)
def create_connector() -> Response[str]:
    """Add the connector of a provider."""
    given = app.body(ConnectorIn)
    services = bootstrap.services()
    created = configs.create_provider_config(
        provider=known_provider(given.provider),
        client_id=given.settings.client_id,
        client_secret=given.settings.client_secret,
        change=configs.ProviderConfigChange(
            name=given.name,
            scopes=None if given.scope is None else tuple(given.scope),
            tenant=given.settings.tenant,
            topic_name=given.settings.topic_name,
        ),
        configs=services.configs,
        client_secrets=services.client_secrets,
        clock=services.clock,
    )
    return app.item(
        ConnectorOut.from_domain(created, callback_url=services.callback_url), status=201
    )


@app.get("/v3/connectors/<provider>")
@documented(item(ConnectorOut))
def get_connector(provider: str) -> Response[str]:
    """Return a connector."""
    services = bootstrap.services()
    found = configs.read_provider_config(
        provider=known_provider(provider), configs=services.configs
    )
    return app.item(ConnectorOut.from_domain(found, callback_url=services.callback_url))


@app.put("/v3/connectors/<provider>")
@app.patch("/v3/connectors/<provider>")
@documented(item(ConnectorOut), body=ConnectorChangeIn)
def update_connector(provider: str) -> Response[str]:
    """Change a connector: one official SDK says PATCH, another PUT, and both mean this."""
    given = app.body(ConnectorChangeIn)
    settings = given.settings or SettingsChangeIn()
    services = bootstrap.services()
    changed = configs.update_provider_config(
        provider=known_provider(provider),
        change=configs.ProviderConfigChange(
            name=given.name,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scopes=None if given.scope is None else tuple(given.scope),
            tenant=settings.tenant,
            topic_name=settings.topic_name,
            active_registration_id=given.active_credential_id,
        ),
        configs=services.configs,
        client_secrets=services.client_secrets,
        clock=services.clock,
    )
    return app.item(ConnectorOut.from_domain(changed, callback_url=services.callback_url))


@app.delete("/v3/connectors/<provider>")
@documented(DONE)
def delete_connector(provider: str) -> Response[str]:
    """Remove a connector and its secret."""
    services = bootstrap.services()
    configs.delete_provider_config(
        provider=known_provider(provider),
        configs=services.configs,
        client_secrets=services.client_secrets,
    )
    return app.done()


@app.get("/v3/connectors/<provider>/creds")
@documented(listing(CredentialOut, by_offset=True))
def list_credentials(
    provider: str, query: Annotated[CredentialListQuery, Query()]
) -> Response[str]:
    """List the other clients of a connector."""
    found = registrations.list_registrations(
        provider=known_provider(provider),
        by_update=query.sort_by == "updated_at",
        newest_first=query.order_by == "desc",
        offset=query.offset,
        limit=query.limit,
        tools=bootstrap.services().registration_tools,
    )
    shown = [CredentialOut.from_domain(each) for each in found]
    return app.listing(shown, limit=query.limit, offset=query.offset)


@app.post("/v3/connectors/<provider>/creds")
@documented(item(CredentialOut, status=201), body=CredentialIn)
def create_credential(provider: str) -> Response[str]:
    """Add another client to a connector."""
    given = app.body(CredentialIn)
    created = registrations.create_registration(
        provider=known_provider(provider),
        name=given.name,
        kind=given.credential_type,
        client_id=given.credential_data.client_id,
        client_secret=given.credential_data.client_secret,
        tenant=given.credential_data.tenant or "",
        tools=bootstrap.services().registration_tools,
    )
    return app.item(CredentialOut.from_domain(created), status=201)


@app.get("/v3/connectors/<provider>/creds/<credential_id>")
@documented(item(CredentialOut))
def get_credential(provider: str, credential_id: str) -> Response[str]:
    """Return another client of a connector."""
    found = registrations.read_registration(
        provider=known_provider(provider),
        registration_id=credential_id,
        tools=bootstrap.services().registration_tools,
    )
    return app.item(CredentialOut.from_domain(found))


@app.patch("/v3/connectors/<provider>/creds/<credential_id>")
@documented(item(CredentialOut), body=CredentialChangeIn)
def update_credential(provider: str, credential_id: str) -> Response[str]:
    """Change another client of a connector."""
    given = app.body(CredentialChangeIn)
    data = given.credential_data or CredentialDataChangeIn()
    changed = registrations.update_registration(
        provider=known_provider(provider),
        registration_id=credential_id,
        change=registrations.RegistrationChange(
            name=given.name,
            client_id=data.client_id,
            client_secret=data.client_secret,
            tenant=data.tenant,
        ),
        tools=bootstrap.services().registration_tools,
    )
    return app.item(CredentialOut.from_domain(changed))


@app.delete("/v3/connectors/<provider>/creds/<credential_id>")
@documented(DONE)
def delete_credential(provider: str, credential_id: str) -> Response[str]:
    """Remove another client, with its secret, when nobody lives on it."""
    registrations.delete_registration(
        provider=known_provider(provider),
        registration_id=credential_id,
        tools=bootstrap.services().registration_tools,
    )
    return app.done()


handler = lambda_handler(app)
