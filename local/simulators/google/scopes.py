"""Which scopes let a token call which method.

From the bundled discovery document, `auth.oauth2.scopes` of each method.
"""

PREFIX = "https://www.googleapis.com/auth/"
FULL = "https://mail.google.com/"
MODIFY = f"{PREFIX}gmail.modify"
READONLY = f"{PREFIX}gmail.readonly"
COMPOSE = f"{PREFIX}gmail.compose"
SEND = f"{PREFIX}gmail.send"
METADATA = f"{PREFIX}gmail.metadata"
LABELS = f"{PREFIX}gmail.labels"
INSERT = f"{PREFIX}gmail.insert"
SETTINGS = f"{PREFIX}gmail.settings.basic"

_MODIFIES = frozenset({FULL, MODIFY})
_READS = _MODIFIES | {READONLY}
_READS_METADATA = _READS | {METADATA}
_DRAFTS = _MODIFIES | {COMPOSE}
_LABELS = _MODIFIES | {LABELS}

ALLOWED = {
    "getProfile": _READS_METADATA | {COMPOSE},
    "watch": _READS_METADATA,
    "stop": _READS_METADATA,
    "history.list": _READS_METADATA,
    "labels.list": _READS_METADATA | {LABELS},
    "labels.get": _READS_METADATA | {LABELS},
    "labels.create": _LABELS,
    "labels.update": _LABELS,
    "labels.patch": _LABELS,
    "labels.delete": _LABELS,
    "messages.list": _READS_METADATA,
    "messages.get": _READS_METADATA,
    "messages.attachments.get": _READS,
    "messages.modify": _MODIFIES,
    "messages.batchModify": _MODIFIES,
    "messages.trash": _MODIFIES,
    "messages.untrash": _MODIFIES,
    "messages.delete": frozenset({FULL}),
    "messages.batchDelete": frozenset({FULL}),
    "messages.send": _MODIFIES | {COMPOSE, SEND},
    "messages.insert": _MODIFIES | {INSERT},
    "messages.import": _MODIFIES | {INSERT},
    "drafts.list": _DRAFTS | {READONLY},
    "drafts.get": _DRAFTS | {READONLY},
    "drafts.create": _DRAFTS,
    "drafts.update": _DRAFTS,
    "drafts.send": _DRAFTS,
    "drafts.delete": _DRAFTS,
    "threads.list": _READS_METADATA,
    "threads.get": _READS_METADATA,
    "threads.modify": _MODIFIES,
    "threads.trash": _MODIFIES,
    "threads.untrash": _MODIFIES,
    "threads.delete": frozenset({FULL}),
    "settings.sendAs.list": _READS | {SETTINGS},
    "settings.sendAs.get": _READS | {SETTINGS},
    "settings.sendAs.patch": frozenset({SETTINGS, FULL}),
}

# Google answers with the long names of the two OpenID Connect scopes that people abbreviate.
LONG_NAMES = {"email": f"{PREFIX}userinfo.email", "profile": f"{PREFIX}userinfo.profile"}

MEANINGS = {
    FULL: "Read, compose, send and permanently delete all your email",
    MODIFY: "Read, compose and send emails, and manage your labels",
    READONLY: "View your email messages and settings",
    COMPOSE: "Manage drafts and send emails",
    SEND: "Send email on your behalf",
    METADATA: "View message metadata such as labels and headers",
}
"""What the consent page says of a scope."""
UNTICKABLE = frozenset({"openid", "email", "profile"})


def only_metadata(scopes: frozenset[str]) -> bool:
    """Return whether a token may read headers and labels, and nothing more."""
    return METADATA in scopes and not scopes & _READS
