"""The addresses of Google, and the one way to replace them all by a simulator's."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where Google is reached. `users/me` is the mailbox that the access token belongs to.

    https://accounts.google.com/.well-known/openid-configuration and
    https://developers.google.com/workspace/gmail/api/reference/rest
    """

    authorize: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke: str = "https://oauth2.googleapis.com/revoke"
    keys: str = "https://www.googleapis.com/oauth2/v3/certs"
    gmail: str = "https://gmail.googleapis.com/gmail/v1/users/me"
    upload: str = "https://gmail.googleapis.com/upload/gmail/v1/users/me"
    batch: str = "https://gmail.googleapis.com/batch/gmail/v1"
    upload_origin: str = ""
    """The only place that takes pieces of uploads; empty means Google's own hosts."""


def endpoints(simulator_url: str = "") -> Endpoints:
    """Return Google's addresses, or those of a simulator when its address is given."""
    if not simulator_url:
        return Endpoints()
    base = simulator_url.rstrip("/")
    return Endpoints(
        authorize=f"{base}/o/oauth2/v2/auth",
        token=f"{base}/token",
        revoke=f"{base}/revoke",
        keys=f"{base}/oauth2/v3/certs",
        gmail=f"{base}/gmail/v1/users/me",
        upload=f"{base}/upload/gmail/v1/users/me",
        batch=f"{base}/batch/gmail/v1",
        upload_origin=base,
    )


def quoted(value: str) -> str:
    """Return an id as one segment of a path."""
    return quote(value, safe="")
