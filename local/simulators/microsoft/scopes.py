"""Delegated permissions of Graph, and which of them let a token do what.

https://learn.microsoft.com/en-us/graph/permissions-reference
"""

from collections.abc import Iterable

RESOURCE = "https://graph.microsoft.com/"
OFFLINE = "offline_access"
OPENID = frozenset({"openid", "profile", "email", OFFLINE})
"""What OpenID Connect defines, and no consent to Graph contains."""

MEANINGS = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    OFFLINE: "Maintain access to data you have given it access to",
    "User.Read": "Sign you in and read your profile",
    "Mail.Read": "Read your mail",
    "Mail.ReadWrite": "Read and write access to your mail",
    "Mail.Send": "Send mail as you",
    "MailboxSettings.Read": "Read your mailbox settings",
}
"""What the consent page says of a scope."""


def short_names(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes without the address of Graph, which may stand before each."""
    return frozenset(scope.removeprefix(RESOURCE) for scope in scopes)
