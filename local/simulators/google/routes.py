"""Every address of the simulator, by the method's name in Google's documentation."""

from collections.abc import Callable
from typing import Final

from werkzeug.routing import Map, Rule

from local.simulators.google import account_endpoints as account
from local.simulators.google import draft_endpoints as drafts
from local.simulators.google import label_endpoints as labels
from local.simulators.google import message_endpoints as messages
from local.simulators.google import sending
from local.simulators.google.gmail_call import GmailCall, Json

OAUTH: Final = {
    "authorize": (("GET", "POST"), "/o/oauth2/v2/auth"),
    "token": (("POST",), "/token"),
    "revoke": (("POST",), "/revoke"),
    "certs": (("GET",), "/oauth2/v3/certs"),
    "userinfo": (("GET", "POST"), "/v1/userinfo"),
}

_GMAIL: Final[dict[str, tuple[str, str, Callable[[GmailCall], Json | None]]]] = {
    "getProfile": ("GET", "/profile", account.get_profile),
    "watch": ("POST", "/watch", account.watch),
    "stop": ("POST", "/stop", account.stop),
    "history.list": ("GET", "/history", account.list_history),
    "settings.sendAs.list": ("GET", "/settings/sendAs", account.list_send_as),
    "settings.sendAs.get": ("GET", "/settings/sendAs/<address>", account.get_send_as),
    "settings.sendAs.patch": ("PATCH", "/settings/sendAs/<address>", account.patch_send_as),
    "labels.list": ("GET", "/labels", labels.list_labels),
    "labels.get": ("GET", "/labels/<id>", labels.get_label),
    "labels.create": ("POST", "/labels", labels.create_label),
    "labels.update": ("PUT", "/labels/<id>", labels.update_label),
    "labels.patch": ("PATCH", "/labels/<id>", labels.patch_label),
    "labels.delete": ("DELETE", "/labels/<id>", labels.delete_label),
    "messages.list": ("GET", "/messages", messages.list_messages),
    "messages.insert": ("POST", "/messages", sending.insert),
    "messages.import": ("POST", "/messages/import", sending.import_message),
    "messages.send": ("POST", "/messages/send", sending.send),
    "messages.batchModify": ("POST", "/messages/batchModify", messages.batch_modify),
    "messages.batchDelete": ("POST", "/messages/batchDelete", messages.batch_delete),
    "messages.get": ("GET", "/messages/<id>", messages.get_message),
    "messages.delete": ("DELETE", "/messages/<id>", messages.delete_message),
    "messages.modify": ("POST", "/messages/<id>/modify", messages.modify_message),
    "messages.trash": ("POST", "/messages/<id>/trash", messages.trash_message),
    "messages.untrash": ("POST", "/messages/<id>/untrash", messages.untrash_message),
    "messages.attachments.get": (
        "GET",
        "/messages/<id>/attachments/<attachment_id>",
        messages.get_attachment,
    ),
    "drafts.list": ("GET", "/drafts", drafts.list_drafts),
    "drafts.create": ("POST", "/drafts", drafts.create_draft),
    "drafts.send": ("POST", "/drafts/send", drafts.send_draft),
    "drafts.get": ("GET", "/drafts/<id>", drafts.get_draft),
    "drafts.update": ("PUT", "/drafts/<id>", drafts.update_draft),
    "drafts.delete": ("DELETE", "/drafts/<id>", drafts.delete_draft),
    "threads.list": ("GET", "/threads", messages.list_threads),
    "threads.get": ("GET", "/threads/<id>", messages.get_thread),
    "threads.delete": ("DELETE", "/threads/<id>", messages.delete_thread),
    "threads.modify": ("POST", "/threads/<id>/modify", messages.modify_thread),
    "threads.trash": ("POST", "/threads/<id>/trash", messages.trash_thread),
    "threads.untrash": ("POST", "/threads/<id>/untrash", messages.untrash_thread),
}
ENDPOINTS: Final = {name: endpoint for name, (_, _, endpoint) in _GMAIL.items()}
UPLOADABLE: Final = frozenset(
    {"messages.insert", "messages.import", "messages.send"}
    | {"drafts.create", "drafts.update", "drafts.send"}
)


def _rules() -> list[Rule]:
    user = "/gmail/v1/users/<user>"
    rules = [Rule(path, endpoint=name, methods=verbs) for name, (verbs, path) in OAUTH.items()]
    for name, (verb, path, _) in _GMAIL.items():
        rules.append(Rule(user + path, endpoint=name, methods=[verb]))
        if name in UPLOADABLE:
            rules += [
                Rule(prefix + user + path, endpoint=name, methods=["POST", "PUT"])
                for prefix in ("/upload", "/resumable/upload")
            ]
    batches = ("/batch", "/batch/gmail/v1")
    return rules + [Rule(path, endpoint="batch", methods=["POST"]) for path in batches]


ROUTES: Final = Map(_rules(), merge_slashes=False)
