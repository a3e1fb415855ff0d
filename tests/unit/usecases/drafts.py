"""What the tests of drafts do and look at."""

from typing import Any

from postroom.domain.account import Account
from postroom.domain.draft import DraftChange, DraftUpdate, NewDraft
from postroom.domain.ids import DraftId, MessageId
from postroom.domain.message import Address, FullMessage, Message, MessageFilter
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest
from postroom.usecases.create_draft import MadeDraft, create_draft
from postroom.usecases.manage_drafts import (
    delete_draft,
    list_drafts,
    read_draft,
    update_draft,
)
from postroom.usecases.send_draft import send_draft
from postroom.usecases.send_message import SendResult
from tests.unit.usecases.sends import ANA, ROSA
from tests.world import World

PLAN = OutgoingAttachment(filename="plan.pdf", content_type="application/pdf", content=b"%PDF" * 99)
PHOTO = OutgoingAttachment(filename="maçã.png", content_type="image/png", content=b"\x89PNG" * 9)


def create(
    world: World, account: Account, key: str = "", *, starred: bool = False, **changed: Any
) -> MadeDraft:
    """Make a draft to Ana."""
    asked: dict[str, Any] = {"to": (Address(email=ANA),), "subject": "Olá", "body": "<p>Olá!</p>"}
    metadata = changed.pop("metadata", None)
    wanted = NewDraft(request=SendRequest(**(asked | changed)), starred=starred, metadata=metadata)
    return create_draft(
        account=account, wanted=wanted, idempotency_key=key, tools=world.draft_tools
    )


def draft_of(mail: FullMessage) -> DraftId:
    """Return the id of the draft that a message is."""
    assert mail.message.draft_id is not None
    return mail.message.draft_id


def change(world: World, account: Account, draft: DraftId, **changed: Any) -> FullMessage:
    """Change a draft."""
    beside = {
        name: changed.pop(name)
        for name in ("from_", "metadata", "reply_to_message_id")
        if name in changed
    }
    update = DraftUpdate(change=DraftChange(**changed), **beside)
    return update_draft(account=account, draft=draft, update=update, tools=world.draft_tools)


def read(world: World, account: Account, draft: DraftId) -> FullMessage:
    """Read a draft."""
    return read_draft(
        account=account, draft=draft, messages=world.messages, contents=world.contents
    )


def delete(world: World, account: Account, draft: DraftId) -> None:
    """Delete a draft."""
    delete_draft(account=account, draft=draft, tools=world.draft_tools)


def send(world: World, account: Account, draft: DraftId) -> SendResult:
    """Send a draft."""
    return send_draft(account=account, draft=draft, tools=world.draft_tools)


def listed(world: World, account: Account, **wanted: Any) -> list[Message]:
    """List the drafts, as a reader gets them."""
    page = list_drafts(
        account=account,
        wanted=MessageFilter(**wanted),
        limit=200,
        after=None,
        with_content=False,
        messages=world.messages,
        contents=world.contents,
    )
    return list(page.messages)


def truth(world: World) -> list[dict[str, Any]]:
    """Rosa's drafts at the provider, those in the trash aside."""
    trash = {
        each["id"]
        for each in world.simulator.control("GET", f"mailboxes/{ROSA}")["folders"]
        if each["role"] == "trash"
    }
    return [
        each
        for each in world.simulator.messages(ROSA).values()
        if each["draft"] and not trash & set(each["folders"])
    ]


def answered(world: World, account: Account, provider_id: str) -> MessageId:
    """Return the id of a message to reply to."""
    return world.message(account.id, provider_id).id
