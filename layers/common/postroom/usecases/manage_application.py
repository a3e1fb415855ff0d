"""The application's profile and the addresses that people may be sent back to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from postroom.domain.application import ApplicationProfile, RedirectUri, WantedRedirectUri
from postroom.domain.errors import Conflict, InvalidRequest
from postroom.domain.ids import new_token
from postroom.ports import ApplicationStore, Clock

_HOST = re.compile(r"([\w-]+\.)*[\w-]+\.?|[0-9a-f:.]+")
"""A name, also of other alphabets, or an IP address."""
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def read_profile(*, application: ApplicationStore) -> ApplicationProfile:
    """Return what the administrator said about the application."""
    return application.profile()


def update_application(
    *,
    changes: Mapping[str, Any],
    redirect_uris: Sequence[WantedRedirectUri] | None,
    application: ApplicationStore,
    clock: Clock,
) -> ApplicationProfile:
    """Replace the named parts of the profile, each as a whole, and all return addresses.

    Those that are left out are removed; None leaves them as they are. Nothing is changed unless
    everything can be. Raises InvalidRequest.
    """
    known = {each.id: each for each in application.redirect_uris()}
    wanted = None if redirect_uris is None else _wanted(redirect_uris, known, clock.now())
    profile = replace(application.profile(), **changes)
    application.save_profile(profile)
    if wanted is not None:
        # The new ones first: whoever repeats what broke off in between finds them by address.
        for each in wanted:
            if each != known.get(each.id):
                application.put_redirect_uri(each)
        for left_out in known.keys() - {each.id for each in wanted}:
            application.delete_redirect_uri(left_out)
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


def _wanted(
    wanted: Sequence[WantedRedirectUri], known: Mapping[str, RedirectUri], now: datetime
) -> list[RedirectUri]:
    """Return the return addresses that there shall be. Raises InvalidRequest naming which."""
    named = {each.id for each in wanted if each.id}
    by_url = {each.url: each for each in known.values() if each.id not in named}
    found: list[RedirectUri] = []
    for index, each in enumerate(wanted):
        field = f"callback_uris.{index}"
        if each.id and each.id not in known:
            raise InvalidRequest("There is no such redirect URI.", field=f"{field}.id")
        if each.id in {earlier.id for earlier in found}:
            raise InvalidRequest("This redirect URI stands there twice.", field=f"{field}.id")
        if each.url in {earlier.url for earlier in found}:
            raise InvalidRequest("This address stands there twice.", field=f"{field}.url")
        before = known.get(each.id) or by_url.get(each.url)
        if before is None:
            # In the order in which they are given, which lists keep.
            created_at = now + timedelta(microseconds=index)
            before = RedirectUri(
                id=new_token()[:22], url=each.url, platform="web", created_at=created_at
            )
        redirect_uri = replace(
            before,
            url=each.url,
            platform=before.platform if each.platform is None else each.platform,
            settings=before.settings if each.settings is None else each.settings,
        )
        _check_address(redirect_uri, field=f"{field}.url")
        found.append(redirect_uri)
    return found


def _check(redirect_uri: RedirectUri, application: ApplicationStore) -> None:
    """Refuse what is there already, and what a code must not be sent to."""
    for known in application.redirect_uris():
        if known.url == redirect_uri.url and known.id != redirect_uri.id:
            raise Conflict("This redirect URI is registered already.")
    _check_address(redirect_uri, field="url")


def _check_address(redirect_uri: RedirectUri, *, field: str) -> None:
    """Refuse what a code must not be sent to: RFC 6749 section 3.1.2, RFC 8252 section 7."""
    url = redirect_uri.url
    try:
        parts = urlsplit(url)
        _ = parts.port  # ValueError beyond 65535
    except ValueError:
        raise InvalidRequest("This is not an address.", field=field) from None
    if re.search(r"\s", url):
        raise InvalidRequest("An address has no spaces: write them as %20.", field=field)
    if not parts.scheme or parts.scheme in {"javascript", "data", "file", "vbscript"}:
        raise InvalidRequest("Give an absolute address, with its scheme.", field=field)
    if parts.fragment or "#" in url:
        raise InvalidRequest("A redirect URI has no fragment ('#…').", field=field)
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            raise InvalidRequest("This address names no host.", field=field)
        if not _HOST.fullmatch(parts.hostname):
            raise InvalidRequest(
                "This names no host that people can be sent to: addresses are matched exactly, "
                "without '*'.",
                field=field,
            )
    if redirect_uri.platform == "web" and parts.scheme not in {"http", "https"}:
        raise InvalidRequest("A web application is reached by https.", field=field)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
        raise InvalidRequest("Use https; http is for this computer only.", field=field)
