"""Drafts: at the provider first, then in the store, so that a reader sees its own write.

A draft's id stays; the message that it holds may be another one after each change. While a provider
replaces it, both messages may be stored for a moment: the newest counts, here and in lists.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from postroom.domain.account import Account
from postroom.domain.draft import (
    DraftChange,
    DraftUpdate,
    ProviderDraft,
    authored,
)
from postroom.domain.errors import InvalidRequest, NotFound, NotYet, PostroomError
from postroom.domain.ids import (
    AccountId,
    DraftId,
    MessageId,
    message_id,
    new_token,
)
from postroom.domain.message import (
    FullMessage,
    Message,
    MessageFilter,
    MessagePage,
    Position,
    draft_view,
)
from postroom.domain.send_request import SendRequest
from postroom.domain.sync import MessageRef
from postroom.ports import LOOKUP_LIMIT, ContentStore, DraftCreationStore, Mailbox, MessageStore
from postroom.usecases.list_messages import list_messages, read_message, with_contents
from postroom.usecases.send_message import SendTools
from postroom.usecases.store_mail import ask_for, fetch_and_store, remove_message

_STATES_LIMIT = 20
"""Messages of one draft that may be stored at once: what other clients saved between two syncs."""

_AT_ONCE = 16
"""Drafts whose states are looked for at the same time."""

_LONGEST_ID = 100
"""Ours have 27 characters; what is longer is none, and would be too long for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTools:
    """What drafts are managed with."""

    sending: SendTools
    creations: DraftCreationStore


def read_draft(
    *, account: Account, draft: DraftId, messages: MessageStore, contents: ContentStore
) -> FullMessage:
    """Return a draft's newest message with its content. Raises NotFound."""

    def newest() -> FullMessage:
        message = states_of(account.id, draft, messages)[0]
        return read_message(
            account_id=account.id, message_id=message.id, messages=messages, contents=contents
        )

    try:
        mail = newest()
    except NotFound:
        mail = newest()  # another message may have taken its place between two reads
    return replace(mail, message=authored(account, mail.message))


def list_drafts(
    *,
    account: Account,
    wanted: MessageFilter,
    limit: int,
    after: Position | None,
    with_content: bool,
    messages: MessageStore,
    contents: ContentStore,
) -> MessagePage[Position]:
    """Return one page of drafts, newest first, each once and as it stands now.

    An older state that a filter or a later page has found is left out. To know of newer ones takes
    a query for each draft of such a page; the first page of all drafts has them, and takes none.
    """
    asked = replace(wanted, drafts=True, own_email=account.identity.email.casefold())
    page = list_messages(
        account_id=account.id,
        wanted=asked,
        limit=limit,
        after=after,
        with_content=False,
        messages=messages,
        contents=contents,
    )
    is_whole = after is None and asked == MessageFilter(drafts=True, own_email=asked.own_email)
    states = page.messages if is_whole else _all_states(account.id, page.messages, messages)
    newest = {each.draft_id: each for each in sorted(states, key=_state_order)}
    shown: dict[DraftId | None, tuple[Message, Position]] = {}
    for message, place in zip(page.messages, page.places, strict=True):
        state = newest[message.draft_id]
        # It may not stand in the list yet; but if it stands on an earlier page, it is not for here.
        is_here = after is None or Position.of(state) < after
        if is_here and asked.matches(state):
            shown.setdefault(message.draft_id, (state, place))
    page = replace(
        page,
        messages=tuple(authored(account, state) for state, _ in shown.values()),
        places=tuple(place for _, place in shown.values()),
    )
    return with_contents(account.id, page, contents) if with_content else page


def update_draft(
    *, account: Account, draft: DraftId, update: DraftUpdate, tools: DraftTools
) -> FullMessage:
    """Change what is named, and nothing else; safe to repeat.

    Raises NotFound, InvalidRequest, ProviderError, and Retryable also when the change was made and
    its outcome cannot be read yet.
    """
    sending = tools.sending
    states = states_of(account.id, draft, sending.stores.messages)
    message = states[0]
    change = _checked(account, message, update, sending)
    if change != DraftChange():
        with sending.mailboxes.open(account) as mailbox:
            with gone_if_unknown(account.id, states, sending):
                written = mailbox.update_draft(message, change)
            stored = stored_draft(account.id, written, mailbox, sending)
        if stored is not None:
            for state in states:
                if state.id != stored.message.id:
                    _forget(account.id, state, sending)
        _look_again(account, written, sending)
        ring(account.id, sending)
        if stored is None:
            raise NotYet("The draft was changed. Repeat the call to see how it stands.")
        message = stored.message
    if update.metadata is not None:
        sending.stores.messages.note(account.id, message.id, update.metadata)
    mail = read_message(
        account_id=account.id,
        message_id=message.id,
        messages=sending.stores.messages,
        contents=sending.stores.contents,
    )
    return replace(mail, message=authored(account, mail.message))


def delete_draft(*, account: Account, draft: DraftId, tools: DraftTools) -> None:
    """Delete a draft as its provider does. Raises NotFound, ProviderError."""
    sending = tools.sending
    states = states_of(account.id, draft, sending.stores.messages)
    with sending.mailboxes.open(account) as mailbox, gone_if_unknown(account.id, states, sending):
        mailbox.delete_draft(states[0])
    for state in states:
        _forget(account.id, state, sending)
    ring(account.id, sending)


