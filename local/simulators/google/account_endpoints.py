"""`users.getProfile`, `history.list`, `watch`, `stop` and `settings.sendAs`."""

import re
from typing import Any

from local.simulators.google.errors import GmailError, invalid, not_found
from local.simulators.google.gmail_call import GmailCall, Json, texts
from local.simulators.google.mailbox import HistoryRecord, Watch

WATCH_MS = 7 * 24 * 3600 * 1000
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+")
_WRITABLE = frozenset({"displayName", "signature"})
_KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}


def get_profile(call: GmailCall) -> Json:
    """`getProfile`."""
    return {
        "emailAddress": call.mailbox.address,
        "messagesTotal": len(call.mailbox.messages),
        "threadsTotal": len(call.mailbox.threads),
        "historyId": str(call.mailbox.history_id),
    }


def list_history(call: GmailCall) -> Json:
    """`history.list`. Filters apply after a page is cut, so that pages may come out empty.

    https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
    """
    start = call.argument("startHistoryId") or ""
    if not start.isdigit() or int(start) >= 2**64:
        raise invalid("Missing or invalid startHistoryId")
    kinds = set(call.request.args.getlist("historyTypes")) or set(_KINDS)
    if not kinds <= _KINDS.keys():
        raise invalid("Invalid value at 'history_types'")
    label_id = call.argument("labelId")
    if label_id and label_id not in call.mailbox.labels:
        raise invalid(f"Invalid label: {label_id}")
    records = call.mailbox.history_after(int(start))
    after = _resume_after(call)
    rest = [record for record in records if record.id > after]
    limit = call.page_limit()
    if call.settings.page_size is not None and not after and len(rest) > limit:
        limit = 0
    page = rest[:limit]
    body: Json = {"historyId": str(call.mailbox.history_id)}
    wanted = [r for r in page if r.kind in kinds and (not label_id or label_id in _labels(r))]
    if wanted:
        body["history"] = [_render(record) for record in wanted]
    if len(rest) > limit:
        body["nextPageToken"] = str(page[-1].id if page else start)
    return body


def watch(call: GmailCall) -> Json:
    """`watch`: one topic per mailbox and developer, for seven days."""
    body = call.json()
    topic = body.get("topicName")
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        raise invalid("Invalid topicName does not match projects/*/topics/*")
    label_ids = texts(body, "labelIds", 100)
    for label_id in label_ids:
        if label_id not in call.mailbox.labels:
            raise invalid(f"Invalid label: {label_id}")
    now_ms = call.clock.now_ms()
    old = call.mailbox.watch
    if old is not None and old.topic != topic and old.expires_ms > now_ms:
        raise GmailError(
            400,
            "Only one user push notification client allowed per developer "
            "(call /stop then try again)",
            "failedPrecondition",
            status_name="FAILED_PRECONDITION",
        )
    behaviour = body.get("labelFilterBehavior") or body.get("labelFilterAction") or "include"
    exclude = str(behaviour).lower() == "exclude"
    expires_ms = now_ms + WATCH_MS
    call.mailbox.watch = Watch(topic, frozenset(label_ids), exclude, expires_ms)
    call.mailbox.announced_history_id = call.mailbox.history_id
    return {"historyId": str(call.mailbox.history_id), "expiration": str(expires_ms)}


def stop(call: GmailCall) -> None:
    """`stop`: also fine when there is no watch."""
    call.mailbox.watch = None


def list_send_as(call: GmailCall) -> Json:
    """`settings.sendAs.list`: the account's own address, then its aliases.

    https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs
    """
    addresses = (call.mailbox.address, *call.mailbox.aliases)
    return {"sendAs": [_send_as(call, address) for address in addresses]}


def get_send_as(call: GmailCall) -> Json:
    """`settings.sendAs.get`."""
    return _send_as(call, _known_address(call))


def patch_send_as(call: GmailCall) -> Json:
    """`settings.sendAs.patch`, of a name and a signature."""
    address, body = _known_address(call), call.json()
    if not body.keys() <= _WRITABLE or not all(isinstance(each, str) for each in body.values()):
        raise invalid("Invalid sendAs resource")
    call.mailbox.send_as.setdefault(address, {}).update(body)
    return _send_as(call, address)


def _known_address(call: GmailCall) -> str:
    wanted = call.path["address"].lower()
    if wanted not in {call.mailbox.address, *call.mailbox.aliases}:
        raise not_found()
    return wanted


def _send_as(call: GmailCall, address: str) -> Json:
    """Render an address; an alias with no name of its own shows the account's."""
    written = call.mailbox.send_as.get(address, {})
    if address == call.mailbox.address:
        return {
            "sendAsEmail": address,
            "displayName": call.mailbox.name,
            "replyToAddress": "",
            "signature": "",
            "isPrimary": True,
            "isDefault": True,
            **written,
        }
    return {
        "sendAsEmail": address,
        "displayName": "",
        "replyToAddress": "",
        "signature": "",
        "isPrimary": False,
        "isDefault": False,
        "treatAsAlias": True,
        "verificationStatus": "accepted",
        **written,
    }


def _resume_after(call: GmailCall) -> int:
    token = call.argument("pageToken") or "0"
    if not token.isdigit():
        raise invalid("Invalid pageToken")
    return int(token)


def _labels(record: HistoryRecord) -> set[str]:
    return {*record.label_ids, *record.delta}


def _render(record: HistoryRecord) -> Json:
    message: Json = {"id": record.message_id, "threadId": record.thread_id}
    change: dict[str, Any] = {"message": dict(message)}
    if record.label_ids:
        change["message"]["labelIds"] = list(record.label_ids)
    if record.delta:
        change["labelIds"] = list(record.delta)
    return {"id": str(record.id), "messages": [message], _KINDS[record.kind]: [change]}
