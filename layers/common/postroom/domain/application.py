"""The application whose users connect mailboxes: its return addresses and its looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectUri:
    """An address that people may be sent back to after connecting. Matched exactly."""

    id: str
    url: str
    platform: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRedirectUri:
    """A return address that there shall be; what is None stays as it is, or is the usual."""

    id: str = ""
    """Of a known one; empty: the one with this address, or a new one."""
    url: str
    platform: str | None = None
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationProfile:
    """What the administrator may say about the application; each part is replaced whole."""

    branding: Mapping[str, Any] = field(default_factory=dict)
    hosted_authentication: Mapping[str, Any] = field(default_factory=dict)
    idp_settings: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
