"""The addresses of Microsoft, and the one way to replace them all by a simulator's."""

from dataclasses import dataclass

import httpx

from postroom.providers.links import is_served_by, origin, parsed_link
from postroom.providers.refusals import ServerFailed

_UPLOAD_DOMAINS = ("office.com", "office365.com")
"""Where Outlook takes uploads: hosts like outlook.office.com. Documented by examples alone, at
https://learn.microsoft.com/en-us/graph/outlook-large-attachments"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where Microsoft is reached. `me` is the mailbox that the access token belongs to.

    A tenant is `common`, `organizations`, `consumers`, a directory's id or one of its domains.
    https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints and
    https://learn.microsoft.com/en-us/graph/use-the-api
    """

    login: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com/v1.0"
    upload_origin: str = ""
    """The only place that takes uploads; empty means Outlook's own hosts."""

    def authorize(self, tenant: str) -> str:
        """Return the address of the consent page."""
        return f"{self.login}/{tenant}/oauth2/v2.0/authorize"

    def token(self, tenant: str) -> str:
        """Return the address of the token endpoint."""
        return f"{self.login}/{tenant}/oauth2/v2.0/token"

    def keys(self, tenant: str) -> str:
        """Return the address of the keys that sign id tokens."""
        return f"{self.login}/{tenant}/discovery/v2.0/keys"

    def admin_consent(self, tenant: str) -> str:
        """Return the address where an administrator allows an application for everybody."""
        return f"{self.login}/{tenant}/v2.0/adminconsent"

    def checked_link(self, link: str) -> httpx.URL:
        """Return a link that Graph gave (nextLink, deltaLink), to be called with a token.

        Raises ServerFailed when it leads anywhere else than to Graph: the token would follow.
        """
        url = parsed_link(link)
        if url is None or origin(url) != origin(httpx.URL(self.graph)):
            raise ServerFailed("a link in an answer leads away from the provider")
        return url

    def checked_upload_link(self, link: str) -> httpx.URL:
        """Return the address of an upload session, to be called without a token.

        Raises ServerFailed when it leads anywhere else than to Outlook: a file would follow.
        """
        url = parsed_link(link)
        if url is not None and self._takes_uploads(url):
            return url
        raise ServerFailed("an upload address leads away from the provider")

    def _takes_uploads(self, url: httpx.URL) -> bool:
        if self.upload_origin:
            return origin(url) == origin(httpx.URL(self.upload_origin))
        return is_served_by(url, *_UPLOAD_DOMAINS)


def endpoints(simulator_url: str = "") -> Endpoints:
    """Return Microsoft's addresses, or those of a simulator when its address is given."""
    if not simulator_url:
        return Endpoints()
    base = simulator_url.rstrip("/")
    return Endpoints(login=base, graph=f"{base}/v1.0", upload_origin=base)
