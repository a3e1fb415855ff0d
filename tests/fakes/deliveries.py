"""Events, the calls of who delivers them, and the attempts, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from postroom.domain.delivery import DELIVERY_LIFETIME, Delivery, DeliveryCall
from postroom.domain.errors import NotFound
from postroom.domain.event import Event
from postroom.domain.ids import EventId
from postroom.domain.webhook import Outcomes
from postroom.ports import Clock


class InMemoryEventStore:
    """Events by their ids."""

    def __init__(self) -> None:
        self._events: dict[EventId, Event] = {}

    def add(self, event: Event) -> None:
        """Keep an event, as other stores do with a change."""
        self._events[event.id] = event

    def get(self, event_id: EventId) -> Event:
        """Return an event. Raises NotFound."""
        try:
            return self._events[event_id]
        except KeyError:
            raise NotFound("There is no such event.") from None


class InMemoryDeliveryStore:
    """Attempts by webhook and place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deliveries: dict[tuple[str, str], Delivery] = {}

    def record(self, delivery: Delivery) -> None:
        """Note an attempt."""
        self._deliveries.setdefault((delivery.webhook_id, delivery.place), delivery)

    def of_event(self, webhook_id: str, event: Event) -> Sequence[Delivery]:
        """Return the attempts to tell a webhook of an event."""
        return [each for each in self._of(webhook_id) if each.event_id == event.id]

    def newest(self, webhook_id: str, *, limit: int, after: str = "") -> Sequence[Delivery]:
        """Return a webhook's attempts behind a place, newest events first."""
        living = self._clock.now() - DELIVERY_LIFETIME
        places = sorted(self._of(webhook_id), key=lambda each: each.place, reverse=True)
        found = [each for each in places if not after or each.place < after]
        return [each for each in found if each.at > living][:limit]

    def outcomes(self, webhook_id: str, *, since: datetime) -> Outcomes:
        """Count a webhook's attempts since a time."""
        lately = [each.answer for each in self._of(webhook_id) if each.at >= since]
        delivered = sum(answer.is_success for answer in lately)
        return Outcomes(delivered=delivered, failed=len(lately) - delivered)

    def _of(self, webhook_id: str) -> list[Delivery]:
        return [each for each in self._deliveries.values() if each.webhook_id == webhook_id]


class RecordingDeliveryQueue:
    """Holds calls, oldest first, until a test takes them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[DeliveryCall, timedelta]] = []
        """What has not been taken yet, and how long it is to wait."""

    def deliver(self, calls: Sequence[DeliveryCall], *, delay: timedelta = timedelta()) -> None:
        """Have events told."""
        self.waiting += [(call, delay) for call in calls]
