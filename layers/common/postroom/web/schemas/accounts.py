"""Accounts, which the wire calls grants, and how far their sync is."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import InvalidRequest
from postroom.domain.sync import BackfillPhase, SyncState
from postroom.web.schemas.fields import Input, Output, UnixTime, Unserved, unix_seconds

SyncMode = Literal["incremental", "full"]


class GrantListQuery(Input):
    """Which grants to list, and in what order."""

    limit: Annotated[int, Field(ge=1, le=200)] = 10
    offset: Annotated[int, Field(ge=0)] = 0
    sort_by: Literal["created_at", "updated_at"] = "created_at"
    order_by: Literal["asc", "desc"] = "desc"
    provider: Annotated[str, StringConstraints(min_length=1)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    grant_status: Literal["valid", "invalid"] | None = None
    since: UnixTime | None = None
    before: UnixTime | None = None
    ip: Unserved = None
    page_token: Unserved = None

    @model_validator(mode="after")
    def _refuse_what_would_be_ignored(self) -> "GrantListQuery":
        if self.ip is not None:
            raise InvalidRequest("The addresses of grants are not kept; leave it out.", field="ip")
        if self.page_token is not None:
            raise InvalidRequest("Grants are paged by `offset` and `limit`.", field="page_token")
        return self


class SyncRequestIn(Input):
    """What to sync: the changes, or everything once more."""

    mode: SyncMode = "incremental"


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
    paused_until: int | None

    @classmethod
    def from_domain(cls, account: Account, state: SyncState) -> "SyncOut":
        """Render the progress of an account."""
        backfill = state.backfill
        oldest = backfill.oldest_stored_at if backfill else None
        return cls(
            state=_state(account, state),
            stored=backfill.stored if backfill else 0,
            total_estimate=backfill.total_estimate if backfill else None,
            oldest_stored_at=unix_seconds(oldest) if oldest else None,
            synced_at=unix_seconds(state.synced_at) if state.synced_at else None,
            last_error=state.last_error or None,
            paused_until=unix_seconds(state.paused_until) if state.paused_until else None,
        )


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
    created_at: int
    updated_at: int
    sync: SyncOut | None = None

    @classmethod
    def from_domain(cls, account: Account, state: SyncState | None = None) -> "GrantOut":
        """Render an account; with its sync when one is asked for by itself."""
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
            created_at=unix_seconds(account.created_at),
            updated_at=unix_seconds(account.updated_at),
            sync=None if state is None else SyncOut.from_domain(account, state),
        )


def _state(account: Account, state: SyncState) -> str:
    if account.status is not AccountStatus.ACTIVE:
        return account.status.value
    if state.backfill is None:
        return "waiting"
    return "synced" if state.backfill.phase is BackfillPhase.DONE else "backfilling"
