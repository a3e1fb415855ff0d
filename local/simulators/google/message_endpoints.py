"""`users.messages` and `users.threads`."""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import cast

from local.simulators import mime
from local.simulators.google.errors import GmailError, invalid
from local.simulators.google.gmail_call import GmailCall, Json, texts
from local.simulators.google.labels import NOT_SETTABLE
from local.simulators.google.mailbox import Mailbox, StoredMessage
from local.simulators.google.rendering import Format, attachment, render_message, snippet
from local.simulators.google.scopes import only_metadata
from local.simulators.google.search import Query

_ID = re.compile(r"[0-9a-f]{1,16}")
HIDDEN = frozenset({"TRASH", "SPAM"})


def list_messages(call: GmailCall) -> Json:
    """`messages.list`: newest first; a page token stays good while mail arrives."""
    limit = call.page_limit()
    page: list[StoredMessage] = []
    more = False
    for message in _found(call, page_position(call)):
        if len(page) == limit:
            more = True
            break
        page.append(message)
    body: Json = {"resultSizeEstimate": len(call.mailbox.messages) if more else len(page)}
    if page:
        body["messages"] = [{"id": each.id, "threadId": each.thread_id} for each in page]
    if more:
        body["nextPageToken"] = page_token(page[-1])
    return body


def list_threads(call: GmailCall) -> Json:
    """`threads.list`: by their newest message that fits."""
    limit = call.page_limit()
    start = page_position(call)
    seen = {m.thread_id for m in _found(call, None) if m.position >= start} if start else set()
    page: list[StoredMessage] = []
    more = False
    for message in _found(call, start):
        if message.thread_id in seen:
            continue
        if len(page) == limit:
            more = True
            break
        seen.add(message.thread_id)
        page.append(message)
    body: Json = {"resultSizeEstimate": len(call.mailbox.threads) if more else len(page)}
    if page:
        body["threads"] = [_thread_summary(call.mailbox, each.thread_id) for each in page]
    if more:
        body["nextPageToken"] = page_token(page[-1])
    return body


def get_message(call: GmailCall) -> Json:
    """`messages.get` in all four formats."""
    return rendered(
        call, _message(call), wanted_format(call, {"full", "metadata", "minimal", "raw"})
    )


def get_thread(call: GmailCall) -> Json:
    """`threads.get`: its messages, oldest first; `raw` is not offered."""
    form = wanted_format(call, {"full", "metadata", "minimal"})
    messages = _thread(call)
    return {
        "id": messages[0].thread_id,
        "historyId": str(max(message.history_id for message in messages)),
        "messages": [rendered(call, message, form) for message in messages],
    }


def get_attachment(call: GmailCall) -> Json:
    """`messages.attachments.get`."""
    return attachment(_message(call), call.path["attachment_id"])


def modify_message(call: GmailCall) -> Json:
    """`messages.modify`."""
    message = _message(call)
    add, remove = _label_changes(call, call.json())
    call.mailbox.change_labels(message, add, remove)
    return short(message)


def modify_thread(call: GmailCall) -> Json:
    """`threads.modify`: all messages of the thread."""
    messages = _thread(call)
    add, remove = _label_changes(call, call.json())
    for message in messages:
        call.mailbox.change_labels(message, add, remove)
    return _short_thread(messages)


def batch_modify(call: GmailCall) -> None:
    """`messages.batchModify`: ids that are gone are passed over."""
    body = call.json()
    add, remove = _label_changes(call, body)
    for message in _messages(call.mailbox, texts(body, "ids", 1000)):
        call.mailbox.change_labels(message, add, remove)


def batch_delete(call: GmailCall) -> None:
    """`messages.batchDelete`: for ever."""
    for message in _messages(call.mailbox, texts(call.json(), "ids", 1000)):
        call.mailbox.remove(message)


def trash_message(call: GmailCall) -> Json:
    """`messages.trash`."""
    message = _message(call)
    call.mailbox.trash(message)
    return short(message)


def untrash_message(call: GmailCall) -> Json:
    """`messages.untrash`: back among all mail, not into the inbox."""
    message = _message(call)
    call.mailbox.change_labels(message, [], ["TRASH"])
    return short(message)


def delete_message(call: GmailCall) -> None:
    """`messages.delete`: for ever."""
    call.mailbox.remove(_message(call))


def trash_thread(call: GmailCall) -> Json:
    """`threads.trash`."""
    messages = _thread(call)
    for message in messages:
        call.mailbox.trash(message)
    return _short_thread(messages)


def untrash_thread(call: GmailCall) -> Json:
    """`threads.untrash`."""
    messages = _thread(call)
    for message in messages:
        call.mailbox.change_labels(message, [], ["TRASH"])
    return _short_thread(messages)


