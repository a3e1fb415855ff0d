"""Every address of the simulator, by the purpose of its call.

Keys may stand in parentheses, as in `mailFolders('inbox')`, and functions before an empty pair, as
in `delta()`: `plain_path` takes both out.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from werkzeug.routing import BaseConverter, Map, Rule

from local.simulators.microsoft import account_endpoints as account
from local.simulators.microsoft import attachment_endpoints as attachments
from local.simulators.microsoft import delta, ids, sending
from local.simulators.microsoft import folder_endpoints as folders
from local.simulators.microsoft import message_endpoints as messages
from local.simulators.microsoft import subscription_endpoints as subscriptions
from local.simulators.microsoft.graph_call import Answer, GraphCall

READ: Final = frozenset({"Mail.Read", "Mail.ReadWrite"})
WRITE: Final = frozenset({"Mail.ReadWrite"})
SEND: Final = frozenset({"Mail.Send"})
_ACCOUNT: Final = frozenset({"User.Read", "User.ReadWrite"})


class Endpoint(NamedTuple):
    """One call of the API: how it is addressed, what it needs, and what does it."""

    verb: str
    path: str
    do: Callable[[GraphCall], Answer]
    scopes: frozenset[str]
    """One of these is enough."""


OAUTH: Final = {
    "authorize": (("GET", "POST"), "/<tenant>/oauth2/v2.0/authorize"),
    "consent": (("POST",), "/<tenant>/oauth2/v2.0/consent"),
    "token": (("POST",), "/<tenant>/oauth2/v2.0/token"),
    "keys": (("GET",), "/<tenant>/discovery/v2.0/keys"),
    "openid_configuration": (("GET",), "/<tenant>/v2.0/.well-known/openid-configuration"),
    "admin_consent": (("GET", "POST"), "/<tenant>/v2.0/adminconsent"),
}
_FOLDER = "/mailFolders/<folder>"
_MESSAGE = "/messages/<item:id>"
_ATTACHMENTS = f"{_MESSAGE}/attachments"
_MAIL: Final = {
    "folders.list": Endpoint("GET", "/mailFolders", folders.list_folders, READ),
    "folders.create": Endpoint("POST", "/mailFolders", folders.create_folder, WRITE),
    "folders.delta": Endpoint("GET", "/mailFolders/delta", delta.folder_delta, READ),
    "folders.get": Endpoint("GET", _FOLDER, folders.get_folder, READ),
    "folders.update": Endpoint("PATCH", _FOLDER, folders.update_folder, WRITE),
    "folders.delete": Endpoint("DELETE", _FOLDER, folders.delete_folder, WRITE),
    "folders.move": Endpoint("POST", f"{_FOLDER}/move", folders.move_folder, WRITE),
    "folders.permanentDelete": Endpoint(
        "POST", f"{_FOLDER}/permanentDelete", folders.delete_folder_for_good, WRITE
    ),
    "folders.childFolders.list": Endpoint(
        "GET", f"{_FOLDER}/childFolders", folders.list_child_folders, READ
    ),
    "folders.childFolders.create": Endpoint(
        "POST", f"{_FOLDER}/childFolders", folders.create_child_folder, WRITE
    ),
    "messages.delta": Endpoint("GET", f"{_FOLDER}/messages/delta", delta.message_delta, READ),
    "messages.sendMail": Endpoint("POST", "/sendMail", sending.send_mail, SEND),
}
_MESSAGES: Final = {
    "messages.list": Endpoint("GET", "/messages", messages.list_messages, READ),
    "messages.count": Endpoint("GET", "/messages/$count", messages.count_messages, READ),
    "messages.create": Endpoint("POST", "/messages", sending.create_message, WRITE),
    "messages.get": Endpoint("GET", _MESSAGE, messages.get_message, READ),
    "messages.getMime": Endpoint("GET", f"{_MESSAGE}/$value", messages.get_mime, READ),
    "messages.putMime": Endpoint("PUT", f"{_MESSAGE}/$value", sending.replace_mime, WRITE),
    "messages.update": Endpoint("PATCH", _MESSAGE, messages.update_message, WRITE),
    "messages.delete": Endpoint("DELETE", _MESSAGE, messages.delete_message, WRITE),
    "messages.permanentDelete": Endpoint(
        "POST", f"{_MESSAGE}/permanentDelete", messages.delete_message_for_good, WRITE
    ),
    "messages.move": Endpoint("POST", f"{_MESSAGE}/move", messages.move_message, WRITE),
    "messages.copy": Endpoint("POST", f"{_MESSAGE}/copy", messages.copy_message, WRITE),
    "messages.send": Endpoint("POST", f"{_MESSAGE}/send", sending.send_draft, SEND),
    "messages.createReply": Endpoint(
        "POST", f"{_MESSAGE}/createReply", sending.create_reply, WRITE
    ),
    "messages.createReplyAll": Endpoint(
        "POST", f"{_MESSAGE}/createReplyAll", sending.create_reply_all, WRITE
    ),
    "messages.createForward": Endpoint(
        "POST", f"{_MESSAGE}/createForward", sending.create_forward, WRITE
    ),
    "messages.reply": Endpoint("POST", f"{_MESSAGE}/reply", sending.reply, SEND),
    "messages.replyAll": Endpoint("POST", f"{_MESSAGE}/replyAll", sending.reply_all, SEND),
    "messages.forward": Endpoint("POST", f"{_MESSAGE}/forward", sending.forward, SEND),
    "attachments.list": Endpoint("GET", _ATTACHMENTS, attachments.list_attachments, READ),
    "attachments.create": Endpoint("POST", _ATTACHMENTS, attachments.add_attachment, WRITE),
    "attachments.createUploadSession": Endpoint(
        "POST", f"{_ATTACHMENTS}/createUploadSession", attachments.create_upload_session, WRITE
    ),
    "attachments.get": Endpoint(
        "GET", f"{_ATTACHMENTS}/<item:attachment>", attachments.get_attachment, READ
    ),
    "attachments.getContent": Endpoint(
        "GET", f"{_ATTACHMENTS}/<item:attachment>/$value", attachments.get_attachment_content, READ
    ),
    "attachments.delete": Endpoint(
        "DELETE", f"{_ATTACHMENTS}/<item:attachment>", attachments.delete_attachment, WRITE
    ),
}
SUBSCRIPTIONS: Final = {
    "subscriptions.list": Endpoint("GET", "", subscriptions.list_subscriptions, READ),
    "subscriptions.create": Endpoint("POST", "", subscriptions.create_subscription, READ),
    "subscriptions.get": Endpoint("GET", "/<id>", subscriptions.get_subscription, READ),
    "subscriptions.update": Endpoint("PATCH", "/<id>", subscriptions.update_subscription, READ),
    "subscriptions.delete": Endpoint("DELETE", "/<id>", subscriptions.delete_subscription, READ),
    "subscriptions.reauthorize": Endpoint(
        "POST", "/<id>/reauthorize", subscriptions.reauthorize_subscription, READ
    ),
}
MAIL_ENDPOINTS: Final = {**_MAIL, **_MESSAGES, **SUBSCRIPTIONS}
"""Calls that need a mailbox."""
ACCOUNT_ENDPOINTS: Final = {"users.get": Endpoint("GET", "", account.get_user, _ACCOUNT)}
UPLOAD: Final = "attachments.upload"
BATCH: Final = "batch"
_KEY = re.compile(r"\(\s*'((?:[^']|'')*)'\s*\)")


class _ItemId(BaseConverter):
    """The id of a message or attachment; one that ends with a move may hold slashes."""

    part_isolating = False
    regex = (
        f"(?:{ids.ITEM_ID_PATTERN}{{{ids.STAY_ATTACHMENT_ID_LENGTH}}}"
        f"|{ids.ITEM_ID_PATTERN}{{{ids.STAY_ID_LENGTH}}}|[^/]+)"
    )


def plain_path(path: str) -> str:
    """Return an address with its keys as segments: `/Me/messages('x')` as `/me/messages/x`.

    Graph minds no case in names, and itself writes some with capitals, but in ids it does.
    """
    plain = _KEY.sub(lambda match: "/" + match[1].replace("''", "'"), path).removesuffix("()")
    return "/".join(_NAMES.get(segment.lower(), segment) for segment in plain.split("/"))


def _rules() -> list[Rule]:
    rules = [Rule(path, endpoint=name, methods=verbs) for name, (verbs, path) in OAUTH.items()]
    for owner in ("/v1.0/me", "/v1.0/users/<user>"):
        for name, endpoint in {**_MAIL, **ACCOUNT_ENDPOINTS}.items():
            rules.append(Rule(owner + endpoint.path, endpoint=name, methods=[endpoint.verb]))
        for name, endpoint in _MESSAGES.items():
            rules += [
                Rule(owner + inside + endpoint.path, endpoint=name, methods=[endpoint.verb])
                for inside in ("", _FOLDER)
            ]
    for name, endpoint in SUBSCRIPTIONS.items():
        path = f"/v1.0/subscriptions{endpoint.path}"
        rules.append(Rule(path, endpoint=name, methods=[endpoint.verb]))
    upload = "/api/v2.0/AttachmentSessions/<session>"
    rules.append(Rule(upload, endpoint=UPLOAD, methods=["GET", "PUT", "DELETE"]))
    rules.append(Rule("/v1.0/$batch", endpoint=BATCH, methods=["POST"]))
    return rules


ROUTES: Final = Map(_rules(), merge_slashes=False, converters={"item": _ItemId})
_NAMES: Final = {
    segment.lower(): segment
    for rule in ROUTES.iter_rules()
    for segment in rule.rule.split("/")
    if not segment.startswith("<")
}
"""The fixed segments of all addresses, by themselves in lower case."""
