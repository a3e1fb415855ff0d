"""/v3/webhooks: the addresses that are told of events."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from postroom.bootstrap import webhooks as bootstrap
from postroom.usecases import manage_webhooks as webhooks
from postroom.web import access
from postroom.web.documented import documented, item, listing
from postroom.web.paging import deliveries_list, name_cursor, page_name
from postroom.web.resolver import lambda_handler, make_resolver
from postroom.web.schemas.webhooks import (
    DeliveryOut,
    DeliveryQuery,
    IpAddressesOut,
    RemovalOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
)

app = make_resolver(
    admit=lambda bearer: bootstrap.services().authenticate(bearer), permit=access.WEBHOOKS
)


@app.get("/v3/webhooks")
@documented(listing(WebhookOut))
def list_webhooks() -> Response[str]:
    """List all webhooks."""
    found = webhooks.list_webhooks(tools=bootstrap.services().tools)
    return app.listing([WebhookOut.from_domain(each) for each in found])


@app.post("/v3/webhooks")
@documented(item(WebhookOut), body=WebhookIn)
def create_webhook() -> Response[str]:
    """Make a webhook; this answer alone shows its secret."""
    given = app.body(WebhookIn)
    made, secret = webhooks.create_webhook(
        url=given.webhook_url,
        event_types=given.trigger_types,
        change=webhooks.WebhookChange(
            description=given.description,
            notified_addresses=_tuple(given.notification_email_addresses),
            is_compressed=given.compressed_delivery,
        ),
        tools=bootstrap.services().tools,
    )
    return app.item(WebhookOut.from_domain(made, secret))


# Before the route of any id: routes are tried in order.
@app.get("/v3/webhooks/ip-addresses")
@documented(item(IpAddressesOut))
def ip_addresses() -> Response[str]:
    """Tell where deliveries come from."""
    return app.item(IpAddressesOut())


@app.get("/v3/webhooks/<webhook_id>")
@documented(item(WebhookOut))
def get_webhook(webhook_id: str) -> Response[str]:
    """Return a webhook."""
    found = webhooks.read_webhook(webhook_id=webhook_id, tools=bootstrap.services().tools)
    return app.item(WebhookOut.from_domain(found))


@app.put("/v3/webhooks/<webhook_id>")
@documented(item(WebhookOut), body=WebhookChangeIn)
def update_webhook(webhook_id: str) -> Response[str]:
    """Change a webhook."""
    given = app.body(WebhookChangeIn)
    changed = webhooks.update_webhook(
        webhook_id=webhook_id,
        change=webhooks.WebhookChange(
            url=given.webhook_url,
            event_types=_tuple(given.trigger_types),
            description=given.description,
            notified_addresses=_tuple(given.notification_email_addresses),
            is_compressed=given.compressed_delivery,
            status=given.status,
        ),
        tools=bootstrap.services().tools,
    )
    return app.item(WebhookOut.from_domain(changed))


@app.put("/v3/webhooks/<webhook_id>/rotate-secret")
@app.post("/v3/webhooks/rotate-secret/<webhook_id>")
@documented(item(WebhookOut))
def rotate_secret(webhook_id: str) -> Response[str]:
    """Make another secret: each official SDK has a way of its own to ask for it."""
    changed, secret = webhooks.rotate_secret(
        webhook_id=webhook_id, tools=bootstrap.services().tools
    )
    return app.item(WebhookOut.from_domain(changed, secret))


@app.delete("/v3/webhooks/<webhook_id>")
@documented(item(RemovalOut))
def delete_webhook(webhook_id: str) -> Response[str]:
    """Remove a webhook."""
    webhooks.delete_webhook(webhook_id=webhook_id, tools=bootstrap.services().tools)
    return app.item(RemovalOut())


@app.get("/v3/webhooks/<webhook_id>/deliveries")
@documented(listing(DeliveryOut))
def list_deliveries(webhook_id: str, query: Annotated[DeliveryQuery, Query()]) -> Response[str]:
    """List the attempts to tell a webhook of events, newest events first, for seven days."""
    tools = bootstrap.services().tools
    of_list, key = deliveries_list(webhook_id), tools.secrets.signing_key()
    after = page_name(query.page_token, of_list=of_list, key=key)
    found, more_after = webhooks.list_deliveries(
        webhook_id=webhook_id, limit=query.limit, after=after, tools=tools
    )
    return app.listing(
        [DeliveryOut.from_domain(each) for each in found],
        next_cursor=name_cursor(more_after, of_list=of_list, key=key) if more_after else None,
    )


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


handler = lambda_handler(app)
