"""What every provider promises about ringing when a mailbox changes."""

import hashlib
from datetime import timedelta

import pytest

from postroom.domain.errors import NotFound, ReauthRequired
from postroom.domain.sync import Watch
from tests.contract.providers.service import ADA, GRACE, PUSH_ADDRESS, Connected, Service

SECRET = "account-1.0123456789abcdef"


def started(connected: Connected, secret: str = SECRET) -> Watch:
    """Start a watch."""
    watch = connected.mailbox.start_watch(PUSH_ADDRESS, secret=secret)
    assert watch is not None
    return watch


class WatchContract:
    """Doorbells: started, renewed, lost and stopped."""

    @pytest.fixture
    def ada(self, service: Service) -> Connected:
        """Ada's mailbox, connected and empty."""
        return service.connect()

    def rings(self, service: Service) -> int:
        """Tell how many pushes arrived since the last time."""
        return len(service.simulator.pushes())

    def test_watched_mailbox_rings(self, service: Service, ada: Connected) -> None:
        """Whatever comes, changes or goes in it, and in no other one."""
        started(ada)
        assert self.rings(service) == 0

        delivered = ada.deliver()
        assert self.rings(service) == 1
        for op in ("read", "star", "trash", "delete"):
            service.simulator.change(ADA, {"op": op, "id": delivered})
            assert self.rings(service) >= 1, op
        service.simulator.deliver(GRACE)
        assert self.rings(service) == 0

    def test_watch_tells_its_end(self, service: Service, ada: Connected) -> None:
        """Seven days at most, and it rings until then only."""
        watch = started(ada)

        left = watch.expires_at - service.clock.now()
        assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
        service.clock.advance(left - timedelta(minutes=1))
        ada.deliver()
        assert self.rings(service) >= 1
        service.clock.advance(timedelta(minutes=10))
        ada.deliver()
        assert self.rings(service) == 0

    def test_renewed_watch_lasts_longer(self, service: Service, ada: Connected) -> None:
        """The same one, with a later end; the same secret opens it."""
        watch = started(ada)
        service.clock.advance(timedelta(days=4))

        renewed = ada.mailbox.renew_watch(watch)

        assert renewed.expires_at - watch.expires_at >= timedelta(days=3, hours=23)
        assert (renewed.id, renewed.secret_hash) == (watch.id, watch.secret_hash)
        service.clock.advance(timedelta(days=6))
        ada.deliver()
        assert self.rings(service) >= 1

    def test_lost_watch_is_started_anew(self, service: Service, ada: Connected) -> None:
        """Renewing says that it is gone, or starts it at once."""
        watch = started(ada)
        service.simulator.control("POST", "expire", json={"what": "watches"})
        self.rings(service)
        ada.deliver()
        assert self.rings(service) == 0

        try:
            ada.mailbox.renew_watch(watch)
        except NotFound:
            started(ada)

        ada.deliver()
        assert self.rings(service) == 1

    def test_stopped_watch_is_silent(self, service: Service, ada: Connected) -> None:
        """Stopping what is gone is fine."""
        watch = started(ada)

        ada.mailbox.stop_watch(watch)
        ada.mailbox.stop_watch(watch)

        ada.deliver()
        assert self.rings(service) == 0

    def test_second_watch_replaces_the_first(self, service: Service, ada: Connected) -> None:
        """A watch that was started and not noted, by a worker that died, leaves nothing behind."""
        started(ada)

        watch = started(ada, SECRET + "-2")

        ada.deliver()
        assert self.rings(service) == 1
        expected = hashlib.sha256(f"{SECRET}-2".encode()).hexdigest()
        assert watch.secret_hash in {"", expected}

    def test_watching_needs_the_consent(self, service: Service, ada: Connected) -> None:
        """Without it nothing is started or renewed, and the owner is asked."""
        watch = started(ada)
        for what in ("refresh_tokens", "access_tokens"):
            service.simulator.control("POST", "expire", json={"what": what})
        with pytest.raises(ReauthRequired):
            started(ada)
        with pytest.raises(ReauthRequired):
            ada.mailbox.renew_watch(watch)
