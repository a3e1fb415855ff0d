"""Whom an Outlook draft is from: nothing is written that Outlook would refuse to send."""

import json
from typing import Any

import httpx
import pytest

from postroom.domain.draft import DraftChange
from postroom.domain.ids import ProviderMessageId
from postroom.domain.message import Address
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID, make_message
from tests.unit.providers.microsoft.graph import Graph

SIGN_IN = Address(email="ada@login.example", name="Ada")
SHOP = Address(email="shop@example.com", name="The shop")
DRAFT = make_message(provider_id=ProviderMessageId("D"))


def state(author: str = "") -> httpx.Response:
    """Outlook's answer about a draft, which may name an author."""
    named = {"from": {"emailAddress": {"address": author, "name": "A"}}} if author else {}
    return httpx.Response(200, json={"id": "D", "conversationId": "C", "isDraft": True, **named})


def mail(address: str | None) -> httpx.Response:
    """Outlook's answer about the account: its address, where it knows one."""
    return httpx.Response(200, json={"mail": address})


def written(*answers: httpx.Response, **change: Any) -> dict[str, Any]:
    """Change a draft; answers what was written into it, if anything."""
    graph = Graph(list(answers))
    GraphMailbox(graph.client(), ACCOUNT_ID).update_draft(DRAFT, DraftChange(**change))
    assert graph.answers == []
    found: dict[str, Any] = {}
    for patch in (each for each in graph.requests if each.method == "PATCH"):
        found |= json.loads(patch.content)
    return found


def test_an_alias_is_written() -> None:
    """With its name; nobody has to be asked."""
    properties = written(state(), state(), from_=SHOP, from_alias=True)
    assert properties == {"from": {"emailAddress": {"address": SHOP.email, "name": "The shop"}}}


@pytest.mark.parametrize("author", ["", "ada@login.example", "Ada@Login.Example"])
def test_the_accounts_own_address_is_left_to_outlook(author: str) -> None:
    """The incident: a sign-in name was written, and Outlook refused to send the draft."""
    assert written(state(author), from_=SIGN_IN) == {}


def test_the_accounts_own_address_takes_an_aliass_place() -> None:
    """As Outlook spells it, which need not be what somebody signs in with."""
    properties = written(state(SHOP.email), mail("Ada@example.com"), state(), from_=SIGN_IN)
    assert properties == {"from": {"emailAddress": {"address": "Ada@example.com", "name": "Ada"}}}


def test_a_sign_in_name_takes_nobodys_place() -> None:
    """Whom Outlook named by itself is the account's owner, where it knows a sign-in name alone."""
    properties = written(
        state("outlook_1a2b@outlook.example"), mail(None), state(), from_=SIGN_IN, subject="Yes"
    )
    assert properties == {"subject": "Yes"}
