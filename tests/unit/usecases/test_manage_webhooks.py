"""Webhooks: addresses that may be told, secrets that nobody stores."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.webhook import Webhook, WebhookStatus
from postroom.usecases.manage_webhooks import (
    WebhookChange,
    WebhookTools,
    create_webhook,
    read_webhook,
    rotate_secret,
    update_webhook,
)
from tests.fakes import (
    FixedClock,
    InMemoryDeliveryStore,
    InMemoryDeploymentSecrets,
    InMemoryWebhookStore,
)

HOSTS = {
    "hooks.example.com": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "inside.example.com": ["10.0.0.7"],
    "both.example.com": ["93.184.215.14", "169.254.169.254"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
}


@pytest.fixture
def tools() -> WebhookTools:
    def addresses(host: str) -> list[str]:
        return HOSTS.get(host, [host] if host[0].isdigit() or ":" in host else [])

    return WebhookTools(
        webhooks=InMemoryWebhookStore(),
        deliveries=InMemoryDeliveryStore(FixedClock()),
        host_addresses=addresses,
        secrets=InMemoryDeploymentSecrets(),
        clock=FixedClock(),
    )


def _make(tools: WebhookTools, url: str = "https://hooks.example.com/x") -> tuple[Webhook, str]:
    return create_webhook(
        url=url, event_types=["message.created"], change=WebhookChange(), tools=tools
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "https://",
        "https:///x",
        "hooks.example.com",
        "https://user@hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://[::1",
        "https://nowhere.example.com/",
        "https://inside.example.com/",
        "https://both.example.com/",
        "https://mapped.example.com/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[2002:a00:1::]/",
        "https://[64:ff9b::a00:1]/",
    ],
)
def test_addresses_that_are_never_called_are_refused(tools: WebhookTools, url: str) -> None:
    """No https, nobody there, or something that only our own surroundings can reach."""
    with pytest.raises(InvalidRequest) as refusal:
        _make(tools, url)
    assert refusal.value.field == "webhook_url"
    assert tools.webhooks.all() == []


def test_the_local_stack_is_told_on_its_own_machine(tools: WebhookTools) -> None:
    """Without TLS, and only so: whatever is inside for everybody else stays closed there, too."""
    local = replace(tools, local_host="127.0.0.1")
    _make(local, "http://127.0.0.1:9000/x")
    for url in ("https://127.0.0.1/x", "http://127.0.0.2/x", "http://10.0.0.1/x"):
        with pytest.raises(InvalidRequest):
            _make(local, url)
    assert [each.url for each in local.webhooks.all()] == ["http://127.0.0.1:9000/x"]


def test_a_change_is_made_of_what_is_there_by_then(tools: WebhookTools) -> None:
    """Whoever delivers has noted meanwhile that it fails: neither change is lost."""
    webhook, _ = _make(tools)

    class Meanwhile(InMemoryWebhookStore):
        def __init__(self) -> None:
            super().__init__()
            self.left = 2

        def replace(self, webhook: Webhook, *, expected: Webhook) -> None:
            if self.left:
                self.left -= 1
                noted = replace(expected, status=WebhookStatus.FAILING, secret_number=self.left + 5)
                super().replace(noted, expected=expected)
            super().replace(webhook, expected=expected)

    raced = replace(tools, webhooks=Meanwhile())
    raced.webhooks.add(webhook)
    changed = update_webhook(
        webhook_id=webhook.id, change=WebhookChange(description="x"), tools=raced
    )
    assert (changed.description, changed.status) == ("x", WebhookStatus.FAILING)
    assert raced.webhooks.get(webhook.id) == changed


def test_an_address_is_checked_when_it_changes(tools: WebhookTools) -> None:
    """A webhook that stands cannot be turned inwards."""
    webhook, _ = _make(tools)
    with pytest.raises(InvalidRequest):
        update_webhook(
            webhook_id=webhook.id, change=WebhookChange(url="https://10.0.0.1/"), tools=tools
        )
    assert read_webhook(webhook_id=webhook.id, tools=tools) == webhook


def test_each_webhook_has_its_own_secret_until_it_is_changed(tools: WebhookTools) -> None:
    """256 bits, stored nowhere; a changed one is another, for this webhook only."""
    (first, secret), (second, another) = _make(tools), _make(tools)
    assert len(bytes.fromhex(secret)) == 32
    assert secret != another
    _, rotated = rotate_secret(webhook_id=first.id, tools=tools)
    assert rotated not in (secret, another)
    assert secret not in str(tools.webhooks.all())
    assert read_webhook(webhook_id=second.id, tools=tools) == second


@pytest.mark.parametrize(
    ("change", "status_changed"),
    [({"status": "pause"}, True), ({"status": "active"}, False), ({"description": "x"}, False)],
)
def test_the_time_of_the_status_is_that_of_its_change(
    tools: WebhookTools, change: dict[str, Any], *, status_changed: bool
) -> None:
    """Other changes leave it alone."""
    webhook, _ = _make(tools)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    later = clock.advance(timedelta(minutes=1))
    changed = update_webhook(webhook_id=webhook.id, change=WebhookChange(**change), tools=tools)
    assert changed.updated_at == later
    assert (changed.status_updated_at == later) == status_changed
    assert changed.url == webhook.url
