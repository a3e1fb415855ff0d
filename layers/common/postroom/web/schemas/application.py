"""The application: its profile and the addresses that people may be sent back to."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, StringConstraints, model_validator

from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.errors import InvalidRequest
from postroom.web.schemas.fields import Input, Label, Line, Output, WebAddress

Platform = Literal["web", "js", "ios", "android", "desktop"]
Url = Annotated[Line, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
Text = Annotated[Line, StringConstraints(max_length=500)]


class BrandingIn(Input):
    """How the application shows itself."""

    name: Label
    icon_url: WebAddress | None = None
    website_url: WebAddress | None = None
    description: Text | None = None


class HostedAuthenticationIn(Input):
    """How the pages of connecting look."""

    background_image_url: WebAddress | None = None
    alignment: Text | None = None
    color_primary: Text | None = None
    color_secondary: Text | None = None
    title: Text | None = None
    subtitle: Text | None = None
    background_color: Text | None = None
    spacing: Annotated[int, Field(ge=0, le=1000)] | None = None
    terms_of_service_url: WebAddress | None = None
    privacy_policy_url: WebAddress | None = None


class IdpSettingsIn(Input):
    """Comma-separated origins and issuers."""

    origins: Text | None = None
    issuers: Text | None = None


class ApplicationChangeIn(Input):
    """What to change on the application; each part is replaced whole."""

    branding: BrandingIn | None = None
    hosted_authentication: HostedAuthenticationIn | None = None
    idp_settings: IdpSettingsIn | None = None
    domain: Annotated[Line, StringConstraints(max_length=253)] | None = None
    callback_uris: Any = None
    additional_settings: Any = None

    @model_validator(mode="after")
    def _refuse_what_would_be_ignored(self) -> "ApplicationChangeIn":
        if self.callback_uris:
            raise InvalidRequest("Use /v3/applications/redirect-uris.", field="callback_uris")
        if self.additional_settings:
            raise InvalidRequest("There are no such settings.", field="additional_settings")
        return self

    def to_domain(self) -> dict[str, Any]:
        """Return the parts to replace."""
        return self.model_dump(exclude_none=True, exclude={"callback_uris", "additional_settings"})


class RedirectSettings(Input):
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


class RedirectUriIn(Input):
    """A new return address."""

    url: Url
    platform: Platform = "web"
    settings: RedirectSettings | None = None


class RedirectUriChangeIn(Input):
    """What to change on a return address."""

    url: Url | None = None
    platform: Platform | None = None
    settings: RedirectSettings | None = None

    def to_domain(self) -> dict[str, Any]:
        """Return the parts to change."""
        return self.model_dump(exclude_none=True)


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
