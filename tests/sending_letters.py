"""Letters of every kind: written anew, answers, drafts, in MIME; each tells its number and version.

An author whose letter did not leave may write another version of it, for another reader, and send
that with the same key.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum

from postroom.domain.account import Account
from postroom.domain.draft import NewDraft
from postroom.domain.ids import DraftId, MessageId
from postroom.domain.message import Address
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest
from postroom.domain.written_mime import read_written_mime
from postroom.usecases.create_draft import create_draft
from tests.world import World, make_mail

READERS = tuple(f"reader{number}@mail.example" for number in range(3))
WRITER = "writer@mail.example"

_LAST_VERSION = 2

WAYS = (None, None, timedelta(minutes=3), timedelta(hours=2))
"""How far ahead letters are sent: half of them at once."""

_FILES = (
    OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"a"),
    OutgoingAttachment(filename="b.txt", content_type="text/plain", content=b"b"),
)
_MIME_ENDS_WITH = "Ana, who writes MIME"


class Kind(Enum):
    """How a letter comes."""

    NEW = "new"
    ANSWER = "answer"
    MIME = "mime"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Question:
    """A mail that letters answer, as it is known here and everywhere."""

    id: MessageId
    internet_message_id: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, in all of its versions."""

    number: int
    kind: Kind
    request: SendRequest
    """Of its first version."""
    question: Question | None = None
    draft: DraftId | None = None
    is_cancelled: bool = False
    """Whether its author calls it back, if that is still possible."""

    @property
    def last_version(self) -> int:
        """Return how often it may be written anew: a draft has its text, whoever sends it."""
        return 0 if self.draft is not None else _LAST_VERSION

    def version(self, version: int) -> SendRequest:
        """Return what asks for a version."""
        reader, text = reader_of(self.number, version), text_of(self.number, version)
        if self.kind is Kind.MIME:
            return _in_mime(self.number, version)
        return replace(self.request, to=(Address(email=reader),), body=f"<p>{text}</p>")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a reader has got of a letter."""

    reader: str
    text: str
    in_reply_to: str | None


def reader_of(number: int, version: int) -> str:
    """Return whom a version of a letter is for."""
    return READERS[(number + version) % len(READERS)]


def text_of(number: int, version: int) -> str:
    """Return what a version of a letter says."""
    return f"This is letter {number}, version {version}."


def write(
    number: int, dice: random.Random, world: World, *, questions: Sequence[Question]
) -> Letter:
    """Write a letter; what `dice` say of its time and files does not depend on its kind."""
    wait, files = dice.choice(WAYS), _FILES[: dice.randint(0, 2)]
    ways = random.Random(f"way {number}")  # noqa: S311 - a test's dice
    kind = ways.choice((Kind.NEW, Kind.NEW, Kind.NEW, Kind.ANSWER, Kind.MIME, Kind.DRAFT))
    request = SendRequest(
        to=(),
        subject=f"Letter {number}",
        attachments=files,
        send_at=None if wait is None or kind is Kind.DRAFT else world.clock.now() + wait,
    )
    question = None
    if kind is Kind.ANSWER:
        question = ways.choice(questions)
        request = replace(request, reply_to_message_id=question.id)
    return Letter(number, kind, request, question, is_cancelled=ways.random() < 0.15)


def ask_questions(world: World, account: Account) -> list[Question]:
    """Have the writer asked something by each reader."""
    asked = []
    for number, reader in enumerate(READERS):
        named = f"<question{number}@mail.example>"
        mail = make_mail(to=WRITER, sender=reader, subject=f"Question {number}", Message_ID=named)
        asked.append((world.simulator.deliver(WRITER, mail), named))
    world.sync(account)
    return [Question(world.message(account.id, id_).id, named) for id_, named in asked]


def made_draft(letter: Letter, world: World, account: Account) -> Letter:
    """Return a letter that waits as a draft."""
    wanted = NewDraft(request=letter.version(0))
    made = create_draft(
        account=account,
        wanted=wanted,
        idempotency_key=f"draft {letter.number}",
        tools=world.draft_tools,
    )
    assert made.mail.message.draft_id is not None
    return replace(letter, draft=made.mail.message.draft_id)


def read_arrival(reader: str, mime: bytes) -> Arrival:
    """Read what a reader has got."""
    mail = message_from_bytes(mime, policy=default)
    body = mail.get_body(preferencelist=("plain", "html"))
    assert body is not None
    text = str(body.get_content()).strip().removeprefix("<p>").removesuffix("</p>")
    return Arrival(reader, text.removesuffix(_MIME_ENDS_WITH).strip(), mail["In-Reply-To"])


def _in_mime(number: int, version: int) -> SendRequest:
    mail = EmailMessage()
    mail["From"], mail["To"] = WRITER, reader_of(number, version)
    mail["Subject"] = f"Letter {number}"
    if number % 2:
        mail["Message-ID"] = f"<{number}.{version}@mail.example>"
    mail.set_content(f"{text_of(number, version)}\n{_MIME_ENDS_WITH}\n")
    return SendRequest.of_mime(read_written_mime(mail.as_bytes()))
