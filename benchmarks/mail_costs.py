"""What mail costs: Gmail quota units, DynamoDB request units and S3 requests.

`python -m benchmarks.mail_costs` runs the real use cases, the real Gmail provider and the real
stores in this process, against the simulated Gmail and moto. All figures are counts: they are the
same on every machine. Generated mail is short, half of it with HTML, a tenth with an attachment.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from benchmarks.measured_world import Cost, MeasuredWorld, gmail_units, measured_world
from postroom.domain.account import Account
from postroom.domain.ids import ProviderMessageId, message_id
from postroom.domain.message import Address, MessageChange, MessageFilter
from postroom.domain.send_request import SendRequest
from postroom.observability import logger
from postroom.usecases.change_message import change_message
from postroom.usecases.list_messages import list_messages
from postroom.usecases.send_message import send_message
from postroom.usecases.sync_account import sync_account
from tests.world import World, make_mail

OWNER, FRIEND = "owner@mail.example", "friend@mail.example"
SEED = 7
MANY, SOME = 2_000, 200
"""Messages of the first sync: moto is too slow for many."""

PAGE = 50
POLL_INTERVAL = timedelta(minutes=5)


def first_sync(world: World, messages: int) -> Account:
    """Connect a generated mailbox and sync all of it."""
    world.simulator.add_mailbox(OWNER, messages=messages, seed=SEED)
    account = world.connect(OWNER)
    world.work_off()
    return account


class Mailbox:
    """What happens to a synced mailbox, one method for each event; all of them sync in the end."""

    def __init__(self, world: MeasuredWorld, account: Account) -> None:
        self._world = world
        self._account = account
        self._mail = world.simulator.deliver(OWNER, make_mail(to=OWNER))
        self.poll()

    def poll(self) -> None:
        """Sync when the next poll is due; the sweep rings before it calls."""
        self._world.clock.advance(POLL_INTERVAL)
        self._world.sync_states.ring(self._account.id)
        sync_account(account_id=self._account.id, tools=self._world.tools)

    def receive(self, mail: bytes) -> None:
        """Get a new mail into the inbox, unread."""
        self._world.simulator.deliver(OWNER, mail)
        self.poll()

    def change_elsewhere(self, operation: str) -> None:
        """Change a message in another client, as the owner."""
        self._world.simulator.change(OWNER, {"op": operation, "id": self._mail})
        self.poll()

    def change_here(self, change: MessageChange) -> None:
        """Change a message through the API; the doorbell's sync comes after it."""
        world = self._world
        change_message(
            account=self._account,
            message_id=message_id(self._account.id, ProviderMessageId(self._mail)),
            change=change,
            mailboxes=world.mailboxes,
            stores=world.stores,
            folders=world.folders,
            sync_states=world.sync_states,
            work=world.work,
            clock=world.clock,
        )
        world.work_off()

    def audit(self) -> None:
        """Have a night's audit, which finds nothing: all mail, and a seventh of the folders."""
        world = self._world
        world.audits.ask(self._account.id, at=world.clock.now(), whole=False)
        world.work.backfill(self._account.id)
        world.work_off()

    def send(self) -> None:
        """Send a mail through the API; the doorbell's sync and the check of the send come after."""
        request = SendRequest(to=(Address(email=FRIEND),), subject="Hello", body="<p>Hello!</p>")
        send_message(
            account=self._account,
            request=request,
            idempotency_key="",
            tools=self._world.send_tools,
        )
        self._world.work_off()

    def list_page(self, *, with_content: bool) -> int:
        """List the newest messages; answers how many."""
        page = list_messages(
            account_id=self._account.id,
            wanted=MessageFilter(),
            limit=PAGE,
            after=None,
            with_content=with_content,
            messages=self._world.messages,
            contents=self._world.contents,
        )
        return len(page.messages)


def long_mail() -> bytes:
    """Make a mail whose content does not fit into the table: a newsletter of some 60 KB."""
    dice = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(1_500)]
    return make_mail(to=OWNER, text="\n".join(" ".join(dice.choices(words, k=10)) for _ in words))


def cost_of(world: MeasuredWorld, event: Callable[[], object]) -> Cost:
    """Return what one event costs."""
    world.cost()
    event()
    return world.cost()


def print_gmail_units() -> None:
    """Print the units of the first sync of a large mailbox."""
    world = World()
    first_sync(world, MANY)
    print(f"\nFirst sync of {MANY} messages: {gmail_units(world) / MANY:.1f} Gmail units each.\n")


def print_costs() -> None:
    """Print the table of what each event costs."""
    print("| | Gmail units | write units: mail | write units: bookkeeping | read units | S3 |")
    print("|---|---|---|---|---|---|")
    with measured_world() as world:
        account = first_sync(world, SOME)
        _print_row(f"first sync of {SOME}, each message", world.cost(), SOME)
        world.simulator.add_mailbox(FRIEND)
        mailbox = Mailbox(world, account)
        events: dict[str, Callable[[], object]] = {
            "poll without news": mailbox.poll,
            "new mail": partial(mailbox.receive, make_mail(to=OWNER)),
            "new mail with a long body": partial(mailbox.receive, long_mail()),
            "read in another client": partial(mailbox.change_elsewhere, "read"),
            "starred through the API": partial(mailbox.change_here, MessageChange(starred=True)),
            "sent through the API": mailbox.send,
            "a night's audit": mailbox.audit,
            f"page of {PAGE} without bodies": partial(mailbox.list_page, with_content=False),
            f"page of {PAGE} with bodies": partial(mailbox.list_page, with_content=True),
        }
        for name, event in events.items():
            _print_row(name, cost_of(world, event))


def _print_row(name: str, cost: Cost, messages: int = 1) -> None:
    requests = ", ".join(f"{count / messages:g} {name}" for name, count in cost.s3.items())
    figures = [cost.gmail_units, cost.mail_writes, cost.other_writes, cost.reads]
    cells = [f"{figure / messages:.3g}" for figure in figures]
    print(f"| {name} | {' | '.join(cells)} | {requests or '0'} |")


def main() -> None:
    """Run, count, print."""
    logger.setLevel("WARNING")
    print_gmail_units()
    print_costs()


if __name__ == "__main__":
    main()
