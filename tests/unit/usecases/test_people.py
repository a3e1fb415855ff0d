"""Signing in to the console: with a key, with a mailbox, with an invitation; and out again."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import ConnectionRefused, Forbidden, InvalidRequest, Unauthenticated
from postroom.domain.ids import PersonId
from postroom.domain.person import InvitationKind, SignUp
from postroom.domain.principal import Administrator, Scope, SignedInPerson
from postroom.usecases.admit_person import Admission
from postroom.usecases.begin_connection import (
    ConnectionStart,
    ConsoleSignIn,
    begin_connection,
    s256,
)
from postroom.usecases.connect_account import finish_connection
from postroom.usecases.invite_people import invitation_id, invite, list_people
from postroom.usecases.manage_api_keys import create_api_key, revoke_api_key
from postroom.usecases.sign_in import (
    OpenSession,
    SessionTools,
    authenticate_session,
    renew_session,
    sign_in_with_key,
    sign_in_with_mailbox,
    sign_out,
)
from tests.fakes import InMemoryApiKeyStore, InMemoryDeploymentSecrets
from tests.fakes.people import InMemoryInvitationStore, InMemorySessionStore
from tests.world import APPLICATION_ID, CALLBACK_URL, World, _query

ADDRESS = "rosa@mail.example"
OTHER_ADDRESS = "luis@mail.example"
CONSOLE = "https://postroom.example/console/connected"
KEY = "administrator-key"
VERIFIER = "verifier-of-this-browser-0123456789-0123456789"


@dataclass
class Console:
    """A deployment with a console, and a browser in front of it."""

    world: World
    sign_up: SignUp = SignUp.INVITED
    sessions: InMemorySessionStore = field(default_factory=InMemorySessionStore)
    invitations: InMemoryInvitationStore = field(default_factory=InMemoryInvitationStore)
    api_keys: InMemoryApiKeyStore = field(default_factory=InMemoryApiKeyStore)
    cookie: str = ""

    @property
    def tools(self) -> SessionTools:
        """What sessions work with."""
        return SessionTools(
            sessions=self.sessions,
            api_keys=self.api_keys,
            secrets=self.world.secrets,
            clock=self.world.clock,
        )

    def connect(self, address: str, *, invitation: str = "", verifier: str = VERIFIER) -> Account:
        """Connect a mailbox in this browser; answers its account. Raises ConnectionRefused."""
        signed_in = self._signed_in()
        self.world.simulator.control("POST", "settings", json={"auto_consent": True})
        departure = begin_connection(
            start=ConnectionStart(
                client_id=APPLICATION_ID,
                redirect_uri=CONSOLE,
                provider=self.world.provider,
                login_hint=address,
                code_challenge=s256(VERIFIER),
                code_challenge_method="S256",
                console=ConsoleSignIn(
                    person_id=signed_in.person_id
                    if isinstance(signed_in, SignedInPerson)
                    else None,
                    by_administrator=isinstance(signed_in, Administrator),
                    invitation_id=invitation,
                ),
            ),
            application_id=APPLICATION_ID,
            callback_url=CALLBACK_URL,
            application=self.world.application,
            configs=self.world.configs,
            providers=self.world.providers,
            accounts=self.world.accounts,
            domains=self.world.domains,
            connections=self.world.connections,
            clock=self.world.clock,
        )
        consent = self.world.simulator.get(departure.consent_url).headers["location"]
        query = _query(consent)
        answer = _query(
            finish_connection(
                state=query["state"],
                code=query["code"],
                error="",
                error_description="",
                browser_secret=departure.browser_secret,
                callback_url=CALLBACK_URL,
                providers=self.world.providers,
                connections=self.world.connections,
                accounts=self.world.accounts,
                vault=self.world.vault,
                sync_states=self.world.sync_states,
                work=self.world.work,
                clock=self.world.clock,
                admission=Admission(
                    sign_up=self.sign_up,
                    accounts=self.world.accounts,
                    invitations=self.invitations,
                    clock=self.world.clock,
                ),
            )
        )
        if "error" in answer:
            raise ConnectionRefused(answer["error"], answer["error_description"])
        self._keep(
            sign_in_with_mailbox(
                code=answer["code"],
                code_verifier=verifier,
                redirect_uri=CONSOLE,
                replaced=self.cookie,
                accounts=self.world.accounts,
                connections=self.world.connections,
                tools=self.tools,
            )
        )
        (account_id,) = self.world.accounts.by_email(address)
        return self.world.accounts.get(account_id)

    def use_key(self, key: str = KEY) -> None:
        """Sign in with an API key."""
        self._keep(sign_in_with_key(key=key, replaced=self.cookie, tools=self.tools))

    def invite(self, kind: InvitationKind, value: str) -> str:
        """Invite somebody; answers a link's id."""
        _, token = invite(
            kind=kind, value=value, invitations=self.invitations, clock=self.world.clock
        )
        return invitation_id(kind, token)

    def principal(self) -> object:
        """Whom the browser's session speaks for. Raises Unauthenticated."""
        return authenticate_session(token=self.cookie, tools=self.tools)

    def in_another_browser(self) -> "Console":
        """The same deployment, with nobody signed in."""
        return replace(self, cookie="")

    def _keep(self, opened: OpenSession) -> None:
        self.cookie = opened.token

    def _signed_in(self) -> object:
        return self.principal() if self.cookie else None


