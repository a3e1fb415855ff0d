"""/v3/applications and /v3/api-keys: the application, its return addresses, and who may call."""

from aws_lambda_powertools.event_handler import Response

from postroom.bootstrap import application as bootstrap
from postroom.usecases import manage_api_keys
from postroom.usecases import manage_application as applications
from postroom.web import access
from postroom.web.documented import DONE, documented, item, listing
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.api_keys import ApiKeyIn, ApiKeyOut
from postroom.web.schemas.application import (
    ApplicationChangeIn,
    ApplicationOut,
    RedirectUriChangeIn,
    RedirectUriIn,
    RedirectUriOut,
)

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.SETTINGS
)


@app.get("/v3/applications")
@documented(item(ApplicationOut))
def get_application() -> Response[str]:
    """Return the application with its return addresses."""
    services = bootstrap.services()
    profile = applications.read_profile(application=services.application)
    addresses = applications.list_redirect_uris(application=services.application)
    return app.item(ApplicationOut.from_domain(services.application_id, profile, addresses))


@app.patch("/v3/applications")
@documented(item(ApplicationOut), body=ApplicationChangeIn)
def update_application() -> Response[str]:
    """Change what is said about the application."""
    given = app.body(ApplicationChangeIn)
    services = bootstrap.services()
    profile = applications.update_application(
        changes=given.to_domain(),
        redirect_uris=given.wanted_redirect_uris(),
        application=services.application,
        clock=services.clock,
    )
    addresses = applications.list_redirect_uris(application=services.application)
    return app.item(ApplicationOut.from_domain(services.application_id, profile, addresses))


@app.get("/v3/applications/redirect-uris")
@documented(listing(RedirectUriOut))
def list_redirect_uris() -> Response[str]:
    """List the return addresses."""
    found = applications.list_redirect_uris(application=bootstrap.services().application)
    return app.listing([RedirectUriOut.from_domain(each) for each in found])


@app.post("/v3/applications/redirect-uris")
@documented(item(RedirectUriOut, status=201), body=RedirectUriIn)
def create_redirect_uri() -> Response[str]:
    """Register a return address."""
    given = app.body(RedirectUriIn)
    services = bootstrap.services()
    created = applications.create_redirect_uri(
        url=given.url,
        platform=given.platform or "web",
        settings=given.settings.to_domain() if given.settings else {},
        application=services.application,
        clock=services.clock,
    )
    return app.item(RedirectUriOut.from_domain(created), status=201)


@app.get("/v3/applications/redirect-uris/<redirect_uri_id>")
@documented(item(RedirectUriOut))
def get_redirect_uri(redirect_uri_id: str) -> Response[str]:
    """Return a return address."""
    found = applications.read_redirect_uri(
        redirect_uri_id=redirect_uri_id, application=bootstrap.services().application
    )
    return app.item(RedirectUriOut.from_domain(found))


@app.patch("/v3/applications/redirect-uris/<redirect_uri_id>")
@documented(item(RedirectUriOut), body=RedirectUriChangeIn)
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
@documented(DONE)
def delete_redirect_uri(redirect_uri_id: str) -> Response[str]:
    """Remove a return address."""
    applications.delete_redirect_uri(
        redirect_uri_id=redirect_uri_id, application=bootstrap.services().application
    )
    return app.done()


@app.get("/v3/api-keys")
@documented(listing(ApiKeyOut))
def list_api_keys() -> Response[str]:
    """List the API keys, without the keys themselves."""
    found = manage_api_keys.list_api_keys(api_keys=bootstrap.services().api_keys)
    return app.listing([ApiKeyOut.from_domain(each) for each in found])


@app.post("/v3/api-keys")
@documented(item(ApiKeyOut, status=201), body=ApiKeyIn)
def create_api_key() -> Response[str]:
    """Make an API key; this answer alone shows it."""
    given = app.body(ApiKeyIn)
    services = bootstrap.services()
    key, api_key = manage_api_keys.create_api_key(
        name=given.name,
        scopes=given.scopes or (),
        expires_at=given.expires_at,
        api_keys=services.api_keys,
        clock=services.clock,
    )
    return app.item(ApiKeyOut.from_domain(api_key, key), status=201)


@app.delete("/v3/api-keys/<api_key_id>")
@documented(DONE)
def revoke_api_key(api_key_id: str) -> Response[str]:
    """Revoke an API key: it opens nothing from now on."""
    manage_api_keys.revoke_api_key(api_key_id=api_key_id, api_keys=bootstrap.services().api_keys)
    return app.done()


handler = lambda_handler(app)
