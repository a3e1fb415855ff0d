"""Consents and clients that end: who has to act, what is left alone meanwhile, how it goes on."""

from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.credentials import Tokens
from postroom.domain.event import EventType
from postroom.domain.ids import AccountId
from postroom.observability import metrics
from tests.fakes import InMemoryAccountStore, InMemoryTokenVault
from tests.passing_time import pass_time, sync
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"

NOT_ALLOWED: dict[ProviderName, Any] = {
    ProviderName.GOOGLE: {"code": 403, "errors": [{"reason": "insufficientPermissions"}]},
    ProviderName.MICROSOFT: {"code": "Authorization_RequestDenied", "message": "no"},
}
"""How providers say that the owner has not allowed a call, or does not any more."""


class LateVault(InMemoryTokenVault):
    """Answers what was written last only after some more readings, as Secrets Manager may."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[Tokens] = []

    def read(self, account_id: AccountId) -> Tokens:
        """Return tokens that were the newest not long ago."""
        return self.late.pop() if self.late else super().read(account_id)


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one mail, synced."""
    world.vault = LateVault()
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="First"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def _told(world: World) -> list[EventType]:
    assert isinstance(world.accounts, InMemoryAccountStore)
    return [event.type for event in world.accounts.events]


def _end_consent(world: World) -> None:
    world.simulator.control("POST", "expire", json={"what": "refresh_tokens"})
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})


def test_an_ended_consent_is_met_once_and_then_left_alone(world: World, account: Account) -> None:
    """Elsewhere every sync of a dead account asked the provider again, and told its owner again."""
    # Given
    _end_consent(world)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    sync(world, account)
    world.simulator.fail_calls("any", status=500)  # whoever calls now is seen
    world.simulator.fail_calls("token", status=500)
    # When it is rung for and swept for days
    for _ in range(3):
        sync(world, account)
        pass_time(world, timedelta(days=1), sweep=timedelta(hours=6))
    # Then the owner is asked once, and nobody has called the provider
    parked = world.accounts.get(account.id)
    assert parked.status is AccountStatus.REAUTH_REQUIRED
    assert _told(world) == [EventType.GRANT_EXPIRED]
    assert "sign in" in world.sync_states.get(account.id).last_error
    assert world.subjects(account.id) == ["First"]


def test_whoever_reconnects_goes_on_where_they_were(world: World, account: Account) -> None:
    """Elsewhere a new consent began a new mailbox: days of reading, or everything twice."""
    # Given
    before = world.sync_states.get(account.id).units
    _end_consent(world)
    world.simulator.change(
        ADDRESS, {"op": "star", "id": next(iter(world.simulator.messages(ADDRESS)))}
    )
    missed = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Missed"))
    sync(world, account)
    assert world.sync_states.get(account.id).units == before
    # When
    pass_time(world, timedelta(days=3), sweep=timedelta(hours=12))
    assert world.connect(ADDRESS).id == account.id
    world.work_off()
    # Then nothing was read again, and nothing is missing
    after = world.sync_states.get(account.id).units
    assert {each: unit.reading for each, unit in after.items()} == {
        each: unit.reading for each, unit in before.items()
    }
    assert missed in world.stored(account.id)
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    world.assert_equal(account)


def test_tokens_that_another_function_has_replaced_end_no_consent(
    world: World, account: Account
) -> None:
    """The old refresh token was refused while the new one lay in the vault: 'please sign in'."""
    # Given tokens that were replaced, and a worker that reads the old ones twice
    assert isinstance(world.vault, LateVault)
    old = world.vault.read(account.id)
    _end_consent(world)
    world.connect(ADDRESS)
    world.clock.advance(timedelta(minutes=1))
    world.vault.late = [old, old]
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    # When it syncs
    sync(world, account)
    # Then it has looked once more
    assert world.vault.late == []
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert "Second" in world.subjects(account.id)


def test_a_refused_client_stops_no_account_and_is_told(world: World, account: Account) -> None:
    """A client secret that had expired signed all owners out at once."""
    # Given
    world.client_secrets.write(world.provider, "bad-secret")
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    # When
    pass_time(world, timedelta(hours=3))
    # Then the account is no worse than before, and its state says what is wrong
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert _told(world) == []
    assert "client" in world.sync_states.get(account.id).last_error
    # And it goes on by itself as soon as the operator has acted
    world.client_secrets.write(world.provider, "client-secret")
    pass_time(world, timedelta(minutes=20))
    assert "Second" in world.subjects(account.id)
    assert world.sync_states.get(account.id).last_error == ""


def test_a_refused_client_is_counted_for_the_operator(world: World, account: Account) -> None:
    """The metric is what an alarm of the operator watches; accounts tell nothing of it."""
    world.client_secrets.write(world.provider, "bad-secret")
    world.clock.advance(timedelta(hours=2))
    metrics.clear_metrics()
    sync(world, account)
    assert "ProviderClientRefused" in metrics.provider.metric_set


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_endpoint_in_trouble_ends_no_consent(
    world: World, account: Account, status: int
) -> None:
    """Elsewhere too many renewals at once were taken for wrong passwords, of all accounts."""
    # Given an hour without new tokens, when the last one has just ended
    world.clock.advance(timedelta(hours=2))
    world.simulator.fail_calls("token", status=status, body={"error": "invalid_grant"})
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    pass_time(world, timedelta(hours=1))
    assert "Second" not in world.subjects(account.id)
    # When it is over
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(minutes=20))
    # Then
    assert _told(world) == []
    assert "Second" in world.subjects(account.id)


def test_a_permission_that_is_withdrawn_later_is_asked_for_again(
    world: World, account: Account
) -> None:
    """The consent lives on with less in it: every call failed, for ever, and nobody was told."""
    # Given
    refused = {"error": NOT_ALLOWED[world.provider]}
    world.simulator.fail_calls("any", status=403, body=refused)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Second"))
    # When
    sync(world, account)
    # Then the owner is asked, and not the provider
    assert world.accounts.get(account.id).status is AccountStatus.REAUTH_REQUIRED
    assert "allowed" in world.sync_states.get(account.id).last_error
    # And when they have allowed it again, everything comes
    world.simulator.control("DELETE", "faults")
    world.connect(ADDRESS)
    world.work_off()
    assert "Second" in world.subjects(account.id)


def test_a_token_is_renewed_before_it_ends(world: World, account: Account) -> None:
    """Clocks differ and calls take their time: two minutes before its end a token counts as old."""
    old = world.vault.read(account.id)
    world.clock.advance(old.expires_at - world.clock.now() - timedelta(seconds=121))
    with world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    assert world.vault.read(account.id) == old
    world.clock.advance(timedelta(seconds=1))
    with world.mailboxes.open(account) as mailbox:
        mailbox.folders()
    assert world.vault.read(account.id).access_token != old.access_token
