"""Both providers keep the contract of watches, and what each of them does alone."""

import hashlib
import json
from base64 import b64decode
from datetime import timedelta

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import Misconfigured, NotFound
from tests.builders import ACCOUNT_ID
from tests.contract.providers.service import (
    ADA,
    PUSH_ADDRESS,
    TOPICS,
    Connected,
    Service,
    make_service,
)
from tests.contract.providers.watch_contract import SECRET, WatchContract, started


class TestGmailWatches(WatchContract):
    """A Pub/Sub topic hears of every change."""

    @pytest.fixture
    def service(self) -> Service:
        """Gmail."""
        return make_service(ProviderName.GOOGLE)

    def with_topic(self, service: Service, ada: Connected, topic_name: str) -> Connected:
        """Ada's mailbox after the administrator has changed the topic."""
        provider = service.with_topic(topic_name)
        return Connected(service, ADA, ada.tokens, provider.mailbox(ACCOUNT_ID, ada.tokens))

    def test_push_names_the_mailbox(self, service: Service, ada: Connected) -> None:
        """And no more than that: whose bell it is says the token of the push."""
        started(ada)
        ada.deliver()
        (push,) = service.simulator.pushes()
        assert push.authorization.startswith("Bearer ")
        data = json.loads(b64decode(json.loads(push.body)["message"]["data"]))
        assert data["emailAddress"] == ADA

    def test_without_a_topic_nothing_is_watched(self, service: Service, ada: Connected) -> None:
        """That is no mistake: the mailbox is polled. A watch that was there is not renewed."""
        watch = started(ada)
        ada = self.with_topic(service, ada, "")
        before = service.usage()["watch"]["calls"]

        assert ada.mailbox.start_watch(PUSH_ADDRESS, secret=SECRET) is None
        with pytest.raises(NotFound):
            ada.mailbox.renew_watch(watch)

        assert service.usage()["watch"]["calls"] == before

    def test_another_topic_takes_over(self, service: Service, ada: Connected) -> None:
        """Gmail serves one topic per mailbox and project, until the watch is stopped."""
        started(ada)
        ada = self.with_topic(service, ada, "projects/product/topics/other")

        started(ada)

        assert service.usage()["stop"]["calls"] == 1
        ada.deliver()
        assert self.rings(service) == 1

    @pytest.mark.parametrize(
        ("status", "reason"), [(400, "invalidArgument"), (403, "forbidden"), (404, "notFound")]
    )
    def test_unusable_topic_is_the_operators_business(
        self, ada: Connected, status: int, reason: str
    ) -> None:
        """No such topic, another project's, or one that Gmail may not publish to."""
        body = {"error": {"code": status, "message": "no", "errors": [{"reason": reason}]}}
        ada.fail(path="/watch$", status=status, body=body)

        with pytest.raises(Misconfigured, match="cannot publish to the topic"):
            started(ada)

    def test_name_of_no_topic_is_the_operators_business(
        self, service: Service, ada: Connected
    ) -> None:
        """Gmail itself says what a topic's name looks like."""
        ada = self.with_topic(service, ada, TOPICS[ProviderName.GOOGLE].removeprefix("projects/"))
        with pytest.raises(Misconfigured):
            started(ada)


class TestOutlookWatches(WatchContract):
    """One subscription to all messages, with a secret of its own."""

    @pytest.fixture
    def service(self) -> Service:
        """Outlook."""
        return make_service(ProviderName.MICROSOFT)

    def test_push_brings_the_secret_and_the_message(self, service: Service, ada: Connected) -> None:
        """The message by the id that never changes; of the secret only a hash is known to us."""
        watch = started(ada)
        delivered = ada.deliver()

        (push,) = service.simulator.pushes()

        (item,) = push.items
        assert item["clientState"] == SECRET
        assert watch.secret_hash == hashlib.sha256(SECRET.encode()).hexdigest()
        assert item["changeType"] == "created"
        assert item["resourceData"]["id"] == delivered
        assert push.path == "/push/here"

    def test_both_addresses_are_asked(self, service: Service, ada: Connected) -> None:
        """That of the subscription's own fate is another one, and can only be named now."""
        started(ada)
        assert service.simulator.doorbell.questions == ["/push/here", "/push/here/lifecycle"]

    def test_lost_watch_is_told_at_the_other_address(
        self, service: Service, ada: Connected
    ) -> None:
        """With the same secret."""
        started(ada)
        service.simulator.control("POST", "expire", json={"what": "watches"})

        (push,) = service.simulator.pushes()

        assert push.path == "/push/here/lifecycle"
        assert push.items[0]["lifecycleEvent"] == "subscriptionRemoved"
        assert push.items[0]["clientState"] == SECRET

    def test_renewal_needs_no_other_soon(self, service: Service, ada: Connected) -> None:
        """With a token that was about to end, each renewal was asked for again, without end."""
        # Given an authorization that ends within minutes
        watch = started(ada)
        ends_in = ada.tokens.tokens.expires_at - service.clock.now()
        service.clock.advance(ends_in - timedelta(minutes=10))
        ada.deliver()
        (asked,) = (push for push in service.simulator.pushes() if "lifecycle" in push.path)
        assert asked.items[0]["lifecycleEvent"] == "reauthorizationRequired"
        # When
        ada.mailbox.renew_watch(watch)
        # Then
        ada.deliver()
        assert [push.path for push in service.simulator.pushes()] == ["/push/here"]

    def test_unreachable_deployment_is_the_operators_business(
        self, service: Service, ada: Connected
    ) -> None:
        """Nobody answered Microsoft's question at the public address."""
        service.simulator.doorbell.answers_questions = False
        with pytest.raises(Misconfigured, match="cannot reach this deployment"):
            started(ada)

    def test_plain_http_is_for_one_machine_only(self, service: Service, ada: Connected) -> None:
        """The local stack has no certificate; nobody else is called without."""
        with pytest.raises(Misconfigured, match="https"):
            ada.mailbox.start_watch("http://postroom.example/push/here", secret=SECRET)
        assert "subscriptions.create" not in service.usage()

        for host in ("localhost:3000", "127.0.0.1:3000"):
            assert ada.mailbox.start_watch(f"http://{host}/push/here", secret=SECRET)
            service.simulator.control("POST", "expire", json={"what": "watches"})

    def test_subscription_of_another_deployment_stays(
        self, service: Service, ada: Connected
    ) -> None:
        """Two deployments with one OAuth client cannot both watch a mailbox: one of them polls."""
        theirs = ada.mailbox.start_watch("https://other.example/push/here", secret="theirs")
        assert theirs is not None

        with pytest.raises(Misconfigured, match="another deployment"):
            started(ada)

        ada.deliver()
        (push,) = service.simulator.pushes()
        assert push.items[0]["clientState"] == "theirs"