@pytest.fixture
def console(world: World) -> Console:
    """A deployment that invites, with two people's mailboxes at the provider."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.add_mailbox(OTHER_ADDRESS)
    return Console(world)


def _refusal(console: Console, address: str = ADDRESS, **how: str) -> str:
    with pytest.raises(ConnectionRefused) as refused:
        console.connect(address, **how)
    return refused.value.reason


class TestAdministrator:
    """Signing in with a key."""

    def test_the_first_key_opens_an_administrators_session(self, console: Console) -> None:
        """For a working day, and not a moment longer."""
        console.use_key()

        console.world.clock.advance(timedelta(hours=12, seconds=-1))
        assert console.principal() == Administrator()
        console.world.clock.advance(timedelta(seconds=1))
        with pytest.raises(Unauthenticated):
            console.principal()

    def test_a_session_ends_with_its_key(self, console: Console) -> None:
        """Revoking the key, or replacing the first one, signs its sessions out."""
        key, api_key = create_api_key(
            name="Ada's",
            scopes=[Scope.ADMINISTRATION],
            expires_at=None,
            api_keys=console.api_keys,
            clock=console.world.clock,
        )
        console.use_key(key)
        assert console.principal() == Administrator()
        revoke_api_key(api_key_id=api_key.id, api_keys=console.api_keys)
        with pytest.raises(Unauthenticated):
            console.principal()

        console.use_key()
        console.world.secrets = InMemoryDeploymentSecrets(administrator_key="another")
        with pytest.raises(Unauthenticated):
            console.principal()

    @pytest.mark.parametrize("key", ["", "wrong", "postroom_wrong"])
    def test_other_keys_open_nothing(self, console: Console, key: str) -> None:
        """Neither nothing nor a guess."""
        with pytest.raises(Unauthenticated):
            console.use_key(key)

    def test_a_key_for_something_else_is_told_so(self, console: Console) -> None:
        """An application's key is valid, and not for this."""
        key, _ = create_api_key(
            name="Importer",
            scopes=[Scope.MAIL_READ],
            expires_at=None,
            api_keys=console.api_keys,
            clock=console.world.clock,
        )
        with pytest.raises(Forbidden):
            console.use_key(key)

    def test_an_administrator_connects_their_own_mailbox(self, console: Console) -> None:
        """Without an invitation; they stay an administrator, and a person is left in the end."""
        console.use_key()

        account = console.connect(ADDRESS)

        assert console.principal() == Administrator()
        console.world.clock.advance(timedelta(hours=12))
        assert console.principal() == SignedInPerson(_person(account))


class TestMailboxOwner:
    """Signing in by connecting a mailbox."""

    def test_a_stranger_is_refused_and_leaves_no_trace(self, console: Console) -> None:
        """No account, no tokens; the consent is given back."""
        assert _refusal(console) == "not_invited"
        assert list(console.world.accounts.all()) == []
        assert console.cookie == ""

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (InvitationKind.ADDRESS, " Rosa@Mail.Example"),
            (InvitationKind.DOMAIN, "mail.example"),
        ],
    )
    def test_an_invited_address_comes_in(
        self, console: Console, kind: InvitationKind, value: str
    ) -> None:
        """However it is written; and whoever is not invited does not."""
        console.invite(kind, value)

        account = console.connect(ADDRESS)

        assert console.principal() == SignedInPerson(_person(account))
        if kind is InvitationKind.ADDRESS:
            assert _refusal(console.in_another_browser(), OTHER_ADDRESS) == "not_invited"

    def test_a_link_brings_in_one_person_within_seven_days(self, console: Console) -> None:
        """It is used up by the one who came, and old ones are worth nothing."""
        link = console.invite(InvitationKind.LINK, "for Rosa")
        old = console.invite(InvitationKind.LINK, "for Luis")

        console.connect(ADDRESS, invitation=link)

        assert _refusal(console.in_another_browser(), OTHER_ADDRESS, invitation=link) == (
            "not_invited"
        )
        console.world.clock.advance(timedelta(days=7))
        assert _refusal(console.in_another_browser(), OTHER_ADDRESS, invitation=old) == (
            "not_invited"
        )

    def test_anyone_may_come_where_the_administrator_says_so(self, console: Console) -> None:
        """Each becomes a person of their own."""
        open_to_all = replace(console, sign_up=SignUp.ANYONE)
        rosa = open_to_all.connect(ADDRESS)
        luis = open_to_all.in_another_browser().connect(OTHER_ADDRESS)
        assert _person(rosa) != _person(luis)

    def test_signing_in_again_continues_the_person(self, console: Console) -> None:
        """In another browser, too, and without another invitation."""
        link = console.invite(InvitationKind.LINK, "")
        account = console.connect(ADDRESS, invitation=link)

        again = console.in_another_browser()
        again.connect(ADDRESS)

        assert again.principal() == SignedInPerson(_person(account))

    def test_a_second_mailbox_is_added_to_the_person(self, console: Console) -> None:
        """Whoever is signed in needs no invitation for it, and either one signs them in."""
        console.invite(InvitationKind.ADDRESS, ADDRESS)
        first = console.connect(ADDRESS)

        second = console.connect(OTHER_ADDRESS)

        assert _person(first) == _person(second)
        (person,) = list_people(accounts=console.world.accounts)
        assert {each.id for each in person.accounts} == {first.id, second.id}
        by_second = console.in_another_browser()
        by_second.connect(OTHER_ADDRESS)
        assert by_second.principal() == SignedInPerson(_person(first))

    def test_another_persons_mailbox_is_refused(self, console: Console) -> None:
        """It stays whose it is, with its tokens, and one stays signed in."""
        open_to_all = replace(console, sign_up=SignUp.ANYONE)
        rosa = open_to_all.connect(ADDRESS)
        luis = open_to_all.in_another_browser()
        of_luis = luis.connect(OTHER_ADDRESS)

        assert _refusal(luis, ADDRESS) == "account_of_another_person"
        assert console.world.accounts.get(rosa.id).person_id == rosa.person_id
        assert console.world.vault.read(rosa.id).refresh_token
        assert luis.principal() == SignedInPerson(_person(of_luis))

    def test_an_applications_account_becomes_its_owners(self, console: Console) -> None:
        """Accounts made through the API are nobody's until their owner signs in."""
        through_api = console.world.connect(ADDRESS)
        assert through_api.person_id is None

        account = console.connect(ADDRESS)

        assert account.id == through_api.id
        assert console.principal() == SignedInPerson(_person(account))
        console.world.connect(ADDRESS)
        assert console.world.accounts.get(account.id).person_id == account.person_id

    def test_the_return_belongs_to_the_browser_that_began(self, console: Console) -> None:
        """A link with somebody else's code signs nobody in as them."""
        open_to_all = replace(console, sign_up=SignUp.ANYONE)
        assert _refusal(open_to_all, verifier="x" * 43) == "state_invalid"
        assert open_to_all.cookie == ""


