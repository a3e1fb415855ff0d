"""What the console's page says to the server, and hears."""

from typing import Annotated

from pydantic import Field, StringConstraints

from postroom.web.schemas.accounts import GrantOut
from postroom.web.schemas.fields import Body, Output, Query
from postroom.web.schemas.provider_configs import Secret

Opaque = Annotated[str, StringConstraints(max_length=2000)]


class SignInIn(Body):
    """An administrator's API key."""

    api_key: Secret


class ConnectIn(Body):
    """Which mailbox to sign in with."""

    provider: str
    invitation: Annotated[str, StringConstraints(max_length=100)] = ""
    """The token of the link that brought one here."""
    email: Annotated[str, StringConstraints(max_length=320)] = ""
    """The address to offer at the provider, if it is known."""


class DepartureOut(Output):
    """Where the browser goes."""

    consent_url: str


class ReturnQuery(Query):
    """What one comes back with."""

    code: Opaque = ""
    state: Opaque = ""
    error: Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z_]*$")] = ""


class ConsoleSessionOut(Output):
    """Who is signed in, if anybody; and what they can connect."""

    is_administrator: bool = False
    is_person: bool = False
    mailboxes: list[GrantOut] = Field(default_factory=list)
    providers: list[str] = Field(default_factory=list)
    sign_up: str
    undo_seconds: int
    """How long each send waits, so that it can be called back."""
