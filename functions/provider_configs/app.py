"""/v3/connectors and /v3/applications: what the administrator sets up."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import provider_configs as bootstrap
from postroom.usecases import manage_application as applications
from postroom.usecases import manage_provider_configs as configs
from postroom.usecases.authenticate import require_administrator
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.application import (
    ApplicationChangeIn,
    ApplicationOut,
    RedirectUriChangeIn,
    RedirectUriIn,
    RedirectUriOut,
)
from postroom.web.schemas.provider_configs import (
    ConnectorChangeIn,
    ConnectorIn,
    ConnectorOut,
    connectable_provider,
    known_provider,
)

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=require_administrator
)


@app.get("/v3/connectors")
def list_connectors() -> Response[str]:
    """List all connectors."""
    services = bootstrap.services()
    found = configs.list_provider_configs(configs=services.configs)
    address = services.callback_url
    return app.listing([ConnectorOut.from_domain(each, callback_url=address) for each in found])


@app.post("/v3/connectors")
def create_connector() -> Response[str]:
    """Add the connector of a provider."""
    given = app.body(ConnectorIn)
    services = bootstrap.services()
    created = configs.create_provider_config(
        provider=connectable_provider(given.provider),
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
def get_connector(provider: str) -> Response[str]:
    """Return a connector."""
    services = bootstrap.services()
    found = configs.read_provider_config(
        provider=known_provider(provider), configs=services.configs
    )
    return app.item(ConnectorOut.from_domain(found, callback_url=services.callback_url))


@app.put("/v3/connectors/<provider>")
@app.patch("/v3/connectors/<provider>")
def update_connector(provider: str) -> Response[str]:
    """Change a connector: one official SDK says PATCH, another PUT, and both mean this."""
    given = app.body(ConnectorChangeIn)
    services = bootstrap.services()
    changed = configs.update_provider_config(
        provider=known_provider(provider),
        change=configs.ProviderConfigChange(
            name=given.name,
            client_id=given.settings.client_id,
            client_secret=given.settings.client_secret,
            scopes=None if given.scope is None else tuple(given.scope),
            tenant=given.settings.tenant,
            topic_name=given.settings.topic_name,
        ),
        configs=services.configs,
        client_secrets=services.client_secrets,
        clock=services.clock,
    )
    return app.item(ConnectorOut.from_domain(changed, callback_url=services.callback_url))


@app.delete("/v3/connectors/<provider>")
def delete_connector(provider: str) -> Response[str]:
    """Remove a connector and its secret."""
    services = bootstrap.services()
    configs.delete_provider_config(
        provider=known_provider(provider),
        configs=services.configs,
        client_secrets=services.client_secrets,
    )
    return app.done()


@app.get("/v3/applications")
def get_application() -> Response[str]:
    """Return the application with its return addresses."""
    services = bootstrap.services()
    profile = applications.read_profile(application=services.application)
    addresses = applications.list_redirect_uris(application=services.application)
    return app.item(ApplicationOut.from_domain(services.application_id, profile, addresses))


@app.patch("/v3/applications")
def update_application() -> Response[str]:
    """Change what is said about the application."""
    given = app.body(ApplicationChangeIn)
    services = bootstrap.services()
    profile = applications.update_profile(
        changes=given.to_domain(), application=services.application
    )
    addresses = applications.list_redirect_uris(application=services.application)
    return app.item(ApplicationOut.from_domain(services.application_id, profile, addresses))


@app.get("/v3/applications/redirect-uris")
def list_redirect_uris() -> Response[str]:
    """List the return addresses."""
    found = applications.list_redirect_uris(application=bootstrap.services().application)
    return app.listing([RedirectUriOut.from_domain(each) for each in found])


@app.post("/v3/applications/redirect-uris")
def create_redirect_uri() -> Response[str]:
    """Register a return address."""
    given = app.body(RedirectUriIn)
    services = bootstrap.services()
    created = applications.create_redirect_uri(
        url=given.url,
        platform=given.platform,
        settings=given.settings.to_domain() if given.settings else {},
        application=services.application,
        clock=services.clock,
    )
    return app.item(RedirectUriOut.from_domain(created), status=201)


@app.get("/v3/applications/redirect-uris/<redirect_uri_id>")
def get_redirect_uri(redirect_uri_id: str) -> Response[str]:
    """Return a return address."""
    found = applications.read_redirect_uri(
        redirect_uri_id=redirect_uri_id, application=bootstrap.services().application
    )
    return app.item(RedirectUriOut.from_domain(found))


@app.patch("/v3/applications/redirect-uris/<redirect_uri_id>")
def update_redirect_uri(redirect_uri_id: str) -> Response[str]:
    """Change a return address."""
    given = app.body(RedirectUriChangeIn)
    changed = applications.update_redirect_uri(
        redirect_uri_id=redirect_uri_id,
        changes=given.to_domain(),
        application=bootstrap.services().application,
    )
    return app.item(RedirectUriOut.from_domain(changed))


@app.delete("/v3/applications/redirect-uris/<redirect_uri_id>")
def delete_redirect_uri(redirect_uri_id: str) -> Response[str]:
    """Remove a return address."""
    applications.delete_redirect_uri(
        redirect_uri_id=redirect_uri_id, application=bootstrap.services().application
    )
    return app.done()


handler = lambda_handler(app)
