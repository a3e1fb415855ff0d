"""Connecting a mailbox: what leads to an account, and what must not."""

import base64
import hashlib
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from postroom.domain.account import AccountStatus, ProviderName
from postroom.domain.errors import (
    ConnectionRefused,
    InvalidRequest,
    ProviderUndecided,
    ReauthRequired,
)
from postroom.ports import AuthorizationRequest
from postroom.usecases.begin_connection import ConnectionStart, begin_connection, s256
from postroom.usecases.issue_tokens import (
    ClientCredentials,
    IssuedTokens,
    TokenTools,
    describe_access_token,
    exchange_code,
    refresh_access,
    revoke_token,
)
from postroom.usecases.manage_provider_configs import ProviderConfigChange, create_provider_config
from tests.fakes import InMemoryApiKeyStore, WorkKind
from tests.world import APPLICATION_ID, CALLBACK_URL, RETURN_ADDRESS, World

ADDRESS = "rosa@mail.example"


@pytest.fixture(autouse=True)
def _mailbox(world: World) -> None:
    world.simulator.add_mailbox(ADDRESS)


def _token_tools(world: World) -> TokenTools:
    return TokenTools(
        application_id=APPLICATION_ID,
        connections=world.connections,
        accounts=world.accounts,
        api_keys=InMemoryApiKeyStore(),
        secrets=world.secrets,
        clock=world.clock,
    )


def _exchange(world: World, code: str, *, verifier: str = "", secret: str = "") -> IssuedTokens:
    return exchange_code(
        code=code,
        redirect_uri=RETURN_ADDRESS,
        code_verifier=verifier,
        client=ClientCredentials(
            client_id=APPLICATION_ID,
            client_secret=secret or world.secrets.administrator_key(),
        ),
        tools=_token_tools(world),
    )


def _begin(world: World, **changed: object) -> str:
    start = {
        "client_id": APPLICATION_ID,
        "redirect_uri": RETURN_ADDRESS,
        "provider": world.provider,
    }
    return begin_connection(
        start=ConnectionStart(**(start | changed)),  # type: ignore[arg-type]
        application_id=APPLICATION_ID,
        callback_url=CALLBACK_URL,
        application=world.application,
        configs=world.configs,
        providers=world.providers,
        accounts=world.accounts,
        domains=world.domains,
        connections=world.connections,
        clock=world.clock,
    ).consent_url


def test_consent_becomes_an_account_and_a_code(world: World) -> None:
    """A consent makes an account, keeps its tokens, rings the doorbell and answers a code."""
    # Given a person who agreed at the consent page
    callback, secret = world.consent(ADDRESS, state="their state")
    # When they come back
    answer = world.come_back(callback, secret)
    # Then there is an account that is going to be synced
    (account_id,) = world.accounts.by_email(ADDRESS)
    assert world.accounts.get(account_id).status is AccountStatus.ACTIVE
    assert world.vault.read(account_id).refresh_token
    assert world.work.take(WorkKind.SYNC) is not None
    # And the application gets its state, its own query, and a code for exactly this account
    assert answer["state"] == "their state"
    assert answer["from"] == "postroom"
    assert _exchange(world, answer["code"]).account.id == account_id


@pytest.mark.parametrize("connector", ["without scopes", "with scopes"])
def test_what_is_asked_for_anyway_may_be_named(world: World, connector: str) -> None:
    """Compared with the connector's letter by letter, `openid`, a part or another form was 400."""
    # Given
    required = sorted(world.providers.get(world.provider).traits.required_scopes)
    if connector == "with scopes":
        config = world.configs.get(world.provider)
        world.configs.replace(replace(config, scopes=tuple(required)))
    asked = parse_qs(urlsplit(_begin(world)).query)["scope"][0].split()
    forms = {
        ProviderName.GOOGLE: ["https://www.googleapis.com/auth/userinfo.email"],
        ProviderName.MICROSOFT: ["User.Read", "https://graph.microsoft.com/Mail.Send"],
    }
    # When
    parts: tuple[list[str], ...] = (
        [],
        ["openid", "email"],
        required[:1],
        required,
        asked,
        forms[world.provider],
    )
    for named in parts:
        address = _begin(world, scopes=frozenset(named))
        # Then
        assert parse_qs(urlsplit(address).query)["scope"][0].split() == asked


