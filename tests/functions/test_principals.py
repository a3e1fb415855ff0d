"""Who may do what: every route of the template, times everybody who may come along.

A route asks for one scope, or is open to everybody. `SCOPES` says which; a route that is missing
there fails the test, so nobody adds one without deciding who may use it.
"""

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postroom.domain.api_key import KEY_PREFIX, ApiKey
from postroom.domain.connection import BearerKind, BearerToken
from postroom.domain.ids import AccountId, new_account_id, new_person_id, new_token
from postroom.domain.person import SESSION_PREFIX, KeyInUse, Session
from postroom.domain.principal import OWNER_SCOPES, Scope
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.api_keys import DynamoApiKeyStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.sessions import DynamoSessionStore
from postroom.storage.dynamodb.table import Table
from tests.builders import make_account, make_identity
from tests.contract import aws
from tests.functions.conftest import ADMINISTRATOR_KEY, Deployment, LambdaContext
from tests.functions.routes import Route, request, routes

OPEN = {
    "GET /health",
    "GET /openapi.json",
    "GET /docs",
    "GET /v3/connect/auth",
    "GET /v3/connect/callback",
    # The console's page, and how one comes in: with a key, or with a mailbox.
    "GET /",
    "GET /console",
    "GET /console/assets/{version}/{name}",
    "GET /console/session",
    "POST /console/session",
    "DELETE /console/session",
    "POST /console/connections",
    "GET /console/connected",
    # Whoever holds a code or a token shows it: that is the credential.
    "POST /v3/connect/token",
    "POST /v3/connect/revoke",
    "GET /v3/connect/tokeninfo",
    # Providers prove themselves in their own ways.
    "POST /push/google",
    "POST /push/microsoft",
    "POST /push/microsoft/lifecycle",
}
SETTINGS = ("/v3/connectors", "/v3/applications", "/v3/api-keys", "/v3/people", "/v3/invitations")
FOR_API_KEYS = {"GET /v3/grants", "POST /v3/connect/custom", "POST /v3/providers/detect"}
"""Routes that name no account, so that somebody with one account only has no business there."""

BODIES: dict[str, Any] = {
    "POST /v3/grants/{grant_id}/folders": {"name": "Travel"},
    "PUT /v3/grants/{grant_id}/messages/clean": {"message_id": ["m"]},
    "POST /v3/grants/{grant_id}/attachment-uploads": {
        "filename": "film.mp4",
        "content_type": "video/mp4",
    },
    "POST /v3/grants/{grant_id}/messages/send": {"to": [{"email": "ada@example.com"}]},
}
"""What a route has to be sent before it looks for the account."""

REFUSED: dict[str, Any] = {"POST /v3/grants/{grant_id}/drafts": {"subject": 7}}
"""What is sent instead where nothing would be something: an empty draft is one."""

QUERIES = {"POST /v3/providers/detect": "email=ada%40gmail.com"}

CLEANING = "PUT /v3/grants/{grant_id}/messages/clean"
"""Reads, though it is no GET: nothing is changed."""

SENDING = (
    "/messages/send",
    "/drafts/{draft_id}",
    "/attachment-uploads",
    "/attachment-uploads/{attachment_id}/complete",
)


def scope_of(route: Route) -> Scope | None:
    """Return what a route asks for; None: nothing."""
    looks = route.method == "GET"
    if str(route) in OPEN:
        return None
    if route.path.startswith(SETTINGS):
        return Scope.ADMINISTRATION
    if route.path.startswith("/v3/webhooks"):
        return Scope.WEBHOOKS
    below_a_grant = route.path.removeprefix("/v3/grants/{grant_id}")
    if below_a_grant in ("", "/sync", "/audit") or str(route) in FOR_API_KEYS:
        return Scope.GRANTS_READ if looks else Scope.GRANTS_WRITE
    if route.method == "POST" and below_a_grant in SENDING:
        return Scope.MAIL_SEND
    if below_a_grant.startswith("/messages/schedules") and not looks:
        return Scope.MAIL_SEND
    assert below_a_grant != route.path, f"who may use {route}?"
    if str(route) == CLEANING:
        return Scope.MAIL_READ
    return Scope.MAIL_READ if looks else Scope.MAIL_WRITE


FROM_OUR_PAGE = {"x-postroom-console": "1", "sec-fetch-site": "same-origin"}
FROM_ELSEWHERE: dict[str, dict[str, str]] = {
    "a form of another site": {"sec-fetch-site": "cross-site"},
    "a script of another site": {"x-postroom-console": "1", "sec-fetch-site": "cross-site"},
    "another host of the same site": {"x-postroom-console": "1", "sec-fetch-site": "same-site"},
    "a form in an old browser": {"origin": "https://evil.example"},
    "a script in an old browser": {"x-postroom-console": "1", "origin": "https://evil.example"},
    "a page that hides where it is": {"x-postroom-console": "1", "origin": "null"},
    "a form that says nothing": {},
}


