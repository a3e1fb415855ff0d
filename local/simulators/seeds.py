"""Plants the sample mail into empty mailboxes."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from html import escape

from local.simulators.provider import Change, SimulatedProvider
from local.simulators.sample_files import pdf, png
from local.simulators.seed_conversations import (
    CONVERSATIONS,
    GOOGLE_MAILBOXES,
    MICROSOFT_MAILBOXES,
    PEOPLE,
    Conversation,
    Letter,
)

__all__ = ["GOOGLE_MAILBOXES", "MICROSOFT_MAILBOXES", "plant"]

_UNREAD_FOR = timedelta(days=3)
_COLOURS = {"box": (120, 90, 60), "harbour": (40, 90, 140), "dinner": (150, 80, 60)}
_PAGES = {
    "newsletter": """<html><body style="background:#f3efe7;font-family:Georgia,serif">
<table width="100%" role="presentation"><tr><td align="center"><table width="560"
style="background:#fff;padding:24px"><tr><td><img src="cid:head@sample" width="512" height="96"
alt="The Slow Web"><h1 style="font-weight:normal">{subject}</h1><p>{text}</p><p><a
href="https://slowweb.example/read">Read on</a></p><hr><p style="color:#888;font-size:12px">You
get this letter because you asked for it. <a href="https://slowweb.example/bye">Unsubscribe</a>
<img src="https://slowweb.example/seen.gif" width="1" height="1" alt=""></p></td></tr></table>
</td></tr></table></body></html>""",
    "receipt": """<html><body><h2>{subject}</h2><p>{text}</p><table border="1" cellpadding="6">
<tr><th>Status</th><td>confirmed</td></tr></table></body></html>""",
    "picture": """<html><body><p>{text}</p><p><img src="cid:head@sample" width="512" alt=""></p>
</body></html>""",
}


def plant(provider: SimulatedProvider, mailboxes: Mapping[str, str]) -> None:
    """Make the mailboxes (address to name) and deliver everyone's mail in order of time."""
    for address, name in mailboxes.items():
        provider.create_mailbox(address, name)
    now = datetime.now(UTC).replace(microsecond=0)
    dated = [
        (when, conversation, number, letter)
        for conversation in CONVERSATIONS
        for when, number, letter in _dated(conversation, now)
    ]
    for when, conversation, number, letter in sorted(dated, key=lambda each: each[0]):
        raw = _message(conversation, number, letter, when).as_bytes()
        for person in conversation.people:
            _, address = PEOPLE[person]
            if address in mailboxes:
                sent = person == letter.sender
                message_id = provider.deliver(
                    address,
                    raw,
                    folder="sent" if sent else "inbox",
                    unread=not sent and now - when < _UNREAD_FOR,
                    starred=bool(letter.files) and number > 0,
                    received_at=when.timestamp(),
                )
                if conversation.label:
                    change = Change(op="label", id=message_id, folder=conversation.label)
                    provider.change(address, [change])


def _dated(conversation: Conversation, now: datetime) -> Iterator[tuple[datetime, int, Letter]]:
    when = now - timedelta(days=conversation.days_ago)
    for number, letter in enumerate(conversation.letters):
        when += timedelta(hours=letter.hours)
        yield min(when, now - timedelta(minutes=len(conversation.letters) - number)), number, letter


def _message(
    conversation: Conversation, number: int, letter: Letter, when: datetime
) -> EmailMessage:
    message = EmailMessage()
    others = [PEOPLE[person] for person in conversation.people if person != letter.sender]
    message["From"] = formataddr(PEOPLE[letter.sender])
    message["To"] = ", ".join(formataddr(other) for other in others)
    message["Subject"] = ("Re: " if number else "") + conversation.subject
    message["Date"] = format_datetime(when)
    message["Message-ID"] = _message_id(conversation, number)
    if number:
        message["In-Reply-To"] = _message_id(conversation, number - 1)
        message["References"] = " ".join(_message_id(conversation, n) for n in range(number))
    if letter.html == "newsletter":
        message["List-Unsubscribe"] = "<https://slowweb.example/bye>"
    message.set_content(letter.text)
    if letter.html:
        markup = escape(letter.text).replace("\n", "<br>")
        page = _PAGES[letter.html].format(subject=escape(conversation.subject), text=markup)
        message.add_alternative(page, subtype="html")
        if "cid:" in page:
            html_part = message.get_payload(1)
            if isinstance(html_part, EmailMessage):
                picture = png(512, 96, (70, 100, 120))
                html_part.add_related(picture, "image", "png", cid="<head@sample>")
    for name in letter.files:
        _attach(message, name)
    return message


def _message_id(conversation: Conversation, number: int) -> str:
    _, address = PEOPLE[conversation.people[0]]
    return f"<sample.{CONVERSATIONS.index(conversation)}.{number}@{address.split('@')[1]}>"


def _attach(message: EmailMessage, name: str) -> None:
    stem, _, kind = name.rpartition(".")
    if kind == "png":
        picture = png(320, 200, _COLOURS.get(stem, (60, 110, 160)))
        message.add_attachment(picture, "image", "png", filename=name)
    elif kind == "csv":
        message.add_attachment("print;width cm;height cm\n1;46;64\n2;46;64\n", "csv", filename=name)
    else:
        message.add_attachment(pdf(stem), "application", "pdf", filename=name)
