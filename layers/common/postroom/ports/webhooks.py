"""Where webhooks are kept, and who their hosts are."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from postroom.domain.delivery import Answer, Delivery, DeliveryCall, Told
from postroom.domain.event import Event
from postroom.domain.ids import EventId
from postroom.domain.webhook import Outcomes, Webhook


class WebhookStore(Protocol):
    """Webhooks by their ids."""

    def get(self, webhook_id: str) -> Webhook:
        """Return a webhook. Raises NotFound."""

    def all(self) -> Sequence[Webhook]:
        """Return all webhooks, oldest first."""

    def add(self, webhook: Webhook) -> None:
        """Add a webhook."""

    def replace(self, webhook: Webhook, *, expected: Webhook) -> None:
        """Replace a webhook that is still as it was read. Raises NotFound, Conflict."""

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook. Raises NotFound."""


class HostAddresses(Protocol):
    """Tells where a host can be reached."""

    def __call__(self, host: str) -> Sequence[str]:
        """Return the addresses of a name, or the address that it is; none when nobody knows."""


class EventStore(Protocol):
    """Events, for seven days; they are written with the changes that they tell of."""

    def get(self, event_id: EventId) -> Event:
        """Return an event. Raises NotFound."""


class DeliveryQueue(Protocol):
    """Calls who delivers. Calls may come twice, late and in any order."""

    def deliver(self, calls: Sequence[DeliveryCall], *, delay: timedelta = timedelta()) -> None:
        """Have events told, each to one webhook. At most 15 minutes of delay.

        An exception says that some were not taken; they may all be put in again.
        """


class DeliveryStore(Protocol):
    """Attempts to tell events, for seven days."""

    def record(self, delivery: Delivery) -> None:
        """Note an attempt, and count it. One that is noted already is not counted again."""

    def of_event(self, webhook_id: str, event: Event) -> Sequence[Delivery]:
        """Return the attempts to tell a webhook of an event."""

    def newest(self, webhook_id: str, *, limit: int, after: str = "") -> Sequence[Delivery]:
        """Return a webhook's attempts behind a place (`Delivery.place`), newest events first.

        Of one event the last attempt comes first.
        """

    def outcomes(self, webhook_id: str, *, since: datetime) -> Outcomes:
        """Count a webhook's attempts since a time, or since up to five minutes before it."""


class WebhookCaller(Protocol):
    """Calls webhooks."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post something to an address that is checked once more; no redirect is followed."""


class EventWriter(Protocol):
    """Writes an event as it goes over the wire."""

    def __call__(self, told: Told, *, attempt: int) -> bytes:
        """Return the body of a delivery: JSON in UTF-8, at most a megabyte."""
