"""Searching in each provider's own language, run against its simulator."""

from datetime import timedelta

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import CursorExpired
from tests.contract.providers.service import Connected, make_service
from tests.world import make_mail


@pytest.fixture(params=ProviderName)
def ada(request: pytest.FixtureRequest) -> Connected:
    """Ada's mailbox at each provider, connected and empty."""
    return make_service(request.param).connect()


def found(ada: Connected, query: str, *, limit: int = 100) -> list[str]:
    """Search page by page."""
    ids: list[str] = []
    position: str | None = ""
    while position is not None:
        page = ada.mailbox.search(query, limit=limit, position=position)
        assert len(page.refs) <= limit
        ids += [ref.provider_id for ref in page.refs]
        position = page.next_position
    return ids


def deliver(ada: Connected, subject: str, text: str = "Hello", **query: object) -> str:
    """Have a mail delivered, a minute after the one before."""
    ada.service.clock.advance(timedelta(minutes=1))
    return ada.deliver(make_mail(to=ada.address, subject=subject, text=text), **query)


def test_a_search_finds_by_the_providers_own_words(ada: Connected) -> None:
    """By subject, by sender, by what is written; newest first, page by page."""
    invoices = [deliver(ada, f"Invoice {number}", "for the looms") for number in range(7)]
    other = deliver(ada, "Lunch?", "The looms can wait")
    assert found(ada, "subject:invoice", limit=3) == invoices[::-1]
    assert found(ada, "looms") == [other, *invoices[::-1]]
    assert found(ada, "subject:nothing") == []


def test_a_phrase_stands_in_quotes(ada: Connected) -> None:
    """Quotes and backslashes are the query's own, wherever they stand."""
    deliver(ada, "Rent and heat for May")
    wanted = deliver(ada, "Heat and rent for June")
    assert found(ada, '"heat and rent"') == [wanted]
    assert found(ada, 'subject:"heat and rent" for') == [wanted]
    assert found(ada, "back\\slash") == []


def test_every_script_can_be_searched(ada: Connected) -> None:
    """A query travels in an address: no sign of it may be lost on the way."""
    wanted = deliver(ada, "Счёт № 5 + 50% für Müller & Söhne")
    deliver(ada, "Other")
    for query in ("Счёт", "Müller", "subject:Söhne", "50%"):
        assert found(ada, query) == [wanted]


def test_a_found_message_can_be_fetched(ada: Connected) -> None:
    """What a search answers is what a fetch asks for, thread and all."""
    wanted = deliver(ada, "Invoice")
    (ref,) = ada.mailbox.search("invoice", limit=5, position="").refs
    (full,) = ada.mailbox.fetch([ref]).messages
    assert full.message.provider_id == wanted
    assert full.message.provider_thread_id == ref.provider_thread_id


def test_a_page_that_was_forgotten_says_so(ada: Connected) -> None:
    """Whoever goes on with a mark that the provider no longer knows begins again."""
    for number in range(3):
        deliver(ada, f"Invoice {number}")
    position = ada.mailbox.search("invoice", limit=1, position="").next_position
    assert position
    ada.fail(path="/messages$", status=400, body={"error": {"code": 400}}, times=1)
    with pytest.raises(CursorExpired):
        ada.mailbox.search("invoice", limit=1, position=position)
