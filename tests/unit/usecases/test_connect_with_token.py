"""Connecting a mailbox by a refresh token that the application brings."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.errors import ConnectionRefused, InvalidRequest, Retryable
from postroom.ports import AuthorizationRequest
from postroom.usecases.begin_connection import s256
from postroom.usecases.connect_with_token import (
    ConnectionTools,
    change_consent,
    connect_with_token,
)
from postroom.usecases.manage_registrations import RegistrationTools, create_registration
from tests.world import CALLBACK_URL, World, make_mail

ROSA = "rosa@mail.example"
ANA = "ana@mail.example"


@pytest.fixture(autouse=True)
def _mailboxes(world: World) -> None:
    for address in (ROSA, ANA):
        world.simulator.add_mailbox(address)


def _token(world: World, address: str, registration_id: str = "") -> str:
    """Return the refresh token that an application of its own got with one of the clients."""
    world.simulator.control("POST", "settings", json={"auto_consent": True})
    provider, verifier = world.providers.get(world.provider, registration_id), "v" * 43
    request = AuthorizationRequest(
        redirect_uri=CALLBACK_URL,
        state="theirs",
        nonce="nonce",
        code_challenge=s256(verifier),
        login_hint=address,
    )
    answer = world.simulator.get(provider.authorization_url(request))
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    authorization = provider.exchange_code(
        code=code, redirect_uri=CALLBACK_URL, code_verifier=verifier, nonce="nonce"
    )
    return authorization.tokens.refresh_token


def _tools(world: World) -> ConnectionTools:
    return ConnectionTools(
        providers=world.providers,
        configs=world.configs,
        accounts=world.accounts,
        vault=world.vault,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def _other_client(world: World) -> str:
    """Add a second client to the connector, which is not the active one; answers its id."""
    tools = RegistrationTools(
        configs=world.configs,
        client_secrets=world.client_secrets,
        accounts=world.accounts,
        clock=world.clock,
    )
    made = create_registration(
        provider=world.provider,
        name="Bulk",
        kind="connector",
        client_id="another-client",
        client_secret="another-secret",
        tenant="",
        tools=tools,
    )
    return made.id


def _connect(world: World, token: str, *scopes: str, registration_id: str = "") -> Account:
    return connect_with_token(
        registration_id=registration_id,
        provider=world.provider,
        refresh_token=token,
        scopes=frozenset(scopes),
        state="theirs",
        tools=_tools(world),
    )


def test_a_token_becomes_an_account_that_syncs(world: World) -> None:
    """The mailbox that it opens is connected, with who owns it, and its mail comes."""
    world.simulator.deliver(ROSA, make_mail(to=ROSA, subject="Already there"))

    account = _connect(world, _token(world, ROSA))
    world.work_off()

    assert account.identity.email == ROSA
    assert account.status is AccountStatus.ACTIVE
    assert account.state == "theirs"
    assert world.subjects(account.id) == ["Already there"]


def test_a_token_of_another_client_is_renewed_by_that_client(world: World) -> None:
    """The connector's credential that is named; by the connector's own it would open nothing."""
    other = _other_client(world)
    world.simulator.deliver(ROSA, make_mail(to=ROSA, subject="Already there"))
    token = _token(world, ROSA, other)
    with pytest.raises(InvalidRequest) as refusal:
        _connect(world, token)
    assert refusal.value.field == "settings.refresh_token"
    assert world.accounts.by_email(ROSA) == []

    account = _connect(world, token, registration_id=other)
    assert account.registration_id == other
    # What it has got does not last for ever: it is renewed on the way.
    world.clock.advance(timedelta(hours=2))
    world.work_off()
    assert world.subjects(account.id) == ["Already there"]

    # Its owner's next consent may be of the connector's own client again.
    changed = change_consent(
        account=account,
        refresh_token=_token(world, ROSA),
        scopes=frozenset(),
        tools=_tools(world),
    )
    assert (changed.id, changed.registration_id) == (account.id, "")
    again = change_consent(
        account=changed,
        refresh_token=token,
        scopes=frozenset(),
        registration_id=other,
        tools=_tools(world),
    )
    assert again.registration_id == other


def test_a_client_that_there_is_not_is_named(world: World) -> None:
    """And nothing is tried with the token."""
    with pytest.raises(InvalidRequest) as refusal:
        _connect(world, _token(world, ROSA), registration_id="nothing")
    assert refusal.value.field == "settings.credential_id"
    assert world.accounts.by_email(ROSA) == []


def test_a_known_mailbox_gets_the_new_consent(world: World) -> None:
    """Once more, or after a sign-in: one mailbox is one account, and it works again."""
    first = world.connect(ROSA)
    world.accounts.replace(
        Account(
            id=first.id,
            identity=first.identity,
            status=AccountStatus.REAUTH_REQUIRED,
            scopes=first.scopes,
            created_at=first.created_at,
            updated_at=first.updated_at,
        )
    )

    again = _connect(world, _token(world, ROSA))

    assert again.id == first.id
    assert world.accounts.get(first.id).status is AccountStatus.ACTIVE


def test_a_token_that_opens_nothing_is_named(world: World) -> None:
    """Unknown or revoked: the field is named, and there is no account."""
    with pytest.raises(InvalidRequest) as refusal:
        _connect(world, "no such token")
    assert refusal.value.field == "settings.refresh_token"
    assert world.accounts.by_email(ROSA) == []


def test_what_the_application_needs_must_have_been_granted(world: World) -> None:
    """A scope that is missing is named, and nothing is kept, nor taken from the application."""
    token = _token(world, ROSA)
    with pytest.raises(ConnectionRefused) as refusal:
        _connect(world, token, "calendar")
    assert refusal.value.reason == "scopes_missing"
    assert "calendar" in str(refusal.value)
    assert world.accounts.by_email(ROSA) == []
    assert _connect(world, token).identity.email == ROSA


@pytest.mark.parametrize(
    ("provider", "form"),
    [
        (ProviderName.MICROSOFT, "https://graph.microsoft.com/Mail.ReadWrite"),
        (ProviderName.MICROSOFT, "Mail.ReadWrite"),
        (ProviderName.MICROSOFT, "https://graph.microsoft.com/Mail.Read"),
        (ProviderName.GOOGLE, "https://www.googleapis.com/auth/userinfo.email"),
        (ProviderName.GOOGLE, "email"),
        (ProviderName.GOOGLE, "https://www.googleapis.com/auth/gmail.send"),
    ],
)
def test_a_scope_is_known_in_each_of_its_forms(provider: ProviderName, form: str) -> None:
    """Microsoft's were called missing in the long form, in which Entra itself answers."""
    # Given
    world = World(provider=provider)
    world.simulator.add_mailbox(ROSA)
    # When
    account = _connect(world, _token(world, ROSA), form)
    # Then
    unchanged = change_consent(
        account=account, refresh_token="", scopes=frozenset({form}), tools=_tools(world)
    )
    assert unchanged == account


