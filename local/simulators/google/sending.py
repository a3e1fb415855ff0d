"""`messages.send`, `insert` and `import`: what becomes of an outgoing message.

https://developers.google.com/workspace/gmail/api/guides/sending
"""

import re
import secrets
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parsedate_to_datetime

from local.simulators import mime
from local.simulators.google.errors import GmailError, invalid, not_found
from local.simulators.google.gmail_call import GmailCall, Json, texts
from local.simulators.google.mailbox import Mailbox, StoredMessage
from local.simulators.google.rendering import from_base64url
from local.simulators.mailboxes import in_ascii

MAX_SEND_BYTES = 36_700_160
MAX_INSERT_BYTES = 157_286_400
MAX_RECIPIENTS = 500
_WELL_FORMED_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")


def send(call: GmailCall) -> Json:
    """`messages.send`: a copy with SENT, and one for each recipient."""
    metadata, raw = content_of(call, MAX_SEND_BYTES)
    sent = deliver(call, raw, thread_for(call.mailbox, metadata, raw))
    return {"id": sent.id, "threadId": sent.thread_id, "labelIds": sorted(sent.label_ids)}


def deliver(
    call: GmailCall, raw: bytes, thread_id: str | None, *, draft: StoredMessage | None = None
) -> StoredMessage:
    """Send a message, which takes the place of its draft; raises a 400 GmailError."""
    _check_limit(call)
    headers, _ = mime.split_headers(raw)
    recipients = [address for _, address in mime.addresses(headers, "To", "Cc", "Bcc")]
    recipients = list(dict.fromkeys(recipients))
    if not recipients:
        raise invalid("Recipient address required")
    if len(recipients) > MAX_RECIPIENTS:
        raise invalid("Too many recipients")
    raw = _completed(call, raw, headers)
    if draft is not None:
        call.mailbox.remove(draft)
    now_ms = call.clock.now_ms()
    sent = call.mailbox.add(raw, {"SENT"}, now_ms, thread_id)
    delivered = mime.rewrite_headers(raw, remove=["Bcc"])
    for recipient in recipients:
        mailbox = call.find_mailbox(recipient)
        if mailbox is call.mailbox:
            # Mail to oneself is one message in Gmail, sent and received at once.
            call.mailbox.change_labels(sent, ["INBOX", "UNREAD"], [])
        elif mailbox is not None:
            mailbox.add(delivered, {"INBOX", "UNREAD"}, now_ms)
        else:
            call.parting_letters.append((recipient, delivered))
    return sent


def _check_limit(call: GmailCall) -> None:
    """Refuse whoever has sent too much; raises a 429 GmailError that names the time."""
    free_at = call.settings.sending_free_at
    if free_at is None or call.clock.now_ms() >= free_at * 1000:
        return
    when = datetime.fromtimestamp(free_at, UTC).isoformat(timespec="milliseconds")
    raise GmailError(
        429,
        f"User-rate limit exceeded.  Retry after {when.replace('+00:00', 'Z')} (Mail sending)",
        "rateLimitExceeded",
    )


def insert(call: GmailCall) -> Json:
    """`messages.insert`: stored as it is, dated by its arrival unless told otherwise."""
    return _insert(call, default_date="receivedTime")


def import_message(call: GmailCall) -> Json:
    """`messages.import`: as `insert`, dated by its Date field unless told otherwise."""
    return _insert(call, default_date="dateHeader")


def _insert(call: GmailCall, default_date: str) -> Json:
    metadata, raw = content_of(call, MAX_INSERT_BYTES)
    label_ids = texts(metadata, "labelIds", 100)
    for label_id in label_ids:
        if label_id not in call.mailbox.labels:
            raise invalid(f"Invalid label: {label_id}")
    received_ms = call.clock.now_ms()
    if (call.argument("internalDateSource") or default_date) == "dateHeader":
        received_ms = _date_ms(raw) or received_ms
    thread_id = thread_for(call.mailbox, metadata, raw)
    stored = call.mailbox.add(raw, label_ids, received_ms, thread_id)
    body: Json = {"id": stored.id, "threadId": stored.thread_id}
    return {**body, "labelIds": sorted(stored.label_ids)} if stored.label_ids else body


def content_of(
    call: GmailCall, most_bytes: int, *, within: str | None = None
) -> tuple[Json, bytes]:
    """Return metadata and message from an upload or from the JSON body.

    `within` names where in the resource both stand, when that is not the message itself.
    """
    metadata = call.json() if call.upload is None else call.upload[0]
    if within is not None:
        metadata = metadata.get(within) or {}
        if not isinstance(metadata, dict):
            raise invalid(f"Invalid value at '{within}'")
    if call.upload is not None:
        raw = call.upload[1]
    else:
        try:
            raw = from_base64url(str(metadata.get("raw") or ""))
        except ValueError:
            raise invalid("Invalid value at 'raw' (TYPE_BYTES), Base64 decoding failed") from None
    if not raw:
        raise invalid(
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required"
        )
    if len(raw) > most_bytes:
        raise GmailError(413, "Request Entity Too Large", "uploadTooLarge")
    return metadata, raw


def _completed(call: GmailCall, raw: bytes, headers: list[tuple[str, str]]) -> bytes:
    """Put the account's own From where it is neither that nor an alias, and what is missing.

    Message-ID and Date may be.
    """
    put: list[tuple[str, str]] = []
    own = call.mailbox.address
    senders = [address for _, address in mime.addresses(headers, "From")]
    known = {in_ascii(each) for each in (own, *call.mailbox.aliases)}
    if len(senders) != 1 or in_ascii(senders[0]) not in known:
        name = call.mailbox.name
        shown = name if name.isascii() else Header(name, "utf-8").encode()
        put.append(("From", formataddr((shown, own)) if name else own))
    if not _WELL_FORMED_ID.fullmatch(mime.first_header(headers, "Message-ID")):
        put.append(("Message-ID", f"<CA+{secrets.token_urlsafe(24)}@mail.gmail.com>"))
    if not mime.first_header(headers, "Date"):
        put.append(("Date", format_datetime(call.clock.now())))
    return mime.rewrite_headers(raw, put=put) if put else raw


def thread_for(mailbox: Mailbox, metadata: Json, raw: bytes) -> str | None:
    """Return the wanted thread when subject and references fit it too; else its own decides."""
    thread_id = metadata.get("threadId")
    if not thread_id:
        return None
    if thread_id not in mailbox.threads:
        raise not_found()
    headers, _ = mime.split_headers(raw)
    fields = ("In-Reply-To", "References")
    referred = {i for f in fields for i in mime.message_ids(mime.first_header(headers, f))}
    subject = mime.subject_key(mime.first_header(headers, "Subject"))
    return (
        thread_id if any(_fits(m, referred, subject) for m in mailbox.thread(thread_id)) else None
    )


def _fits(message: StoredMessage, referred: set[str], subject: str) -> bool:
    return message.subject_key == subject and bool(referred & set(message.internet_message_ids))


def _date_ms(raw: bytes) -> int | None:
    headers, _ = mime.split_headers(raw)
    try:
        return int(parsedate_to_datetime(mime.first_header(headers, "Date")).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
