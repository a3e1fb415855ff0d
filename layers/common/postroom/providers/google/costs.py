"""What the calls of the Gmail API cost, in quota units (since May 2026).

https://developers.google.com/workspace/gmail/api/reference/quota
"""

import re

_COSTS = tuple(
    (method, re.compile(path), cost)
    for method, path, cost in (
        # The first row that fits decides. A message costs the same in whatever format.
        ("GET", r"profile", 1),
        ("GET", r"labels", 1),
        ("GET", r"settings/.+", 1),
        ("GET", r"history", 2),
        ("GET", r"messages", 5),
        ("GET", r"messages/[^/]*", 20),
        ("GET", r"messages/[^/]+/attachments/.+", 20),
        ("GET", r"labels/.+", 1),
        ("GET", r"threads/[^/]+", 40),
        ("POST", r"messages/[^/]+/modify", 5),
        ("POST", r"messages/batchModify", 50),
        ("POST", r"messages/[^/]+/trash", 20),
        ("POST", r"messages/send", 100),
        ("GET", r"drafts", 5),
        ("GET", r"drafts/[^/]+", 20),
        ("POST", r"drafts/send", 100),
        ("POST", r"drafts", 10),
        ("PUT", r"drafts/[^/]+", 15),
        ("DELETE", r"drafts/[^/]+", 10),
        ("DELETE", r"messages/[^/]+", 10),
        ("POST", r"watch", 100),
        ("POST", r"stop", 50),
    )
)

_CHANGE = 5
"""Of a label, and of whatever else is not named above."""


def cost_of(method: str, path: str) -> int:
    """Return what a call costs; `path` stands below `users/me/`, and may have a query."""
    path = path.partition("?")[0]
    return next(
        (cost for verb, form, cost in _COSTS if verb == method and form.fullmatch(path)), _CHANGE
    )
