"""What a simulator can be told about its behaviour, at start or through `/_sim/settings`."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Behaviour of one simulator; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auto_consent: bool = False
    """The authorize address redirects at once when `login_hint` names a known mailbox."""
    consent: Literal["grant", "deny", "cancel", "admin_required"] = "grant"
    """What the mailbox owner answers when consent is automatic; with `admin_required` the owner's
    organisation lets nobody but an administrator answer."""
    deny_scopes: tuple[str, ...] = ()
    """Scopes the owner unticks, always."""
    refresh_tokens: Literal["keep_old", "revoke_old"] = "keep_old"
    """What becomes of a Microsoft refresh token that was used: as the real one does, it goes on
    working beside the new one; or it is revoked."""
    delta_items: Literal["partial", "whole"] = "partial"
    """How Microsoft's delta gives a message whose flags alone have changed: those, or all."""
    push_endpoint: str | None = None
    """Where Google's pushes go; none are sent while it is empty."""
    push_audience: str | None = None
    """`aud` of the pushes' token; the endpoint itself when empty, as with Pub/Sub."""
    push_service_account: str = "gmail-push@simulator.iam.gserviceaccount.com"
    push: Literal["on", "off", "duplicate", "reorder"] = "on"
    latency_ms: int = Field(default=0, ge=0)
    enforce_quota: bool = False
    quota_scale: float = Field(default=1.0, gt=0)
    """Multiplies the per-minute quota of each mailbox."""
    sending_free_at: float | None = None
    """When mailboxes may send again, in seconds since 1970; until then they have sent too much."""
    page_size: int | None = Field(default=None, ge=1)
    """Largest page of any listing, and an empty page first in a longer history listing."""
    peer: str | None = None
    """Base address of the other simulator; mail for addresses not known here goes there."""
    text: Literal["verbatim", "decoded"] = "verbatim"
    """How parsed messages give text: `verbatim` keeps each part's own charset and RFC 2047
    encoded words in headers; `decoded` gives UTF-8 and decoded headers while the Content-Type
    header still names the old charset. Gmail has been reported to do either."""

    def updated(self, changes: dict[str, Any]) -> Self:
        """Return these settings with some replaced; raises pydantic's ValidationError."""
        return type(self).model_validate({**self.model_dump(), **changes})