def first_key(**changes: Any) -> KeyInUse:
    """The deployment's own key, as a session remembers it."""
    key = KeyInUse(
        api_key_id="",
        fingerprint=hashlib.sha256(ADMINISTRATOR_KEY.encode()).hexdigest(),
        ends_at=datetime.now(UTC) + timedelta(hours=1),
    )
    return replace(key, **changes)


class Door:
    """The deployment, with an account and everybody who might come to it."""

    def __init__(self, deployment: Deployment, table: Table) -> None:
        self._deployment = deployment
        self._accounts = DynamoAccountStore(table)
        self._connections = DynamoConnectionStore(table)
        self._keys = DynamoApiKeyStore(table)
        self._now = datetime.now(UTC)
        self._sessions = DynamoSessionStore(table)
        self._made_keys: dict[tuple[Scope, ...], str] = {}
        self.nobodies = self._nobodies(self.account())
        """Credentials that open nothing, by what they are."""
        self.ada, self.eve = self.account(), self.account()
        self.ada_token = self.token(self.ada)
        self.ada_session = self.session(self.ada)
        self.administrator_session = self.session(None, key=first_key())
        self.both_session = self.session(self.account(), key=first_key())
        """Of somebody who is a person besides."""
        self.unowned = self.account()
        """Nobody's."""

    def accounts_for(self, route: Route) -> tuple[AccountId, AccountId, str]:
        """Return somebody's account, somebody else's, and the first one's token."""
        if str(route) != "DELETE /v3/grants/{grant_id}":
            return self.ada, self.eve, self.ada_token
        account_id = self.account()
        return account_id, self.account(), self.token(account_id)

    def key_for(self, *scopes: Scope) -> str:
        """Return an API key with these scopes."""
        if scopes not in self._made_keys:
            self._made_keys[scopes] = self.key(*scopes)
        return self._made_keys[scopes]

    def _nobodies(self, account: AccountId) -> dict[str, str]:
        return {
            "nothing": "",
            "a wrong key": "wrong",
            "a wrong key of our form": KEY_PREFIX + "wrong",
            "an expired key": self.key(*Scope, lives=timedelta(seconds=-1)),
            "a revoked key": self.revoked_key(),
            "an expired token": self.token(account, lives=timedelta(seconds=-1)),
            "a revoked token": self.revoked_token(account),
            "a refresh token": self.token(account, BearerKind.REFRESH),
        }

    def session(
        self,
        account_id: AccountId | None,
        *,
        key: KeyInUse | None = None,
        lives: timedelta = timedelta(hours=1),
    ) -> str:
        """Sign somebody in, as the owner of an account, with a key, or both; answers the token."""
        person_id = None
        if account_id is not None:
            person_id = self._accounts.get(account_id).person_id or new_person_id()
            self._accounts.claim(account_id, person_id)
        token = SESSION_PREFIX + new_token()
        session = Session(
            person_id=person_id,
            key=key,
            began_at=self._now,
            issued_at=self._now,
            expires_at=self._now + lives,
        )
        self._sessions.put(token, session)
        return token

    def ended_session(self, account_id: AccountId) -> str:
        """Sign an owner in and out again."""
        token = self.session(account_id)
        self._sessions.end(token)
        return token

    def account(self) -> AccountId:
        """Add an account that nobody has used."""
        account_id = new_account_id()
        identity = make_identity(subject=account_id, email=f"{account_id}@example.com")
        self._accounts.create(make_account(id=account_id, identity=identity))
        return account_id

    def key(self, *scopes: Scope, lives: timedelta | None = None) -> str:
        """Make an API key."""
        key = KEY_PREFIX + new_token()
        api_key = ApiKey(
            id=new_token()[:22],
            name="A key",
            scopes=frozenset(scopes),
            created_at=self._now,
            expires_at=None if lives is None else self._now + lives,
        )
        self._keys.add(key, api_key)
        return key

    def revoked_key(self) -> str:
        """Make a key for everything, and revoke it."""
        key = self.key(*Scope)
        self._keys.revoke(self._keys.find(key, now=self._now).id)
        return key

    def token(
        self,
        account_id: AccountId,
        kind: BearerKind = BearerKind.ACCESS,
        lives: timedelta = timedelta(hours=1),
    ) -> str:
        """Make a token of an account."""
        token = new_token()
        bearer = BearerToken(kind=kind, account_id=account_id, expires_at=self._now + lives)
        self._connections.put_bearer(token, bearer)
        return token

    def revoked_token(self, account_id: AccountId) -> str:
        """Make an access token, and revoke it."""
        token = self.token(account_id)
        self._connections.delete_bearer(token)
        return token

    def knock(
        self,
        route: Route,
        bearer: str,
        grant: str,
        *,
        body: Any = None,
        session: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Use a route; answers the status, and what is said about an error."""
        path = route.path.replace("{grant_id}", grant).replace("{provider}", "google")
        for name in (
            "version",
            "name",
            "id",
            "message_id",
            "folder_id",
            "attachment_id",
            "thread_id",
            "draft_id",
        ):
            path = path.replace("{" + name + "}", "nothing-has-this-id")
        path = path.replace("{schedule_id}", "none").replace("{credential_id}", "none")
        assert "{" not in path, path
        module = importlib.import_module(f"functions.{route.function}.app")
        event: dict[str, Any] = request(
            route.method,
            path,
            bearer=bearer,
            body=body or REFUSED.get(str(route), {}),
            query=QUERIES.get(str(route), ""),
        )
        if session:
            event["cookies"] = ["theme=dark", f"__Host-postroom_session={session}"]
        event["headers"] |= FROM_OUR_PAGE if headers is None else headers
        answer = module.handler(event, LambdaContext(route.function))
        try:
            error = json.loads(answer["body"]).get("error", {})
        except (ValueError, AttributeError):
            error = {}
        return answer["statusCode"], error.get("message", "") if isinstance(error, dict) else ""


@pytest.fixture(scope="module")
def door(deployment: Deployment) -> Iterator[Door]:
    yield Door(deployment, Table(aws.client("dynamodb"), aws.TABLE))


GUARDED = [route for route in routes() if scope_of(route) is not None]
ABOUT_A_GRANT = [route for route in GUARDED if "{grant_id}" in route.path]
NO_GRANT = "There is no such grant."


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_without_a_living_credential_nobody_enters(door: Door, route: Route) -> None:
    """No key, a wrong one, an expired or revoked one, and tokens that are no access tokens."""
    account = door.accounts_for(route)[0]

    answers = {name: door.knock(route, each, account)[0] for name, each in door.nobodies.items()}

    assert answers == dict.fromkeys(door.nobodies, 401)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_a_key_opens_what_it_was_made_for(door: Door, route: Route) -> None:
    """With the route's scope alone one comes in; with all the others one does not."""
    needed = scope_of(route)
    assert needed is not None
    others = [scope for scope in Scope if scope not in (needed, Scope.ADMINISTRATION)]

    refused = door.knock(route, door.key_for(*others), door.accounts_for(route)[0])
    keys = {
        "the deployment's key": ADMINISTRATOR_KEY,
        "a key for administration": door.key_for(Scope.ADMINISTRATION),
        "a key for this": door.key_for(needed),
    }
    let_in = {
        name: door.knock(route, key, door.accounts_for(route)[0]) for name, key in keys.items()
    }

    assert refused[0] == 403
    assert needed in refused[1]
    for name, (status, message) in let_in.items():
        assert status not in (401, 403), name
        assert status < 500, (name, status, message)
        assert message != NO_GRANT, name


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_an_access_token_opens_its_own_account_and_nothing_else(door: Door, route: Route) -> None:
    """`me`, its id and its address; another's account is not there, and settings are forbidden."""
    needed = scope_of(route)
    if needed not in OWNER_SCOPES or route not in ABOUT_A_GRANT:
        assert door.knock(route, door.ada_token, "me")[0] == 403
        return
    mine, other, token = door.accounts_for(route)
    body = BODIES.get(str(route))
    # The id comes last: to delete the account is one of the routes.
    for reference in ("email:{id}@example.com", "grant:{id}", "{id}"):
        answer = door.knock(route, token, reference.format(id=other), body=body)
        assert answer == (404, NO_GRANT), reference
    references = ["{id}"] if route.method == "DELETE" else ["me", "{id}@example.com", "{id}"]
    for reference in references:
        status, message = door.knock(route, token, reference.format(id=mine))
        assert status not in (401, 403), reference
        assert message != NO_GRANT, reference


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_without_a_living_session_nobody_enters(door: Door, route: Route) -> None:
    """Unknown, expired and ended ones, with keys that hold no more, and a token as a bearer."""
    account = door.accounts_for(route)[0]
    past = datetime.now(UTC) - timedelta(seconds=1)
    sessions = {
        "unknown": SESSION_PREFIX + "wrong",
        "expired": door.session(account, lives=timedelta(seconds=-1)),
        "signed out": door.ended_session(account),
        "a key for the day before": door.session(None, key=first_key(ends_at=past)),
        "a first key that was replaced": door.session(None, key=first_key(fingerprint="old")),
        "a revoked key": door.session(None, key=first_key(api_key_id="revoked", fingerprint="")),
    }

    answers = {
        name: door.knock(route, "", account, session=each) for name, each in sessions.items()
    }
    as_bearer = door.knock(route, door.administrator_session, account)

    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(sessions, 401)
    assert as_bearer[0] == 401


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_an_administrators_session_does_what_the_key_does(door: Door, route: Route) -> None:
    """Also that of somebody who is a person besides."""
    for session in (door.administrator_session, door.both_session):
        account = door.accounts_for(route)[0]
        status, message = door.knock(route, "", account, session=session)
        assert status not in (401, 403), message
        assert status < 500
        assert message != NO_GRANT


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_a_person_reaches_their_own_accounts_and_nothing_else(door: Door, route: Route) -> None:
    """By id and address; another's account is not there, and settings are forbidden."""
    if scope_of(route) not in OWNER_SCOPES or (
        route not in ABOUT_A_GRANT and str(route) != "GET /v3/grants"
    ):
        assert door.knock(route, "", "none", session=door.ada_session)[0] == 403
        return
    mine, other, _ = door.accounts_for(route)
    session, body = door.session(mine), BODIES.get(str(route))
    door.session(other)
    if route in ABOUT_A_GRANT:
        for reference in ("{id}@example.com", "grant:{id}", "{id}"):
            asked = reference.format(id=other)
            assert door.knock(route, "", asked, body=body, session=session) == (404, NO_GRANT)
        assert door.knock(route, "", door.unowned, body=body, session=session) == (404, NO_GRANT)
    references = ["{id}"] if route.method == "DELETE" else ["me", "{id}@example.com", "{id}"]
    for reference in references:
        status, message = door.knock(route, "", reference.format(id=mine), session=session)
        assert status not in (401, 403), reference
        assert message != NO_GRANT, reference


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_another_site_changes_nothing_with_a_session(door: Door, route: Route) -> None:
    """The browser sends the cookie along with whatever another site makes it ask for."""
    account = door.accounts_for(route)[0]
    session = door.session(account, key=first_key())

    refused = {
        name: door.knock(route, "", account, session=session, headers=headers)[0]
        for name, headers in FROM_ELSEWHERE.items()
    }
    old_browser = {"x-postroom-console": "1", "origin": "https://postroom.example"}
    ours = door.knock(route, "", account, session=session, headers=old_browser)[0]

    if route.method == "GET":
        assert 403 not in refused.values()
    else:
        assert refused == dict.fromkeys(FROM_ELSEWHERE, 403)
    assert ours not in (401, 403)


def test_a_person_lists_their_own_accounts(door: Door) -> None:
    """The list of all accounts is the administrator's."""
    (route,) = (each for each in routes() if str(each) == "GET /v3/grants")
    module = importlib.import_module(f"functions.{route.function}.app")
    event = request("GET", "/v3/grants")
    event["cookies"] = [f"__Host-postroom_session={door.ada_session}"]
    answer = module.handler(event, LambdaContext(route.function))
    assert [each["id"] for each in json.loads(answer["body"])["data"]] == [door.ada]


@pytest.mark.parametrize("route", ABOUT_A_GRANT, ids=str)
def test_me_is_nobody_to_an_api_key(door: Door, route: Route) -> None:
    """A key speaks for all accounts: it has to name one, and one that there is."""
    body = BODIES.get(str(route))
    status, message = door.knock(route, ADMINISTRATOR_KEY, "me", body=body)
    assert (status, message.partition(":")[0]) == (400, "grant_id")
    for unknown in (new_account_id(), "external:42", "nobody@example.com"):
        assert door.knock(route, ADMINISTRATOR_KEY, unknown, body=body) == (404, NO_GRANT)


@pytest.mark.parametrize("route", [each for each in routes() if str(each) in OPEN], ids=str)
def test_open_routes_need_no_key(door: Door, route: Route) -> None:
    """Nobody is asked for a key where a person's browser, a provider or a token's holder comes."""
    if route.path.startswith("/push/"):
        return  # what providers prove themselves with is tested with the pushes
    status, message = door.knock(route, "", "none")
    assert (status, message) != (401, "Send your API key as 'Authorization: Bearer <key>'.")
    assert status < 500
