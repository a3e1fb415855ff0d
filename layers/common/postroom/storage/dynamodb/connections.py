"""One-time things of a connection in progress, and the tokens that come of it.

Each is taken by a deletion under conditions, so that of two who come with the same secret one gets
it. A request that comes from another browser is refused and stays: nobody can use up the sign-in
of somebody else.
"""

from datetime import datetime

from postroom.domain.account import ProviderName
from postroom.domain.connection import (
    AuthorizationCode,
    BearerKind,
    BearerToken,
    ConnectionRequest,
)
from postroom.domain.errors import ConnectionRefused, NotFound
from postroom.domain.ids import AccountId, PersonId
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table

_LIVING = "#ends_at > :now"


class DynamoConnectionStore:
    """Connections in the table, under the hashes of their secrets."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put_request(self, state: str, request: ConnectionRequest) -> None:
        """Remember a connection request under its state."""
        row = {
            "provider": request.provider,
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "code_challenge": request.code_challenge,
            "offline": request.offline,
            "login_hint": request.login_hint,
            "browser_hash": request.browser_hash,
            "code_verifier": request.code_verifier,
            "nonce": request.nonce,
            "registration_id": request.registration_id,
            "for_organisation": request.for_organisation,
            "for_console": request.for_console,
            "person_id": request.person_id,
            "by_administrator": request.by_administrator,
            "invitation_id": request.invitation_id,
            **_ends(request.expires_at),
        }
        self._table.put(keys.connection_request(state), row)

    def take_request(self, state: str, *, browser_hash: str, now: datetime) -> ConnectionRequest:
        """Return and remove a request, once. Raises ConnectionRefused."""
        try:
            row = self._table.delete(
                keys.connection_request(state),
                f"#browser_hash = :browser_hash AND {_LIVING}",
                {"browser_hash": browser_hash, "now": to_text(now)},
            )
        except ConditionFailed:
            row = None
        if row is None:
            raise ConnectionRefused("state_invalid", "This sign-in link can no longer be used.")
        return ConnectionRequest(
            provider=ProviderName(row["provider"]),
            redirect_uri=row["redirect_uri"],
            state=row["state"],
            code_challenge=row["code_challenge"],
            offline=row["offline"],
            login_hint=row["login_hint"],
            browser_hash=row["browser_hash"],
            code_verifier=row["code_verifier"],
            nonce=row["nonce"],
            expires_at=from_text(row["ends_at"]),
            registration_id=row.get("registration_id", ""),
            for_organisation=row.get("for_organisation", False),
            for_console=row.get("for_console", False),
            person_id=_person(row.get("person_id")),
            by_administrator=row.get("by_administrator", False),
            invitation_id=row.get("invitation_id", ""),
        )

    def put_code(self, code: str, authorization: AuthorizationCode) -> None:
        """Remember an application's code."""
        row = {
            "account_id": authorization.account_id,
            "redirect_uri": authorization.redirect_uri,
            "code_challenge": authorization.code_challenge,
            "offline": authorization.offline,
            **_ends(authorization.expires_at),
        }
        self._table.put(keys.authorization_code(code), row)

    def take_code(self, code: str, *, now: datetime) -> AuthorizationCode:
        """Return and remove a code, once. Raises NotFound."""
        key = keys.authorization_code(code)
        try:
            row = self._table.delete(key, _LIVING, {"now": to_text(now)})
        except ConditionFailed:
            row = None
        if row is None:
            raise NotFound("the code is unknown, used or expired")
        return AuthorizationCode(
            account_id=AccountId(row["account_id"]),
            redirect_uri=row["redirect_uri"],
            code_challenge=row["code_challenge"],
            offline=row["offline"],
            expires_at=from_text(row["ends_at"]),
        )

    def put_bearer(self, token: str, bearer: BearerToken) -> None:
        """Remember a token of ours."""
        row = {
            "kind": bearer.kind,
            "account_id": bearer.account_id,
            **({"parent": keys.bearer_token(bearer.parent).pk} if bearer.parent else {}),
            **_ends(bearer.expires_at),
        }
        self._table.put(keys.bearer_token(token), row)

    def bearer(self, token: str, *, now: datetime) -> BearerToken:
        """Return what a token stands for. Raises NotFound."""
        row = self._table.get(keys.bearer_token(token))
        if row is None or from_text(row["ends_at"]) <= now or self._is_orphan(row):
            raise NotFound("the token is unknown, revoked or expired")
        return BearerToken(
            kind=BearerKind(row["kind"]),
            account_id=AccountId(row["account_id"]),
            expires_at=from_text(row["ends_at"]),
        )

    def _is_orphan(self, row: Row) -> bool:
        """Whether the refresh token that this one came from was revoked (RFC 7009 section 2.1)."""
        parent = row.get("parent")
        return parent is not None and self._table.get(keys.bearer_token_at(parent)) is None

    def delete_bearer(self, token: str) -> None:
        """Revoke a token."""
        self._table.delete(keys.bearer_token(token))


def _person(person_id: str | None) -> PersonId | None:
    return None if person_id is None else PersonId(person_id)


def _ends(at: datetime) -> Row:
    """The exact end, which reads check, and the one in seconds, after which DynamoDB cleans up."""
    return {"ends_at": to_text(at), "expires_at": to_ttl(at)}