def delete_thread(call: GmailCall) -> None:
    """`threads.delete`: all its messages, for ever."""
    for message in _thread(call):
        call.mailbox.remove(message)


def _found(call: GmailCall, before: tuple[int, int] | None) -> Iterator[StoredMessage]:
    if call.argument("q") and only_metadata(call.scopes):
        raise GmailError(403, "Metadata scope does not support 'q' parameter", "forbidden")
    query = Query(call.argument("q") or "", call.mailbox)
    wanted = set(call.request.args.getlist("labelIds"))
    for label_id in wanted - call.mailbox.labels.keys():
        raise invalid(f"Invalid label: {label_id}")
    hidden = HIDDEN - wanted
    if call.flag("includeSpamTrash") or query.everywhere:
        hidden = frozenset()
    candidates: Iterable[StoredMessage] = call.mailbox.newest_first(before)
    if query.internet_message_id is not None:
        same_id = call.mailbox.with_internet_message_id(query.internet_message_id)
        ordered = sorted(same_id, key=lambda message: message.position, reverse=True)
        candidates = [m for m in ordered if before is None or m.position < before]
    for message in candidates:
        if (
            wanted <= message.label_ids
            and not hidden & message.label_ids
            and query.matches(message)
        ):
            yield message


def page_token(last: StoredMessage) -> str:
    """Return the token of the page that begins after a message."""
    return base64.urlsafe_b64encode(f"{last.internal_date_ms}.{last.sequence}".encode()).decode()


def page_position(call: GmailCall) -> tuple[int, int] | None:
    """Return where the wanted page begins; raises a 400 GmailError."""
    token = call.argument("pageToken")
    if not token:
        return None
    try:
        date_ms, sequence = base64.urlsafe_b64decode(token).decode().split(".")
        return int(date_ms), int(sequence)
    except ValueError:
        raise invalid("Invalid pageToken") from None


def _message(call: GmailCall) -> StoredMessage:
    message_id = call.path["id"]
    if not _ID.fullmatch(message_id):
        raise invalid("Invalid id value")
    return call.mailbox.message(message_id)


def _messages(mailbox: Mailbox, ids: list[str]) -> list[StoredMessage]:
    if not ids:
        raise invalid("No message ids specified")
    return [mailbox.messages[each] for each in dict.fromkeys(ids) if each in mailbox.messages]


def _thread(call: GmailCall) -> list[StoredMessage]:
    if not _ID.fullmatch(call.path["id"]):
        raise invalid("Invalid id value")
    return call.mailbox.thread(call.path["id"])


def wanted_format(call: GmailCall, allowed: set[str]) -> Format:
    """Return the format that is asked for; raises a 400 or 403 GmailError."""
    form = (call.argument("format") or "full").lower()
    if form not in allowed:
        raise invalid(f"Invalid value at 'format', \"{form}\"")
    if form in {"full", "raw"} and only_metadata(call.scopes):
        raise GmailError(403, f"Metadata scope doesn't allow format {form.upper()}", "forbidden")
    return cast("Format", form)


def rendered(call: GmailCall, message: StoredMessage, form: Format) -> Json:
    """Return a message as the call wants it."""
    return render_message(
        message,
        form,
        metadata_headers=call.request.args.getlist("metadataHeaders"),
        decoded=call.settings.text == "decoded",
    )


def short(message: StoredMessage) -> Json:
    """Return a message as the answer to a change has it."""
    body: Json = {"id": message.id, "threadId": message.thread_id}
    if message.label_ids:
        body["labelIds"] = sorted(message.label_ids)
    return body


def _short_thread(messages: list[StoredMessage]) -> Json:
    return {"id": messages[0].thread_id, "messages": [short(message) for message in messages]}


def _thread_summary(mailbox: Mailbox, thread_id: str) -> Json:
    messages = mailbox.thread(thread_id)
    return {
        "id": thread_id,
        "snippet": snippet(mime.parse(messages[-1].raw)),
        "historyId": str(max(message.history_id for message in messages)),
    }


def _label_changes(call: GmailCall, body: Json) -> tuple[list[str], list[str]]:
    add = texts(body, "addLabelIds", 100)
    remove = texts(body, "removeLabelIds", 100)
    if not add and not remove:
        raise invalid("No label add or removes specified")
    for label_id in [*add, *remove]:
        if label_id not in call.mailbox.labels or label_id in NOT_SETTABLE:
            raise invalid(f"Invalid label: {label_id}")
    for label_id in set(add) & set(remove):
        raise invalid(f"Cannot both add and remove the same label: {label_id}")
    return add, remove
