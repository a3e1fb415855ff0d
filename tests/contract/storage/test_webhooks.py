"""WebhookStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import Conflict, NotFound
from postroom.domain.event import EventType
from postroom.domain.webhook import Webhook, WebhookStatus
from postroom.ports import WebhookStore
from postroom.storage.dynamodb.webhooks import DynamoWebhookStore
from tests.builders import NOW
from tests.fakes import InMemoryWebhookStore

HOOK = Webhook(
    id="hook-1",
    url="https://hooks.example.com/postroom?a=b",
    event_types=(EventType.MESSAGE_CREATED, EventType.GRANT_EXPIRED),
    description="Ours",
    notified_addresses=("ops@example.com",),
    status=WebhookStatus.ACTIVE,
    secret_number=1,
    created_at=NOW,
    updated_at=NOW,
    status_updated_at=NOW,
)


@pytest.fixture(params=["memory", "dynamodb"])
def webhooks(request: pytest.FixtureRequest) -> WebhookStore:
    if request.param == "memory":
        return InMemoryWebhookStore()
    return DynamoWebhookStore(request.getfixturevalue("table"))


class TestWebhookStore:
    """Webhooks by their ids."""

    def test_webhooks_are_kept_whole(self, webhooks: WebhookStore) -> None:
        """Oldest first, each as it was stored."""
        second = replace(HOOK, id="a-second", created_at=NOW + timedelta(seconds=1))
        webhooks.add(second)
        webhooks.add(HOOK)

        assert webhooks.get("hook-1") == HOOK
        assert webhooks.all() == [HOOK, second]

    def test_a_webhook_is_replaced(self, webhooks: WebhookStore) -> None:
        """Whatever changed."""
        webhooks.add(HOOK)
        changed = replace(
            HOOK, status=WebhookStatus.PAUSED, secret_number=2, description="", is_compressed=True
        )

        webhooks.replace(changed, expected=HOOK)

        assert webhooks.get("hook-1") == changed

    @pytest.mark.parametrize(
        "meanwhile",
        [
            {"status": WebhookStatus.FAILING, "status_updated_at": NOW + timedelta(seconds=1)},
            {"updated_at": NOW + timedelta(seconds=1), "description": "theirs"},
            {"secret_number": 2},
        ],
    )
    def test_a_change_of_somebody_else_is_not_lost(
        self, webhooks: WebhookStore, meanwhile: dict[str, Any]
    ) -> None:
        """Its owner and whoever delivers write the same row."""
        webhooks.add(HOOK)
        theirs = replace(HOOK, **meanwhile)
        webhooks.replace(theirs, expected=HOOK)

        with pytest.raises(Conflict):
            webhooks.replace(replace(HOOK, description="ours"), expected=HOOK)

        assert webhooks.get("hook-1") == theirs

    @pytest.mark.parametrize("webhook_id", ["hook-1", "", "\ud800", "x" * 3_000])
    def test_what_is_not_there_is_not_found(self, webhooks: WebhookStore, webhook_id: str) -> None:
        """A removed webhook does not come back by a late change."""
        webhooks.add(HOOK)
        webhooks.delete("hook-1")

        with pytest.raises(NotFound):
            webhooks.get(webhook_id)
        with pytest.raises(NotFound):
            webhooks.delete(webhook_id)
        with pytest.raises(NotFound):
            webhooks.replace(HOOK, expected=HOOK)
        assert webhooks.all() == []
