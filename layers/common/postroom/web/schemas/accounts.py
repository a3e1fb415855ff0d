"""Accounts, which the wire calls grants, and how far their sync is."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import InvalidRequest
from postroom.domain.sender import Sender
from postroom.domain.sync import SyncState
from postroom.web.error_kinds import type_of_consequence
from postroom.web.schemas.fields import (
    Body,
    Line,
    NamedProvider,
    Output,
    Query,
    SortBy,
    UnixTime,
    Unserved,
    spelled,
    unix_seconds,
)
from postroom.web.schemas.provider_configs import Scope

SyncMode = Literal["incremental", "full"]

WATCH_ERROR = "watch_error"
"""The type of an error that keeps only the provider's pushes away: the mailbox is polled."""


class GrantListQuery(Query):
    """Which grants to list, and in what order."""

    limit: Annotated[int, Field(ge=1, le=200)] = 10
    offset: Annotated[int, Field(ge=0)] = 0
    sort_by: SortBy = "created_at"
    order_by: Literal["asc", "desc"] = "desc"
    provider: NamedProvider | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    grant_status: Literal["valid", "invalid"] | None = None
    since: UnixTime | None = None
    before: UnixTime | None = None
    ip: Annotated[Any, Unserved("From where a mailbox was connected is not kept: leave it out")] = (
        None
    )
    page_token: Annotated[Any, Unserved("Grants are paged by `offset` and `limit`")] = None


Token = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=8192),
    spelled(r"[!-~]*", "Use plain ASCII characters without spaces"),
]
Scopes = Annotated[list[Scope], Field(max_length=100)]


class TokenSettingsIn(Body):
    """The consent that the mailbox owner gave the application itself."""

    refresh_token: Token
    credential_id: Annotated[str, StringConstraints(max_length=100)] | None = None
    """The connector's credential that the token was given to; else it is the active one's."""

    @model_validator(mode="before")
    @classmethod
    def _know_no_mailbox_without_its_owner(cls, values: Any) -> Any:
        given = values if isinstance(values, dict) else {}
        if given.get("credential_id") and given.get("refresh_token") is None:
            raise InvalidRequest(
                "A mailbox is connected by its owner's consent: send its refresh token. A "
                "credential alone, as of a service account, opens none.",
                field="settings.refresh_token",
            )
        return values


class CustomGrantIn(Body):
    """A mailbox to connect by a refresh token. `scope` names what it must allow at least."""

    provider: NamedProvider
    settings: TokenSettingsIn
    scope: Scopes | None = None
    state: Annotated[Line, StringConstraints(max_length=256)] | None = None


class GrantChangeIn(Body):
    """Another consent for a grant. `scope` names what it must allow at least."""

    settings: TokenSettingsIn | None = None
    scope: Scopes | None = None


class DetectionQuery(Query):
    """An address to guess the provider of."""

    email: Annotated[
        Line,
        StringConstraints(max_length=320),
        spelled(r"[^@]+@[^@]+", "Send an e-mail address"),
    ]
    all_provider_types: bool = False


class DetectionOut(Output):
    """A guess. `provider` may be one that cannot be connected, when all were asked for."""

    email_address: str
    detected: bool
    provider: str | None


class SyncRequestIn(Body):
    """What to sync: the changes, or everything once more."""

    mode: SyncMode | None = None
    """Without one it is `incremental`."""


class SyncRequestOut(Output):
    """A sync that was asked for."""

    grant_id: str
    mode: str


class SyncOut(Output):
    """How far the copy of a mailbox is; times are Unix seconds.

    `state`: `waiting` (to begin), `backfilling` (the first sync; new mail comes meanwhile),
    `synced`, or what stands in its way: `reauth_required`, `mailbox_unavailable`.
    """

    state: str
    stored: int
    total_estimate: int | None
    oldest_stored_at: int | None
    synced_at: int | None
    last_error: str | None
    last_error_type: str | None
    """An `error.type`, or `watch_error` where only the provider's pushes do not come."""
    paused_until: int | None
    watch_expires_at: int | None

    @classmethod
    def from_domain(cls, account: Account, state: SyncState) -> "SyncOut":
        """Render the progress of an account."""
        oldest = state.oldest_stored_at
        return cls(
            state=_state(account, state),
            stored=state.stored,
            total_estimate=state.total_estimate,
            oldest_stored_at=unix_seconds(oldest) if oldest else None,
            synced_at=unix_seconds(state.synced_at) if state.synced_at else None,
            last_error=state.last_error or state.watch_problem or None,
            last_error_type=_error_type(state),
            paused_until=unix_seconds(state.paused_until) if state.paused_until else None,
            watch_expires_at=unix_seconds(state.watch.expires_at) if state.watch else None,
        )


class SenderOut(Output):
    """An address that the account may send from; `signature` is HTML."""

    email: str
    name: str
    signature: str
    is_default: bool


class GrantOut(Output):
    """A connected mailbox."""

    id: str
    provider: str
    grant_status: Literal["valid", "invalid"]
    email: str
    name: str
    scope: list[str]
    state: str | None
    provider_user_id: str
    credential_id: str | None
    created_at: int
    updated_at: int
    sync: SyncOut | None = None
    senders: list[SenderOut] | None = None

    @classmethod
    def from_domain(
        cls,
        account: Account,
        state: SyncState | None = None,
        senders: Sequence[Sender] | None = None,
    ) -> "GrantOut":
        """Render an account; with its sync and senders when one is asked for by itself."""
        needs_consent = account.status is AccountStatus.REAUTH_REQUIRED
        return cls(
            id=account.id,
            provider=account.identity.provider,
            grant_status="invalid" if needs_consent else "valid",
            email=account.identity.email,
            name=account.identity.name,
            scope=list(account.scopes),
            state=account.state or None,
            provider_user_id=account.identity.subject,
            credential_id=account.registration_id or None,
            created_at=unix_seconds(account.created_at),
            updated_at=unix_seconds(account.updated_at),
            sync=None if state is None else SyncOut.from_domain(account, state),
            senders=None if senders is None else [SenderOut(**asdict(each)) for each in senders],
        )


def _error_type(state: SyncState) -> str | None:
    if state.last_error:
        return type_of_consequence(state.last_consequence)
    return WATCH_ERROR if state.watch_problem else None


def _state(account: Account, state: SyncState) -> str:
    if account.status is not AccountStatus.ACTIVE:
        return account.status.value
    if not state.units:
        return "waiting"
    return "synced" if state.is_read else "backfilling"