def test_a_consent_without_mail_is_refused_and_left_alone(world: World) -> None:
    """A token that may not read mail makes no account; it is the application's, not ours to end."""
    world.simulator.control(
        "POST",
        "settings",
        json={"deny_scopes": ["https://www.googleapis.com/auth/gmail.modify", "Mail.Send"]},
    )
    token = _token(world, ROSA)
    for _ in range(2):
        with pytest.raises(ConnectionRefused) as refusal:
            _connect(world, token)
        assert refusal.value.reason == "scopes_missing"
    assert world.accounts.by_email(ROSA) == []


def test_a_provider_that_is_away_leaves_no_account(world: World) -> None:
    """Failing half-way tells the application to come again, and it can."""
    token = _token(world, ROSA)
    world.simulator.fail({"path": "/token", "status": 503, "times": 20})
    with pytest.raises(Retryable):
        _connect(world, token)
    assert world.accounts.by_email(ROSA) == []


def test_an_account_is_given_another_consent_of_the_same_owner(world: World) -> None:
    """The token of another mailbox is refused; without one there is nothing to do."""
    account = world.connect(ROSA)
    tools = _tools(world)

    with pytest.raises(InvalidRequest) as refusal:
        change_consent(
            account=account, refresh_token=_token(world, ANA), scopes=frozenset(), tools=tools
        )
    assert refusal.value.field == "settings.refresh_token"
    assert world.accounts.by_email(ANA) == []

    token = _token(world, ROSA)
    changed = change_consent(account=account, refresh_token=token, scopes=frozenset(), tools=tools)
    assert changed.id == account.id

    same = change_consent(
        account=changed, refresh_token="", scopes=frozenset(account.scopes), tools=tools
    )
    assert same == changed
    with pytest.raises(ConnectionRefused):
        change_consent(
            account=changed, refresh_token="", scopes=frozenset({"calendar"}), tools=tools
        )
