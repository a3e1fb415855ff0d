"""Connecting a mailbox and getting tokens (RFC 6749, RFC 7636), as the contract has it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, StringConstraints, model_validator

from postroom.domain.account import Account
from postroom.domain.errors import ConnectionRefused, InvalidRequest
from postroom.web.schemas.fields import Input, Line, Output

_Given = Annotated[Line, StringConstraints(min_length=1, max_length=2048)]
_Text = Annotated[
    str, StringConstraints(max_length=4096), BeforeValidator(lambda value: value or "")
]
"""Optional text; JSON clients write null where there is none."""


class AuthQuery(Input):
    """What an application sends a browser with."""

    client_id: _Given
    redirect_uri: _Given
    response_type: str = "code"
    access_type: Literal["online", "offline"] = "online"
    provider: str = ""
    state: Annotated[Line, StringConstraints(max_length=256)] = ""
    login_hint: Annotated[Line, StringConstraints(max_length=320)] = ""
    scope: Annotated[str, StringConstraints(max_length=4096)] = ""
    code_challenge: Annotated[str, StringConstraints(max_length=128)] = ""
    code_challenge_method: str = ""

    @model_validator(mode="after")
    def _check(self) -> "AuthQuery":
        if self.response_type != "code":
            raise InvalidRequest("Use 'code'.", field="response_type")
        if self.code_challenge_method.lower() not in {"", "plain", "s256"}:
            raise InvalidRequest("Use 'S256' or 'plain'.", field="code_challenge_method")
        return self


class CallbackQuery(Input):
    """What the provider sends the browser back with; nothing of it can be relied on."""

    state: str = ""
    code: str = ""
    error: str = ""


class TokenIn(Input):
    """What an application asks the token endpoint for."""

    grant_type: _Text = ""
    client_id: _Text = ""
    client_secret: _Text = ""
    code: _Text = ""
    redirect_uri: _Text = ""
    code_verifier: _Text = ""
    refresh_token: _Text = ""

    def require(self, *names: str) -> None:
        """Raise ConnectionRefused naming the first of these that is missing."""
        for name in names:
            if not getattr(self, name):
                raise ConnectionRefused("invalid_request", f"{name}: This parameter is missing.")


class RevokeIn(Input):
    """The token to revoke."""

    token: _Text = ""


class TokenOut(Output):
    """Tokens of ours, without an envelope. `scope` is one string here."""

    access_token: str
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
        expires_in_seconds: int,
        refresh_token: str,
        request_id: str,
    ) -> "TokenOut":
        """Render tokens with the account that they open."""
        return cls(
            access_token=access_token,
            expires_in=expires_in_seconds,
            refresh_token=refresh_token or None,
            grant_id=account.id,
            email=account.identity.email,
            provider=account.identity.provider,
            scope=" ".join(account.scopes),
            request_id=request_id,
        )
