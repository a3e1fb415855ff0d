"""The application: its profile and the addresses that people may be sent back to."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, StringConstraints

from postroom.domain.application import ApplicationProfile, RedirectUri, WantedRedirectUri
from postroom.web.schemas.fields import (
    ONE_LINE,
    Body,
    Flag,
    Label,
    Line,
    Output,
    Unserved,
    WebAddress,
    WholeNumber,
    spelled,
)

Platform = Literal["web", "js", "ios", "android", "desktop"]
Url = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048), ONE_LINE
]
Domain = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=253),
    spelled(r"(([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+)?", "Send a domain, like mail.example.com"),
]
"""Empty means none."""
Text = Annotated[Line, StringConstraints(max_length=500)]


class BrandingIn(Body):
    """How the application shows itself."""

    name: Label | None = None
    icon_url: WebAddress | None = None
    website_url: WebAddress | None = None
    description: Text | None = None


class HostedAuthenticationIn(Body):
    """How the pages of connecting look."""

    background_image_url: WebAddress | None = None
    alignment: Text | None = None
    color_primary: Text | None = None
    color_secondary: Text | None = None
    title: Text | None = None
    subtitle: Text | None = None
    background_color: Text | None = None
    spacing: Annotated[WholeNumber, Field(ge=0, le=1000)] | None = None
    terms_of_service_url: WebAddress | None = None
    privacy_policy_url: WebAddress | None = None


class IdpSettingsIn(Body):
    """Comma-separated origins and issuers."""

    origins: Text | None = None
    issuers: Text | None = None


class RedirectSettings(Body):
    """What platforms want to know beside the address."""

    origin: Text | None = None
    bundle_id: Text | None = None
    app_store_id: Text | None = None
    team_id: Text | None = None
    package_name: Text | None = None
    # One official SDK puts an underscore before the digit.
    sha1_certificate_fingerprint: Text | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "sha1_certificate_fingerprint", "sha_1_certificate_fingerprint"
        ),
    )

    def to_domain(self) -> dict[str, Any]:
        """Return what was given."""
        return self.model_dump(exclude_none=True)


class RedirectUriIn(Body):
    """A new return address."""

    url: Url
    platform: Platform | None = None
    """Without one it is `web`."""
    settings: RedirectSettings | None = None


class RedirectUriChangeIn(Body):
    """What to change on a return address."""

    url: Url | None = None
    platform: Platform | None = None
    settings: RedirectSettings | None = None

    def to_domain(self) -> dict[str, Any]:
        """Return the parts to change."""
        return self.model_dump(exclude_none=True)


class CallbackUriIn(Body):
    """A return address that there shall be; what is left out of a known one stays."""

    id: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Of a known one; without it, the one with this address, or a new one."""
    url: Url
    platform: Platform | None = None
    settings: RedirectSettings | None = None

    def to_domain(self) -> WantedRedirectUri:
        """Return what is wanted."""
        return WantedRedirectUri(
            id=self.id or "",
            url=self.url,
            platform=self.platform,
            settings=None if self.settings is None else self.settings.to_domain(),
        )


_LOGIN = Unserved("People sign in at their provider, or at the console: leave it out")
_EXPIRY = Unserved(
    "Refresh tokens live for 180 days, and end before that by POST /v3/connect/revoke: leave it out"
)


class AdditionalSettingsIn(Body):
    """Settings that the contract has and never shows."""

    login_url: Annotated[Any, _LOGIN] = None
    logout_url: Annotated[Any, _LOGIN] = None
    refresh_token_expiration_absolute: Annotated[Any, _EXPIRY] = None
    refresh_token_expiration_idle: Annotated[Any, _EXPIRY] = None
    rotate_refresh_token: Annotated[
        Any, Unserved("A refresh token stays the same until it ends: leave it out")
    ] = None
    allow_query_param_in_redirect_uri: Flag | None = None
    """Return addresses are matched exactly, with their query, whatever is said here."""


class ApplicationChangeIn(Body):
    """What to change on the application; each part is replaced whole."""

    branding: BrandingIn | None = None
    hosted_authentication: HostedAuthenticationIn | None = None
    idp_settings: IdpSettingsIn | None = None
    domain: Domain | None = None
    callback_uris: Annotated[list[CallbackUriIn], Field(max_length=100)] | None = None
    """All return addresses that there shall be: those that are left out are removed."""
    additional_settings: AdditionalSettingsIn | None = None

    def to_domain(self) -> dict[str, Any]:
        """Return the parts of the profile to replace."""
        return self.model_dump(exclude_none=True, exclude={"callback_uris", "additional_settings"})

    def wanted_redirect_uris(self) -> list[WantedRedirectUri] | None:
        """Return the return addresses that there shall be; None: they stay as they are."""
        if self.callback_uris is None:
            return None
        return [each.to_domain() for each in self.callback_uris]


class RedirectUriOut(Output):
    """A return address."""

    id: str
    url: str
    platform: str
    settings: dict[str, Any]

    @classmethod
    def from_domain(cls, redirect_uri: RedirectUri) -> "RedirectUriOut":
        """Render a return address."""
        return cls(
            id=redirect_uri.id,
            url=redirect_uri.url,
            platform=redirect_uri.platform,
            settings=dict(redirect_uri.settings),
        )


class ApplicationOut(Output):
    """The application. There is one for each deployment, which is its own organisation."""

    application_id: str
    organization_id: str
    region: str = "self-hosted"
    environment: str = "production"
    branding: dict[str, Any]
    hosted_authentication: dict[str, Any] | None
    idp_settings: dict[str, Any] | None
    domain: str | None
    callback_uris: list[RedirectUriOut]

    @classmethod
    def from_domain(
        cls, application_id: str, profile: ApplicationProfile, redirect_uris: Sequence[RedirectUri]
    ) -> "ApplicationOut":
        """Render the application with its return addresses."""
        return cls(
            application_id=application_id,
            organization_id=application_id,
            branding={"name": "Postroom", **profile.branding},
            hosted_authentication=dict(profile.hosted_authentication) or None,
            idp_settings=dict(profile.idp_settings) or None,
            domain=profile.domain or None,
            callback_uris=[RedirectUriOut.from_domain(each) for each in redirect_uris],
        )
