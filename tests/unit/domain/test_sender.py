"""As whom a mail is answered."""

from typing import Any

import pytest

from postroom.domain.message import Address, Header, Message
from postroom.domain.sender import Sender, identity_that_received, is_same_address
from tests.builders import make_message

ADA = "ada@example.com"
SHOP = Sender(email="shop@example.com", name="The shop")
SENDERS = (Sender(email=ADA, name="Ada", is_default=True), SHOP)
CHARLES = Address(email="charles@example.org", name="Charles")
MARY = Address(email="mary@example.org")
ME, AS_SHOP = Address(email=ADA), Address(email="Shop@Example.com")


def _mail(**changes: Any) -> Message:
    return make_message(**{"from_": (CHARLES,), "to": (ME,), **changes})


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ({"to": (AS_SHOP,)}, SHOP),
        ({"to": (MARY, AS_SHOP)}, SHOP),
        ({"to": (MARY,), "cc": (AS_SHOP,)}, SHOP),
        ({"to": (MARY,), "bcc": (AS_SHOP,)}, SHOP),
        ({"to": (ME, AS_SHOP)}, None),
        ({"to": (ME,), "cc": (AS_SHOP,)}, None),
        ({"to": (MARY,)}, None),
        ({"from_": (AS_SHOP,), "to": (CHARLES,)}, SHOP),
        ({"from_": (ME,), "to": (AS_SHOP,)}, None),
    ],
)
def test_the_identity_is_the_one_that_received_the_mail(
    mail: dict[str, Any], expected: Sender | None
) -> None:
    """The first of one's own among the recipients; of one's own mail the one that wrote it."""
    assert identity_that_received(_mail(**mail), SENDERS, own_email=ADA) == expected


@pytest.mark.parametrize(
    ("mail", "headers", "expected"),
    [
        ({"to": (MARY,)}, {"Delivered-To": "shop@example.com"}, SHOP),
        ({"to": (MARY,)}, {"X-Original-To": "<Shop@Example.com>"}, SHOP),
        ({"to": (MARY,)}, {"Delivered-To": ADA, "X-Original-To": "shop@example.com"}, SHOP),
        ({"to": (MARY,)}, {"Delivered-To": ADA}, None),
        ({"to": (MARY,)}, {"Subject": "shop@example.com"}, None),
        ({"to": (ME,)}, {"Delivered-To": "shop@example.com"}, None),
        ({"from_": (ME,), "to": (MARY,)}, {"Delivered-To": "shop@example.com"}, None),
    ],
)
def test_the_delivery_tells_where_no_recipient_does(
    mail: dict[str, Any], headers: dict[str, str], expected: Sender | None
) -> None:
    """A blind copy, or a list: the address it was delivered to stands in a header of its own."""
    said = tuple(Header(name=name, value=value) for name, value in headers.items())
    found = identity_that_received(_mail(**mail), SENDERS, own_email=ADA, headers=said)
    assert found == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada@Example.com", "ada@example.COM", True),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", True),
        ("ada@BÜCHER.example", "Ada@bücher.example", True),
        ("ada@bucher.example", "ada@bücher.example", False),
        ("ada@example.com", "ada@example.org", False),
        ("ada@faß.example", "ada@fass.example", False),
        ("ada@faß.example", "ada@XN--FA-HIA.example", True),
        ("strauß@example.com", "strauss@example.com", False),
        ("ada", "ada", True),
        ("ada@", "ada", False),
        (f"ada@{'x' * 64}.example", f"ada@{'x' * 64}.example", True),
    ],
)
def test_an_address_may_be_written_in_several_ways(one: str, other: str, *, same: bool) -> None:
    """Case is not told apart, nor the two forms of a domain; accents are."""
    assert is_same_address(one, other) is same
