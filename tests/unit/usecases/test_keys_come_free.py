"""A key comes free when its mail surely did not leave, and after a month: no old mail comes of it.

The Message-ID of a send or draft was made of its key alone, so that what a failed attempt had left
behind passed for the mail that the key was used for next.
"""

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Retryable
from postroom.domain.message import Address
from tests.sending_storm import NOT_NOW
from tests.unit.usecases import drafts
from tests.unit.usecases.sends import ANA, ROSA, connected, received, send
from tests.world import MICROSOFT_ALONE, World

EVE = "eve@mail.example"
MADE_AND_UNANSWERED: dict[str, Any] = {
    "path": "/messages$",
    "method": "POST",
    "times": 1,
    "after_effect": True,
    "status": 504,
}


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


@MICROSOFT_ALONE
def test_a_corrected_draft_is_not_answered_with_the_wrong_one(
    world: World, account: Account
) -> None:
    """The first one was made, its answer lost; the same key then carries what it should have."""
    world.simulator.fail(MADE_AND_UNANSWERED)
    with pytest.raises(Retryable):
        drafts.create(world, account, "order-17", subject="Wrong", to=(Address(email=EVE),))

    made = drafts.create(world, account, "order-17", subject="Right").mail.message

    assert (made.subject, [each.email for each in made.to]) == ("Right", [ANA])


def test_a_draft_of_last_month_is_not_this_months(world: World, account: Account) -> None:
    """April's was still there, and May's request was answered with it."""
    drafts.create(world, account, "weekly", subject="April")
    world.clock.advance(timedelta(days=31))

    made = drafts.create(world, account, "weekly", subject="May")

    assert not made.replayed
    assert made.mail.message.subject == "May"


def test_a_mail_of_last_month_is_not_this_months(world: World, account: Account) -> None:
    """May's request was lost, its Message-ID looked up, and April's mail taken for May's."""
    send(world, account, "weekly", subject="April")
    world.work_off()
    world.clock.advance(timedelta(days=31))
    world.simulator.fail_calls("send", drop=True, times=1)

    send(world, account, "weekly", subject="May")
    world.work_off()

    assert sorted(mail["subject"] for mail in received(world)) == ["April", "May"]


def test_the_same_mail_of_last_month_is_not_this_months(world: World, account: Account) -> None:
    """Each month the same words: May's request was lost, and April's mail said to be May's."""
    send(world, account, "weekly", subject="Rent")
    world.work_off()
    world.clock.advance(timedelta(days=31))
    world.simulator.fail_calls("send", drop=True, times=1)
    send(world, account, "weekly", subject="Rent")
    world.work_off()
    assert send(world, account, "weekly", subject="Rent").has_left
    assert len(received(world)) == 2


def test_the_same_draft_of_last_month_is_not_this_months(world: World, account: Account) -> None:
    """April's, still there and changed since, was answered as the one that May's request made."""
    made = [drafts.create(world, account, "weekly", subject="Rent")]
    world.clock.advance(timedelta(days=31))
    made.append(drafts.create(world, account, "weekly", subject="Rent"))
    # And of June's no answer came
    world.clock.advance(timedelta(days=31))
    drops = {"path": "/(drafts|messages)$", "method": "POST", "drop": True, "after_effect": True}
    world.simulator.fail({**drops, "times": 1})
    with contextlib.suppress(Retryable):
        drafts.create(world, account, "weekly", subject="Rent")
    made.append(drafts.create(world, account, "weekly", subject="Rent"))
    assert len({drafts.draft_of(each.mail) for each in made}) == 3
    assert len([mail for mail in world.simulator.messages(ROSA).values() if mail["draft"]]) == 3


@MICROSOFT_ALONE
def test_what_an_earlier_body_left_behind_is_not_sent(world: World, account: Account) -> None:
    """Eve's mail became a draft and was not answered; the key's next mail, to Ana, sent that."""
    world.simulator.add_mailbox(EVE)
    world.simulator.fail(MADE_AND_UNANSWERED)
    with pytest.raises(Retryable):
        send(world, account, "order-17", subject="For Eve", to=(Address(email=EVE),))
    world.simulator.fail({"path": "/messages$", "method": "POST", "times": 1, **NOT_NOW})

    at = world.clock.now() + timedelta(minutes=2)
    send(world, account, "order-17", subject="For Ana", send_at=at)
    world.work_off()

    assert [mail["subject"] for mail in received(world)] == ["For Ana"]
    assert world.simulator.messages(EVE) == {}


@MICROSOFT_ALONE
def test_a_repeated_send_leaves_no_twin_among_the_drafts(world: World, account: Account) -> None:
    """The draft of the attempt that failed stayed, complete and ready for its owner to send."""
    world.simulator.fail(MADE_AND_UNANSWERED)
    with pytest.raises(Retryable):
        send(world, account, "order-17")

    assert send(world, account, "order-17").has_left
    world.work_off()

    assert len(received(world)) == 1
    assert not any(mail["draft"] for mail in world.simulator.messages(ROSA).values())