def test_a_scope_that_is_not_asked_for_is_refused_by_name(world: World) -> None:
    """Whoever needs more is told which, and where to set it; no consent is begun."""
    with pytest.raises(InvalidRequest) as refusal:
        _begin(world, scopes=frozenset({"openid", "calendar"}))
    assert refusal.value.field == "scope"
    assert "does not ask for calendar: add it to `scope` of /v3/connectors/" in str(refusal.value)


def test_a_state_is_good_for_one_return(world: World) -> None:
    """The same return, replayed, makes nothing and leads nowhere."""
    callback, secret = world.consent(ADDRESS)
    world.come_back(callback, secret)
    with pytest.raises(ConnectionRefused) as refusal:
        world.come_back(callback, secret)
    assert refusal.value.reason == "state_invalid"
    assert len(list(world.accounts.all())) == 1


@pytest.mark.parametrize("case", ["expired", "forged", "another_browser"])
def test_a_return_that_is_not_ours_makes_no_account(world: World, case: str) -> None:
    """An expired or forged state, or one of another browser, makes no account."""
    callback, secret = world.consent(ADDRESS)
    if case == "expired":
        world.clock.advance(timedelta(minutes=10, seconds=1))
    elif case == "forged":
        callback = callback.replace("state=", "state=x")
    else:
        secret = "the cookie of another browser"
    with pytest.raises(ConnectionRefused):
        world.come_back(callback, secret)
    assert list(world.accounts.all()) == []


def test_a_refused_consent_is_told_to_the_return_address(world: World) -> None:
    """A person who says no comes back with the documented error, and no account exists."""
    world.simulator.control("POST", "settings", json={"consent": "deny"})
    answer = world.come_back(*world.consent(ADDRESS, state="s"))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "s"
    assert list(world.accounts.all()) == []


def test_unticked_scopes_are_refused_by_name(world: World) -> None:
    """A person who unticks a permission is told which; no account, no token is kept."""
    # Given a consent without one scope that everything needs
    (scope, *_) = sorted(world.providers.get(world.provider).traits.required_scopes)
    world.simulator.control("POST", "settings", json={"deny_scopes": [scope]})
    # When the person comes back
    answer = world.come_back(*world.consent(ADDRESS))
    # Then the scope is named and nothing was kept
    assert answer["error"] == "scopes_missing"
    assert scope in answer["error_description"]
    assert list(world.accounts.all()) == []
    # And connecting again with everything ticked works
    world.simulator.control("POST", "settings", json={"deny_scopes": []})
    assert "code" in world.come_back(*world.consent(ADDRESS))


def test_an_account_without_a_mailbox_is_refused_at_once(world: World) -> None:
    """Elsewhere it was connected, and failed with every sync from then on."""
    # Given somebody who can sign in, but whose organisation gives them no mail
    person = "no.mail@mail.example"
    mailbox = {"address": person, "mail_enabled": False}
    world.simulator.control("POST", "mailboxes", json=mailbox)
    # When
    answer = world.come_back(*world.consent(person))
    # Then
    assert answer["error"] == "mailbox_unavailable"
    assert answer["error_description"]
    assert list(world.accounts.all()) == []


def test_a_provider_that_refuses_our_client_is_the_operators_matter(world: World) -> None:
    """A wrong client secret is said plainly, and no account is made."""
    callback, secret = world.consent(ADDRESS)
    world.client_secrets.write(world.provider, "bad-secret")
    answer = world.come_back(callback, secret)
    assert answer["error"] == "provider_misconfigured"
    assert list(world.accounts.all()) == []


def test_connecting_again_finds_the_same_account(world: World) -> None:
    """A second consent of the same person renews the account and brings it back to life."""
    account = world.connect(ADDRESS)
    world.clock.advance(timedelta(minutes=1))
    with pytest.raises(ReauthRequired), world.mailboxes.open(account):
        raise ReauthRequired("the owner withdrew the consent")
    assert world.accounts.get(account.id).status is AccountStatus.REAUTH_REQUIRED
    again = world.connect(ADDRESS)
    assert again.id == account.id
    assert again.status is AccountStatus.ACTIVE


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"client_id": "someone-else"}, "client_id"),
        ({"redirect_uri": "https://app.example/connected"}, "redirect_uri"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri"),
    ],
)
def test_nobody_is_sent_to_an_unregistered_address(
    world: World, changed: dict[str, object], field: str
) -> None:
    """What the application got wrong is answered to it, never sent to the return address."""
    with pytest.raises(InvalidRequest) as refusal:
        _begin(world, **changed)
    assert refusal.value.field == field


def test_the_only_configured_provider_is_taken_unasked(world: World) -> None:
    """With one provider config there is nothing to choose."""
    assert _begin(world, provider=None).startswith("http://simulator/")


