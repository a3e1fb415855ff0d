"""Connecting a mailbox and getting tokens (RFC 6749, RFC 7636), as the contract has it."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema, model_validator

from postroom.domain.account import Account
from postroom.domain.errors import ConnectionRefused, InvalidRequest
from postroom.web.schemas.fields import (
    ONE_LINE,
    Input,
    Line,
    NamedProvider,
    Output,
    Query,
    unix_seconds,
)

_Given = Annotated[str, StringConstraints(min_length=1, max_length=2048), ONE_LINE]
_Text = Annotated[
    str,
    StringConstraints(max_length=4096),
    BeforeValidator(lambda value: "" if value is None else value),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 4096}, {"type": "null"}]}),
]
"""Optional text; JSON clients write null where there is none."""


def _shown(values: list[str]) -> WithJsonSchema:
    """Tell readers of the document what is understood; `_check` says it in our words."""
    return WithJsonSchema({"type": "string", "enum": values})


class AuthQuery(Query):
    """What an application sends a browser with."""

    client_id: _Given
    redirect_uri: _Given
    response_type: Annotated[str, _shown(["code", "adminconsent"])] = "code"
    access_type: Literal["online", "offline"] = "online"
    provider: NamedProvider = ""
    state: Annotated[Line, StringConstraints(max_length=256)] = ""
    login_hint: Annotated[Line, StringConstraints(max_length=320)] = ""
    scope: Annotated[str, StringConstraints(max_length=4096)] = ""
    code_challenge: Annotated[str, StringConstraints(max_length=128)] = ""
    code_challenge_method: Annotated[str, _shown(["S256", "plain", "s256"])] = ""
    credential_id: Annotated[str, StringConstraints(max_length=100)] = ""
    prompt: Annotated[str, _shown(["select_provider", "detect", "select_provider,detect"])] = ""
    include_grant_scopes: str = ""
    """Changes nothing: every consent asks for all scopes of the connector."""
    options: str = ""
    """Changes nothing: mail is sent without SMTP."""

    @model_validator(mode="after")
    def _check(self) -> "AuthQuery":
        if not {*self.prompt.replace(",", " ").split()} <= {"select_provider", "detect"}:
            raise InvalidRequest("Use 'select_provider', 'detect' or both.", field="prompt")
        if self.response_type not in {"code", "adminconsent"}:
            raise InvalidRequest("Use 'code' or 'adminconsent'.", field="response_type")
        if self.code_challenge_method.lower() not in {"", "plain", "s256"}:
            raise InvalidRequest("Use 'S256' or 'plain'.", field="code_challenge_method")
        return self


class CallbackQuery(Query):
    """What the provider sends the browser back with; nothing of it can be relied on."""

    state: str = ""
    code: str = ""
    error: str = ""
    error_description: str = ""
    admin_consent: str = ""
    """Present when an administrator comes back who was asked to allow the application for all."""


class TokenIn(Input):
    """What an application asks the token endpoint for."""

    grant_type: Annotated[
        _Text, _shown(["authorization_code", "refresh_token", "client_credentials"])
    ] = ""
    client_id: _Text = ""
    client_secret: _Text = ""
    code: _Text = ""
    redirect_uri: _Text = ""
    code_verifier: _Text = ""
    refresh_token: _Text = ""
    grant_id: _Text = ""

    def require(self, *names: str) -> None:
        """Raise ConnectionRefused naming the first of these that is missing."""
        for name in names:
            if not getattr(self, name):
                raise ConnectionRefused("invalid_request", f"{name}: This parameter is missing.")


class RevokeIn(Input):
    """The token to revoke."""

    token: _Text = ""


class RevokeQuery(Query):
    """The token to revoke, where both official SDKs write it."""

    token: _Text = ""


class TokenInfoQuery(Query):
    """The token to tell about; one of them."""

    id_token: _Text = ""
    access_token: _Text = ""


class TokenInfoOut(Output):
    """What a token stands for, in the words of OpenID Connect."""

    iss: str
    aud: str
    sub: str
    email: str
    iat: int
    exp: int

    @classmethod
    def of(
        cls, account: Account, *, issuer: str, audience: str, issued_at: datetime, end: datetime
    ) -> "TokenInfoOut":
        """Render what is known about a token of an account."""
        return cls(
            iss=issuer,
            aud=audience,
            sub=account.id,
            email=account.identity.email,
            iat=unix_seconds(issued_at),
            exp=unix_seconds(end),
        )


class TokenOut(Output):
    """Tokens of ours, without an envelope. `scope` is one string here."""

    access_token: str
    id_token: str
    token_type: str = "Bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int
    refresh_token: str | None
    grant_id: str
    email: str
    provider: str
    scope: str
    request_id: str

    @classmethod
    def of(
        cls,
        account: Account,
        *,
        access_token: str,
        id_token: str,
        lifetime: timedelta,
        refresh_token: str,
        request_id: str,
    ) -> "TokenOut":
        """Render tokens with the account that they open."""
        return cls(
            access_token=access_token,
            id_token=id_token,
            expires_in=int(lifetime.total_seconds()),
            refresh_token=refresh_token or None,
            grant_id=account.id,
            email=account.identity.email,
            provider=account.identity.provider,
            scope=" ".join(account.scopes),
            request_id=request_id,
        )
