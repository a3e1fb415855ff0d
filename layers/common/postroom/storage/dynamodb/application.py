"""The application's profile and return addresses, in one small partition.

What the administrator may set freely stands as JSON text: it may hold fractions, which the table
would want as decimals.
"""

import json
from collections.abc import Sequence

from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.errors import NotFound
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.table import Table


class DynamoApplicationStore:
    """The application in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def profile(self) -> ApplicationProfile:
        """Return the profile; an empty one when nothing was ever saved."""
        row = self._table.get(keys.PROFILE)
        return (
            ApplicationProfile()
            if row is None
            else ApplicationProfile(**json.loads(row["profile"]))
        )

    def save_profile(self, profile: ApplicationProfile) -> None:
        """Replace the profile."""
        content = {
            "branding": dict(profile.branding),
            "hosted_authentication": dict(profile.hosted_authentication),
            "idp_settings": dict(profile.idp_settings),
            "domain": profile.domain,
        }
        self._table.put(keys.PROFILE, {"profile": json.dumps(content)})

    def redirect_uris(self) -> Sequence[RedirectUri]:
        """Return all return addresses, oldest first."""
        rows = self._table.query(
            keys.APPLICATION, "begins_with(#sk, :prefix)", {"prefix": keys.REDIRECT_URI_PREFIX}
        )
        return sorted(map(_redirect_uri, rows), key=lambda each: (each.created_at, each.id))

    def redirect_uri(self, redirect_uri_id: str) -> RedirectUri:
        """Return one. Raises NotFound."""
        row = self._table.get(keys.redirect_uri(redirect_uri_id))
        if row is None:
            raise NotFound("There is no such redirect URI.")
        return _redirect_uri(row)

    def put_redirect_uri(self, redirect_uri: RedirectUri) -> None:
        """Add or replace one by its id."""
        row = {
            "id": redirect_uri.id,
            "url": redirect_uri.url,
            "platform": redirect_uri.platform,
            "settings": json.dumps(dict(redirect_uri.settings)),
            "created_at": to_text(redirect_uri.created_at),
        }
        self._table.put(keys.redirect_uri(redirect_uri.id), row)

    def delete_redirect_uri(self, redirect_uri_id: str) -> None:
        """Remove one. Raises NotFound."""
        self.redirect_uri(redirect_uri_id)
        self._table.delete(keys.redirect_uri(redirect_uri_id))


def _redirect_uri(row: Row) -> RedirectUri:
    return RedirectUri(
        id=row["id"],
        url=row["url"],
        platform=row["platform"],
        settings=json.loads(row["settings"]),
        created_at=from_text(row["created_at"]),
    )
