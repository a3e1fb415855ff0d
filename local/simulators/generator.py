"""Generates any number of plausible messages, the same ones for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache

from local.simulators.sample_files import pdf

THREAD_MIX = {1: 0.6, 2: 0.15, 3: 0.1, 5: 0.08, 8: 0.05, 20: 0.02}
"""Share of threads by their number of messages."""
_BETWEEN_MESSAGES = timedelta(minutes=37)
_PEOPLE = (
    ("Lena Fischer", "lena.fischer@werkhof.example"),
    ("Tomás Herrera", "tomas@herrera.example"),
    ("Aiko Tanaka", "aiko.tanaka@hoshi.example"),
    ("Olivia Brandt", "olivia@brandt.example"),
    ("Ravi Menon", "ravi.menon@northlight.example"),
    ("Zofia Nowak", "zofia@nowak.example"),
    ("Ticket desk", "tickets@railway.example"),
)
_SUBJECTS = (
    "Draft of the agenda",
    "Rechnung für Oktober",
    "Réunion de jeudi",
    "Presupuesto del taller",
    "会議の資料について",
    "Photos from the weekend",
    "Your booking is confirmed",
    "Question about the delivery",
    "Zmiana terminu",
)
_SENTENCES = (
    "Could you have a look before Thursday?",
    "Anbei die Unterlagen, wie besprochen.",
    "Merci de confirmer votre présence.",
    "Te mando la versión corregida.",
    "ご確認をよろしくお願いいたします。",
    "The second page has the numbers we talked about.",
    "I will be on the train until four.",
    "Bis später und viele Grüße!",
)


@dataclass(frozen=True)
class GeneratedMessage:
    """One message and how it lies in the mailbox; `received_at` in seconds since the epoch."""

    raw: bytes
    folder: str
    unread: bool
    starred: bool
    received_at: float


def generate(
    owner: str, count: int, seed: int, end: datetime, thread_mix: dict[int, float] | None = None
) -> Iterator[GeneratedMessage]:
    """Yield `count` messages, oldest first, the last one received at `end`.

    Conversations run side by side, as they do in a real mailbox; a fifth of the replies are the
    owner's own.
    """
    dice = random.Random(f"{seed} {owner}")  # noqa: S311 - repeatable on purpose
    mix = thread_mix or THREAD_MIX
    open_threads: list[_Thread] = []
    for number in range(count):
        if len(open_threads) < 5:
            length = dice.choices(list(mix), list(mix.values()))[0]
            open_threads.append(_Thread(f"{seed}.{number}", length, dice))
        thread = dice.choice(open_threads)
        received = end - _BETWEEN_MESSAGES * (count - 1 - number)
        yield thread.next_message(owner, received, dice)
        if not thread.remaining:
            open_threads.remove(thread)


class _Thread:
    def __init__(self, key: str, length: int, dice: random.Random) -> None:
        self.key = key
        self.remaining = length
        self._ids: list[str] = []
        self._subject = dice.choice(_SUBJECTS)
        self._name, self._address = dice.choice(_PEOPLE)

    def next_message(self, owner: str, received: datetime, dice: random.Random) -> GeneratedMessage:
        sent = bool(self._ids) and dice.random() < 0.2
        other = f"{_word(self._name)} <{self._address}>"
        message_id = f"<{self.key}.{len(self._ids)}.{owner.replace('@', '.')}@generated.example>"
        head = [
            f"From: {owner if sent else other}",
            f"To: {other if sent else owner}",
            f"Subject: {_word(('Re: ' if self._ids else '') + self._subject)}",
            f"Date: {format_datetime(received)}",
            f"Message-ID: {message_id}",
            "MIME-Version: 1.0",
        ]
        if self._ids:
            head.append(f"In-Reply-To: {self._ids[-1]}")
            head.append("References: " + "\r\n ".join(self._ids[-8:]))
        self._ids.append(message_id)
        self.remaining -= 1
        head += _body(dice)
        return GeneratedMessage(
            raw="\r\n".join(head).encode(),
            folder="sent" if sent else "inbox" if dice.random() < 0.7 else "archive",
            unread=not sent and dice.random() < 0.25,
            starred=dice.random() < 0.05,
            received_at=int(received.timestamp()),
        )


def _body(dice: random.Random) -> list[str]:
    sentences = [dice.choice(_SENTENCES) for _ in range(dice.randint(2, 12))]
    text = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""]
    text += sentences
    kind = dice.random()
    if kind < 0.5:
        return text
    if kind < 0.9:
        markup = "".join(f"<p>{sentence}</p>" for sentence in sentences)
        page = ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""]
        return _multipart("alternative", text, [*page, f"<html><body>{markup}</body></html>"])
    return _multipart("mixed", text, list(_attachment()))


def _multipart(kind: str, *parts: list[str]) -> list[str]:
    lines = [f'Content-Type: multipart/{kind}; boundary="=_part"', ""]
    for part in parts:
        lines += ["--=_part", *part]
    return [*lines, "--=_part--", ""]


@cache
def _attachment() -> tuple[str, ...]:
    import base64

    encoded = base64.encodebytes(pdf("Summary")).decode().splitlines()
    return (
        'Content-Type: application/pdf; name="summary.pdf"',
        'Content-Disposition: attachment; filename="summary.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        *encoded,
    )


@cache
def _word(text: str) -> str:
    """Return the text as RFC 2047 wants it in a header."""
    from email.header import Header

    return text if text.isascii() else Header(text, "utf-8", maxlinelen=1000).encode()
