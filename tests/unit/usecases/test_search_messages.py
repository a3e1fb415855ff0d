"""Searching: the provider finds, the store answers, and what it lacks is fetched."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import InvalidRequest, Rejected, Throttled
from postroom.domain.folder import FolderRole
from postroom.domain.message import Message, MessageFilter, MessagePage, SearchPosition
from postroom.usecases.search_messages import search_messages
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with five invoices and other mail between them."""
    world.simulator.add_mailbox(ADDRESS)
    for number in range(5):
        deliver(world, f"Invoice {number}", unread=number % 2 == 0)
        deliver(world, f"Lunch {number}")
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def deliver(world: World, subject: str, *, unread: bool = True, **query: str) -> str:
    """Have a mail delivered, a minute after the one before."""
    world.clock.advance(timedelta(minutes=1))
    return world.simulator.deliver(
        ADDRESS, make_mail(to=ADDRESS, subject=subject), unread=str(unread).lower(), **query
    )


def search(
    world: World,
    account: Account,
    query: str = "subject:invoice",
    *,
    limit: int = 50,
    after: SearchPosition | None = None,
    matches: Callable[[Message], bool] | None = None,
) -> MessagePage[SearchPosition]:
    """Search as a list of messages does."""
    return search_messages(
        account=account,
        query=query,
        matches=matches or MessageFilter().matches,
        limit=limit,
        after=after,
        with_content=True,
        mailboxes=world.mailboxes,
        stores=world.stores,
        clock=world.clock,
    )


def subjects(page: MessagePage[SearchPosition]) -> list[str]:
    """What a page shows, in its order; each message with its content."""
    assert set(page.contents) == {message.id for message in page.messages}
    return [message.subject for message in page.messages]


def walked(world: World, account: Account, *limits: int, **search_for: object) -> list[str]:
    """Collect a search page by page; the last limit stays."""
    found: list[str] = []
    after: SearchPosition | None = None
    for step in range(50):
        limit = limits[min(step, len(limits) - 1)]
        page = search(world, account, limit=limit, after=after, **search_for)  # type: ignore[arg-type]
        assert len(page.messages) <= limit
        found += subjects(page)
        if page.next_position is None:
            return found
        after = page.next_position
    raise AssertionError("the pages never end")


INVOICES = [f"Invoice {number}" for number in (4, 3, 2, 1, 0)]


def test_a_search_answers_in_the_providers_order(world: World, account: Account) -> None:
    """Newest first, everything that it finds and nothing else."""
    assert subjects(search(world, account)) == INVOICES
    assert subjects(search(world, account, "subject:nothing")) == []


@pytest.mark.parametrize("limits", [(2,), (1,), (3, 2, 1), (5,), (1, 200)])
def test_pages_hold_every_result_once(
    world: World, account: Account, limits: tuple[int, ...]
) -> None:
    """Also when every page asks for less than the one before, as one SDK does."""
    assert walked(world, account, *limits) == INVOICES


def test_other_filters_narrow_what_was_found(world: World, account: Account) -> None:
    """They are ours; a page goes on searching until it is full."""
    unread = MessageFilter(unread=True).matches
    assert walked(world, account, 2, matches=unread) == ["Invoice 4", "Invoice 2", "Invoice 0"]
    first = search(world, account, limit=2, matches=unread)
    assert subjects(first) == ["Invoice 4", "Invoice 2"]
    sent = world.folder(account.id, FolderRole.SENT)
    assert walked(world, account, 2, matches=MessageFilter(folder=sent).matches) == []


@pytest.mark.parametrize("comes", [1, 2, 7])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_new_results_neither_shift_nor_repeat(
    world: World, account: Account, limit: int, comes: int
) -> None:
    """A mail that the search finds, too, made the next page begin with what was shown already.

    Outlook's marks count from the newest result.
    """
    found: list[str] = []
    after: SearchPosition | None = None
    for page_number in range(20):
        page = search(world, account, limit=limit, after=after)
        found += subjects(page)
        for each in range(comes if page_number == 0 else 0):
            deliver(world, f"Invoice {10 + each}")
        after = page.next_position
        if after is None:
            break
    assert len(found) == len(set(found))
    assert [each for each in found if each in INVOICES] == INVOICES
    if comes < limit or account.identity.provider is ProviderName.GOOGLE:
        assert found == INVOICES, "new mail is left to a new search"