def test_a_code_is_used_up_by_a_failed_exchange(world: World) -> None:
    """Somebody who guesses the return address of a code spoils the code, not more."""
    code = world.come_back(*world.consent(ADDRESS, code_challenge=s256("v" * 43)))["code"]
    with pytest.raises(ConnectionRefused) as refusal:
        _exchange(world, code, verifier="wrong")
    assert refusal.value.reason == "invalid_grant"
    with pytest.raises(ConnectionRefused):
        _exchange(world, code, verifier="v" * 43)


def _sdk_challenge(verifier: str) -> str:
    hexadecimal = hashlib.sha256(verifier.encode()).hexdigest()
    return base64.b64encode(hexadecimal.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("challenge_of", "method"),
    [(s256, "S256"), (_sdk_challenge, "s256"), (lambda verifier: verifier, "plain")],
)
def test_both_forms_of_pkce_are_understood(world: World, challenge_of: object, method: str) -> None:
    """RFC 7636 and the SDKs' own challenge both bind the code to the verifier."""
    verifier = str(uuid.uuid4())
    assert callable(challenge_of)
    answer = world.come_back(
        *world.consent(ADDRESS, code_challenge=challenge_of(verifier), code_challenge_method=method)
    )
    assert _exchange(world, answer["code"], verifier=verifier).access_token


def test_a_refresh_token_is_given_when_asked_for(world: World) -> None:
    """Offline access gives a refresh token, which gives new access tokens."""
    code = world.come_back(*world.consent(ADDRESS, offline=True))["code"]
    issued = _exchange(world, code)
    renewed = refresh_access(
        refresh_token=issued.refresh_token,
        client=ClientCredentials(client_id=APPLICATION_ID, client_secret=""),
        tools=_token_tools(world),
    )
    assert renewed.account.id == issued.account.id
    assert renewed.access_token != issued.access_token
    # And whoever revokes it is out everywhere
    revoke_token(token=issued.refresh_token, connections=world.connections)
    for token in (issued.access_token, renewed.access_token):
        with pytest.raises(ConnectionRefused):
            describe_access_token(access_token=token, tools=_token_tools(world))


def test_a_wrong_api_key_buys_nothing(world: World) -> None:
    """An exchange with a wrong client secret is refused."""
    code = world.come_back(*world.consent(ADDRESS))["code"]
    with pytest.raises(ConnectionRefused) as refusal:
        _exchange(world, code, secret="guessed")
    assert refusal.value.reason == "invalid_client"


def _two_providers(world: World) -> None:
    """Configure every provider, whichever this world is about."""
    for provider in ProviderName:
        if provider is not world.provider:
            create_provider_config(
                provider=provider,
                client_id="client",
                client_secret="client-secret",
                change=ProviderConfigChange(),
                configs=world.configs,
                client_secrets=world.client_secrets,
                clock=world.clock,
            )


OF_DOMAINS = {ProviderName.GOOGLE: "rosa@gmail.com", ProviderName.MICROSOFT: "rosa@outlook.com"}


def test_the_provider_is_guessed_from_the_hint(world: World) -> None:
    """By the domain, and before that by the account that has the address already."""
    world.connect(ADDRESS)
    _two_providers(world)
    page = world.providers.get(world.provider)
    request = AuthorizationRequest(redirect_uri="x", state="s", nonce="n", code_challenge="c")
    (expected, _, _) = page.authorization_url(request).partition("?")
    for hint in (OF_DOMAINS[world.provider], ADDRESS, ADDRESS.upper()):
        address = _begin(world, provider=None, login_hint=hint)
        assert address.startswith(f"{expected}?"), hint


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"login_hint": "rosa@nowhere.example"},
        {"login_hint": "rosa"},
        {"login_hint": "rosa@me.com"},
        {"login_hint": "rosa@gmail.com", "may_guess": False},
    ],
)
def test_what_cannot_be_guessed_has_to_be_chosen(world: World, asked: dict[str, Any]) -> None:
    """Nobody is sent to a provider at random; one that is not set up is none."""
    _two_providers(world)
    with pytest.raises(ProviderUndecided) as undecided:
        _begin(world, provider=None, **asked)
    assert undecided.value.choices == ("google", "microsoft")


def test_the_only_provider_needs_no_guess(world: World) -> None:
    """Whatever the hint says: there is one consent page."""
    assert _begin(world, provider=None, login_hint="rosa@me.com", may_guess=False)
