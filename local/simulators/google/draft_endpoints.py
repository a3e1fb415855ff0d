"""`users.drafts`: a stable id around a message that is replaced with every change.

    create ─► message, DRAFT ─► update: messageAdded (new id), messageDeleted (old id) ─► …
                                send: messageDeleted, messageAdded (new id, SENT)
                                delete: messageDeleted, for ever

https://developers.google.com/workspace/gmail/api/guides/drafts
"""

from local.simulators.google.errors import invalid
from local.simulators.google.gmail_call import GmailCall, Json
from local.simulators.google.mailbox import StoredMessage
from local.simulators.google.message_endpoints import (
    HIDDEN,
    page_position,
    page_token,
    rendered,
    short,
    wanted_format,
)
from local.simulators.google.search import Query
from local.simulators.google.sending import MAX_SEND_BYTES, content_of, deliver, thread_for


def list_drafts(call: GmailCall) -> Json:
    """`drafts.list`: newest first; a page token stays good while drafts change."""
    query = Query(call.argument("q") or "", call.mailbox)
    everywhere = call.flag("includeSpamTrash") or query.everywhere
    before = page_position(call)
    found = [
        message
        for message in call.mailbox.drafts()
        if (before is None or message.position < before)
        and (everywhere or not HIDDEN & message.label_ids)
        and query.matches(message)
    ]
    limit = call.page_limit()
    page = found[:limit]
    body: Json = {"resultSizeEstimate": len(found)}
    if page:
        body["drafts"] = [_listed(message) for message in page]
    if len(found) > limit:
        body["nextPageToken"] = page_token(page[-1])
    return body


def get_draft(call: GmailCall) -> Json:
    """`drafts.get` in all four formats."""
    message = _draft(call)
    form = wanted_format(call, {"full", "metadata", "minimal", "raw"})
    return {"id": message.draft_id, "message": rendered(call, message, form)}


def create_draft(call: GmailCall) -> Json:
    """`drafts.create`: in the thread that is named, if it fits there."""
    metadata, raw = content_of(call, MAX_SEND_BYTES, within="message")
    thread_id = thread_for(call.mailbox, metadata, raw)
    return _answer(call.mailbox.add(raw, {"DRAFT"}, call.clock.now_ms(), thread_id))


def update_draft(call: GmailCall) -> Json:
    """`drafts.update`: another message in the place of the draft's."""
    old = _draft(call)
    metadata, raw = content_of(call, MAX_SEND_BYTES, within="message")
    thread_id = thread_for(call.mailbox, metadata, raw)
    return _answer(call.mailbox.replace_draft(old, raw, call.clock.now_ms(), thread_id))


def send_draft(call: GmailCall) -> Json:
    """`drafts.send`: as it is, or with another message in its place."""
    resource = call.json() if call.upload is None else call.upload[0]
    draft_id = resource.get("id")
    if not isinstance(draft_id, str) or not draft_id:
        raise invalid("Missing draft id")
    draft = call.mailbox.draft(draft_id)
    raw, thread_id = draft.raw, draft.thread_id
    if call.upload is not None or "raw" in (resource.get("message") or {}):
        metadata, raw = content_of(call, MAX_SEND_BYTES, within="message")
        thread_id = thread_for(call.mailbox, metadata, raw) or thread_id
    return short(deliver(call, raw, thread_id, draft=draft))


def delete_draft(call: GmailCall) -> None:
    """`drafts.delete`: not into the trash, but for ever."""
    call.mailbox.remove(_draft(call))


def _draft(call: GmailCall) -> StoredMessage:
    return call.mailbox.draft(call.path["id"])


def _listed(message: StoredMessage) -> Json:
    return {"id": message.draft_id, "message": {"id": message.id, "threadId": message.thread_id}}


def _answer(message: StoredMessage) -> Json:
    return {"id": message.draft_id, "message": short(message)}