@pytest.mark.parametrize("change", ["comes", "goes", "both"])
def test_a_page_that_was_shown_in_part_goes_on_where_it_stood(
    world: World, account: Account, change: str
) -> None:
    """One that ends early, for large bodies, is asked for again: mail has come or gone since.

    One message was shown twice then, or another one never.
    """
    page = search(world, account, limit=5)
    place = page.places[2]
    if change != "goes":
        deliver(world, "Invoice 5")
        deliver(world, "Invoice 6")
    if change != "comes":
        newest = world.messages.get(account.id, page.messages[0].id)
        world.simulator.change(ADDRESS, {"op": "delete", "id": newest.provider_id})
    rest = search(world, account, limit=5, after=place)
    assert subjects(rest) == INVOICES[3:]


def test_what_the_store_lacks_is_fetched_and_stored(world: World, account: Account) -> None:
    """A search knows mail before any sync has told of it, and leaves it behind for readers."""
    deliver(world, "Invoice 5")
    draft = deliver(world, "Invoice draft", folder="drafts")
    assert subjects(search(world, account)) == ["Invoice 5", *INVOICES]
    assert "Invoice 5" in world.subjects(account.id)
    assert world.message(account.id, draft).is_draft
    calls = world.simulator.calls_made()
    search(world, account)
    made = world.simulator.calls_made()
    assert sum(made.values()) == sum(calls.values()) + 1, "only the search itself"


def test_a_page_fetches_no_more_than_it_may(world: World) -> None:
    """Before the first sync everything is unknown: pages are short, and lose nothing."""
    world.simulator.add_mailbox(ADDRESS)
    for number in range(70):
        deliver(world, f"Invoice {number}")
    account = world.connect(ADDRESS)
    first = search(world, account, limit=200)
    assert 50 <= len(first.messages) < 70
    assert walked(world, account, 200) == [f"Invoice {number}" for number in range(69, -1, -1)]


def test_a_message_that_cannot_be_fetched_is_passed_over(world: World, account: Account) -> None:
    """It waits as those of the sync do; the others are shown."""
    broken = deliver(world, "Invoice 5")
    world.simulator.fail({"path": f"/(messages|threads)/{broken}", "status": 500})
    assert subjects(search(world, account)) == INVOICES
    assert world.pending.is_any_left(account.id)


def test_a_spent_budget_is_said_and_nothing_is_lost(world: World, account: Account) -> None:
    """The provider asks for a pause in the middle: the caller repeats the search later."""
    deliver(world, "Invoice 5")
    world.simulator.fail_calls("message", status=429, times=20)
    with pytest.raises(Throttled):
        search(world, account)
    world.simulator.control("DELETE", "faults")
    world.clock.advance(timedelta(hours=1))
    assert subjects(search(world, account)) == ["Invoice 5", *INVOICES]


def test_a_query_that_cannot_be_read_is_named(world: World, account: Account) -> None:
    """The provider's own words come along."""
    fault = {"path": "/messages$", "status": 400, "body": {"error": {"message": "What?"}}}
    world.simulator.fail({**fault, "times": 1})
    with pytest.raises(Rejected, match="search_query_native: ") as refusal:
        search(world, account)
    assert refusal.value.provider_message == "What?"


def test_a_forgotten_page_begins_again(world: World, account: Account) -> None:
    """A mark that the provider no longer knows is the token's fault, and says so."""
    first = search(world, account, limit=1)
    assert first.next_position
    fault = {"path": "/messages$", "status": 400, "body": {"error": {"code": 400}}}
    world.simulator.fail({**fault, "times": 1})
    with pytest.raises(InvalidRequest) as refusal:
        search(world, account, limit=1, after=first.next_position)
    assert refusal.value.field == "page_token"