class TestSession:
    """How long one stays signed in."""

    def test_signing_out_ends_the_session(self, console: Console) -> None:
        """The token in the cookie opens nothing any more."""
        console.use_key()
        sign_out(token=console.cookie, sessions=console.sessions)
        with pytest.raises(Unauthenticated):
            console.principal()

    def test_every_sign_in_makes_a_new_token(self, console: Console) -> None:
        """One that was planted in the browser before is worth nothing after."""
        console.use_key()
        planted = console.cookie
        console.connect(ADDRESS)
        assert console.cookie != planted
        with pytest.raises(Unauthenticated):
            authenticate_session(token=planted, tools=console.tools)

    def test_an_old_token_is_replaced_and_serves_a_moment_longer(self, console: Console) -> None:
        """A request of another tab, which is on its way, is still let in."""
        console.use_key()
        old = console.cookie
        assert renew_session(token=old, tools=console.tools) is None
        console.world.clock.advance(timedelta(hours=1))

        renewed = renew_session(token=old, tools=console.tools)

        assert renewed is not None
        assert authenticate_session(token=old, tools=console.tools) == Administrator()
        console.world.clock.advance(timedelta(minutes=1))
        with pytest.raises(Unauthenticated):
            authenticate_session(token=old, tools=console.tools)
        assert authenticate_session(token=renewed.token, tools=console.tools) == Administrator()
        # And an administrator's day is not prolonged by it.
        console.world.clock.advance(timedelta(hours=11))
        with pytest.raises(Unauthenticated):
            authenticate_session(token=renewed.token, tools=console.tools)

    def test_a_person_stays_signed_in_who_comes_back(self, console: Console) -> None:
        """Thirty days after the last visit, ninety after the sign-in."""
        replace(console, sign_up=SignUp.ANYONE).connect(ADDRESS)
        open_to_all = replace(console, sign_up=SignUp.ANYONE)
        open_to_all.connect(ADDRESS)
        token = open_to_all.cookie
        for _ in range(4):
            console.world.clock.advance(timedelta(days=20))
            renewed = renew_session(token=token, tools=console.tools)
            assert renewed is not None
            token = renewed.token
        console.world.clock.advance(timedelta(days=10))
        with pytest.raises(Unauthenticated):
            authenticate_session(token=token, tools=console.tools)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (InvitationKind.ADDRESS, "rosa"),
        (InvitationKind.ADDRESS, ""),
        (InvitationKind.DOMAIN, "rosa@mail.example"),
        (InvitationKind.DOMAIN, "localhost"),
        (InvitationKind.DOMAIN, ""),
    ],
)
def test_an_invitation_of_nobody_is_refused(
    console: Console, kind: InvitationKind, value: str
) -> None:
    """What could never match is said at once."""
    with pytest.raises(InvalidRequest):
        console.invite(kind, value)


def _person(account: Account) -> PersonId:
    assert account.person_id is not None
    return account.person_id