def states_of(account_id: AccountId, draft: DraftId, messages: MessageStore) -> Sequence[Message]:
    """Return the stored messages of a draft, the newest first. Raises NotFound."""
    if len(draft) > _LONGEST_ID:
        raise NotFound("There is no such draft.")
    places = messages.positions(account_id, draft_view(draft), limit=_STATES_LIMIT)
    stored = messages.get_many(account_id, [place.message_id for place in places])
    states = [message for message in stored.values() if message.draft_id == draft]
    if not states:
        raise NotFound("There is no such draft.")
    return sorted(states, key=_state_order, reverse=True)


def _all_states(
    account_id: AccountId, listed: Sequence[Message], messages: MessageStore
) -> Sequence[Message]:
    """Return the listed messages of drafts, and what else is stored of those drafts."""
    drafts = list(dict.fromkeys(each.draft_id for each in listed if each.draft_id is not None))

    def places(draft: DraftId) -> Sequence[Position]:
        return messages.positions(account_id, draft_view(draft), limit=_STATES_LIMIT)

    if len(drafts) < 2:
        found = [places(draft) for draft in drafts]
    else:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as lookups:
            found = list(lookups.map(places, drafts))
    known = {each.id for each in listed}
    others = sorted({place.message_id for some in found for place in some} - known)
    states = list(listed)
    for begin in range(0, len(others), LOOKUP_LIMIT):
        some = messages.get_many(account_id, others[begin : begin + LOOKUP_LIMIT])
        states += some.values()
    return states


def _state_order(message: Message) -> tuple[int, datetime, MessageId]:
    """Order the states of one draft: the newest is the last."""
    return message.version, message.received_at, message.id


@contextmanager
def gone_if_unknown(
    account_id: AccountId, states: Sequence[Message], sending: SendTools
) -> Iterator[None]:
    """Forget a draft that the provider does not know any more; the sync finds what became of it."""
    try:
        yield
    except NotFound as error:
        for state in states:
            _forget(account_id, state, sending)
        ring(account_id, sending)
        raise NotFound("There is no such draft any more.") from error


def _checked(
    account: Account, message: Message, update: DraftUpdate, sending: SendTools
) -> DraftChange:
    """Return the change with its author looked up. Raises InvalidRequest, ProviderError."""
    change = update.change
    if update.reply_to_message_id is not None:
        _check_answered(account.id, message, update.reply_to_message_id, sending.stores.messages)
    if update.from_ is not None:
        author = SendRequest(to=(), from_=update.from_)
        outgoing = sending.composer.compose(
            account, author, idempotency_key=new_token(), request_hash=author.digest()
        )
        change = replace(change, from_=outgoing.from_, from_alias=outgoing.from_alias)
    return change


def _check_answered(
    account_id: AccountId, message: Message, answered_id: MessageId, messages: MessageStore
) -> None:
    """Refuse to move a draft into another conversation, which providers cannot do."""
    field = "reply_to_message_id"
    try:
        answered = messages.get(account_id, answered_id)
    except NotFound:
        raise InvalidRequest("There is no such message.", field=field) from None
    if answered.thread_id != message.thread_id:
        raise InvalidRequest("What a draft replies to is set when it is made.", field=field)


def stored_draft(
    account_id: AccountId, draft: ProviderDraft, mailbox: Mailbox, sending: SendTools
) -> FullMessage | None:
    """Store a draft as the provider has it now; None when it cannot be read, and the sync will."""
    ref = MessageRef(provider_id=draft.message_id, provider_thread_id=draft.thread_id)
    messages = sending.stores.messages
    try:
        fetch_and_store(
            account_id=account_id,
            refs=[ref],
            mailbox=mailbox,
            stores=sending.stores,
            clock=sending.clock,
        )
        message = messages.get(account_id, message_id(account_id, draft.message_id))
    except PostroomError:
        return None
    if message.provider_draft_id != draft.id:
        # The provider's list may lag behind its own answer.
        message = replace(message, is_draft=True, provider_draft_id=draft.id)
        messages.put([message])
    return read_message(
        account_id=account_id,
        message_id=message.id,
        messages=messages,
        contents=sending.stores.contents,
    )


def _forget(account_id: AccountId, message: Message, sending: SendTools) -> None:
    remove_message(
        account_id=account_id, ref=MessageRef.to(message), version=None, stores=sending.stores
    )


def _look_again(account: Account, draft: ProviderDraft, sending: SendTools) -> None:
    """Have the next sync fetch it where versions cannot tell which of two changes was last."""
    if sending.mailboxes.traits(account).exact_versions:
        return
    ours = message_id(account.id, draft.message_id)
    ask_for(
        account_id=account.id,
        messages=sending.stores.messages.get_many(account.id, [ours]).values(),
        reason="draft changed",
        stores=sending.stores,
        clock=sending.clock,
    )


def ring(account_id: AccountId, sending: SendTools) -> None:
    """Have the account synced."""
    sending.sync_states.ring(account_id)
    sending.work.sync(account_id)
