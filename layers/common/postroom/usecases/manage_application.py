"""The application's profile and the addresses that people may be sent back to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.errors import Conflict, InvalidRequest
from postroom.domain.ids import new_token
from postroom.ports import ApplicationStore, Clock

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def read_profile(*, application: ApplicationStore) -> ApplicationProfile:
    """Return what the administrator said about the application."""
    return application.profile()


def update_profile(
    *, changes: Mapping[str, Any], application: ApplicationStore
) -> ApplicationProfile:
    """Replace the named parts of the profile, each as a whole."""
    profile = replace(application.profile(), **changes)
    application.save_profile(profile)
    return profile


def list_redirect_uris(*, application: ApplicationStore) -> Sequence[RedirectUri]:
    """Return all return addresses, oldest first."""
    return application.redirect_uris()


def read_redirect_uri(*, redirect_uri_id: str, application: ApplicationStore) -> RedirectUri:
    """Return one return address. Raises NotFound."""
    return application.redirect_uri(redirect_uri_id)


def create_redirect_uri(
    *,
    url: str,
    platform: str,
    settings: Mapping[str, Any],
    application: ApplicationStore,
    clock: Clock,
) -> RedirectUri:
    """Register a return address. Raises InvalidRequest, and Conflict when it is there already."""
    redirect_uri = RedirectUri(
        id=new_token()[:22], url=url, platform=platform, settings=settings, created_at=clock.now()
    )
    _check(redirect_uri, application)
    application.put_redirect_uri(redirect_uri)
    return redirect_uri


def update_redirect_uri(
    *, redirect_uri_id: str, changes: Mapping[str, Any], application: ApplicationStore
) -> RedirectUri:
    """Change the named parts of a return address. Raises NotFound, InvalidRequest."""
    redirect_uri = replace(application.redirect_uri(redirect_uri_id), **changes)
    _check(redirect_uri, application)
    application.put_redirect_uri(redirect_uri)
    return redirect_uri


def delete_redirect_uri(*, redirect_uri_id: str, application: ApplicationStore) -> None:
    """Remove a return address. Raises NotFound."""
    application.delete_redirect_uri(redirect_uri_id)


def _check(redirect_uri: RedirectUri, application: ApplicationStore) -> None:
    """Refuse what is there already, and what a code must not be sent to.

    RFC 6749 section 3.1.2, RFC 8252 section 7.
    """
    url = redirect_uri.url
    for known in application.redirect_uris():
        if known.url == url and known.id != redirect_uri.id:
            raise Conflict("This redirect URI is registered already.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidRequest("This is not an address.", field="url") from None
    if not parts.scheme or parts.scheme in {"javascript", "data", "file", "vbscript"}:
        raise InvalidRequest("Give an absolute address, with its scheme.", field="url")
    if parts.fragment or "#" in url:
        raise InvalidRequest("A redirect URI has no fragment ('#…').", field="url")
    if parts.scheme in {"http", "https"} and not parts.hostname:
        raise InvalidRequest("This address names no host.", field="url")
    if redirect_uri.platform == "web" and parts.scheme not in {"http", "https"}:
        raise InvalidRequest("A web application is reached by https.", field="url")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
        raise InvalidRequest("Use https; http is for this computer only.", field="url")
