"""What mail may cost at most, measured with the real use cases and stores."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, cast

import pytest

from benchmarks.mail_costs import OWNER, PAGE, SEED, Mailbox, cost_of, first_sync, long_mail
from benchmarks.measured_world import MeasuredWorld, measured_world
from benchmarks.request_units import MeteredDynamoDB, RequestUnits
from local.simulators.generator import generate
from postroom.domain.message import ALL_MAIL, MessageFilter
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from postroom.usecases.list_messages import list_messages
from tests.builders import ACCOUNT_ID, make_content, make_message
from tests.contract import aws
from tests.fakes import FixedClock
from tests.world import make_mail

WRITE_UNITS_OF_A_NEW_MESSAGE = 12
"""The design's limit for the rows of one message."""

PAGES_TABLE = "pages"
"""Beside the world's table, and filled without a meter, which is quicker."""


@pytest.fixture(scope="module")
def world() -> Iterator[MeasuredWorld]:
    """A deployment on the real stores; costs are differences, so the tests may share it."""
    with measured_world() as made:
        yield made


@pytest.fixture(scope="module")
def mailbox(world: MeasuredWorld) -> Mailbox:
    """A connected mailbox that is up to date."""
    return Mailbox(world, first_sync(world, 3))


def round_mail() -> bytes:
    """A mail as large as people write them: thirty recipients, long references, three files."""
    mail = EmailMessage()
    mail["From"] = "Ravi Menon <ravi.menon@northlight.example>"
    mail["To"] = ", ".join(f"Person {n} <person.{n}@werkhof.example>" for n in range(30))
    mail["Subject"] = "Minutes of the meeting, the plan for the autumn, and three pictures"
    mail["Message-ID"] = "<minutes.7@northlight.example>"
    mail["References"] = " ".join(f"<message.{n}@northlight.example>" for n in range(20))
    mail.set_content("\n".join(f"{n}. What number {n * n} decided." for n in range(300)))
    for number in range(3):
        mail.add_attachment(b"\xff\xd8", "image", "jpeg", filename=f"Picture number {number}.jpeg")
    return mail.as_bytes()


def test_a_new_message_costs_at_most_twelve_write_units(
    world: MeasuredWorld, mailbox: Mailbox
) -> None:
    """Row, content and locations together, whatever people usually send each other."""
    generated = [made.raw for made in generate(OWNER, 10, SEED, world.clock.now())]
    for mail in [*generated, make_mail(to=OWNER), round_mail(), long_mail()]:
        cost = cost_of(world, lambda mail=mail: mailbox.receive(mail))  # type: ignore[misc]
        assert cost.dynamodb.writes["L"] >= 3, "the message did not arrive"
        assert cost.mail_writes <= WRITE_UNITS_OF_A_NEW_MESSAGE


def test_an_answer_costs_at_most_twelve_write_units(world: MeasuredWorld, mailbox: Mailbox) -> None:
    """Also the twentieth of a long talk, whose thread is written anew each time."""
    mailbox.receive(make_mail(to=OWNER, Message_ID="<talk@northlight.example>"))
    mail = make_mail(to=OWNER, In_Reply_To="<talk@northlight.example>", subject="Re: Hello")
    account_id = world.accounts.by_email(OWNER)[0]
    for _ in range(19):
        cost = cost_of(world, lambda: mailbox.receive(mail))
        assert cost.mail_writes <= WRITE_UNITS_OF_A_NEW_MESSAGE
    page = world.messages.positions(account_id, ALL_MAIL, limit=1)
    newest = world.messages.get(account_id, page[0].message_id)
    assert len(world.threads.get(account_id, newest.thread_id).message_ids) == 20


def test_a_poll_without_news_writes_no_mail(world: MeasuredWorld, mailbox: Mailbox) -> None:
    """It asks Gmail for the history alone, and writes its lease, its quota and what is due."""
    cost = cost_of(world, mailbox.poll)
    assert cost.gmail_units == 2
    assert cost.mail_writes == 0
    assert set(cost.dynamodb.writes) == {"S", "Q", "due"}


def test_an_audit_that_finds_nothing_lists_nothing(world: MeasuredWorld, mailbox: Mailbox) -> None:
    """The profile, the labels and one count for each: no list of ids, which is 5 units a page."""
    labels = len(world.folders.all(world.accounts.by_email(OWNER)[0]))
    cost = cost_of(world, mailbox.audit)
    assert cost.gmail_units == labels + 2
    assert cost.mail_writes == 0
    assert set(cost.dynamodb.writes) == {"AUDIT", "S", "Q"}


def test_a_label_change_fetches_no_mail(world: MeasuredWorld, mailbox: Mailbox) -> None:
    """History tells it: no message is asked for, which would be 20 units each, and no content."""
    cost = cost_of(world, lambda: mailbox.change_elsewhere("read"))
    assert cost.gmail_units < 20
    assert 0 < cost.mail_writes <= WRITE_UNITS_OF_A_NEW_MESSAGE


def test_a_page_costs_the_same_in_a_larger_mailbox(world: MeasuredWorld) -> None:
    """Listing fifty messages looks at fifty-one of them, however many there are."""
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    table = aws.create_table(dynamodb, PAGES_TABLE)
    messages = DynamoMessageStore(table, FixedClock())
    contents = S3ContentStore(table, s3, aws.BUCKET)

    def store(numbers: range) -> None:
        mail = [make_message(number=number) for number in numbers]
        contents.put_many(ACCOUNT_ID, {each.id: make_content() for each in mail})
        messages.put(mail)

    def page_cost(*, with_content: bool) -> RequestUnits:
        metered = MeteredDynamoDB(dynamodb, PAGES_TABLE)
        read_table = Table(cast("Any", metered), PAGES_TABLE)
        page = list_messages(
            account_id=ACCOUNT_ID,
            wanted=MessageFilter(),
            limit=PAGE,
            after=None,
            with_content=with_content,
            messages=DynamoMessageStore(read_table, FixedClock()),
            contents=S3ContentStore(read_table, s3, aws.BUCKET),
        )
        assert len(page.messages) == PAGE
        assert len(page.contents) == (PAGE if with_content else 0)
        return metered.consumed

    store(range(60))
    small, small_with_content = page_cost(with_content=False), page_cost(with_content=True)
    store(range(60, 240))
    large, large_with_content = page_cost(with_content=False), page_cost(with_content=True)

    assert small.reads == {"L": 2, "M": PAGE + 1}
    assert large.reads == small.reads
    assert large.read_bytes == pytest.approx(small.read_bytes, rel=0.02)
    assert small_with_content.reads == {"L": 2, "M": PAGE + 1 + PAGE}
    assert large_with_content.reads == small_with_content.reads
    assert large_with_content.read_bytes == pytest.approx(small_with_content.read_bytes, rel=0.02)
