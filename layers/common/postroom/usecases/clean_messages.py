"""Cleaning messages: what their authors wrote themselves, without what they answer."""

from collections.abc import Sequence

from postroom.domain.conversation import Cleaning, CleanMessage, Line, own_lines
from postroom.domain.errors import NotFound, TooLarge
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import FullMessage, MessageContent
from postroom.domain.mime import text_to_html
from postroom.ports import ContentStore, MessageStore

LONGEST_CONTENTS = 2_000_000
"""Characters of the bodies of one request: reading so much HTML takes some seconds."""


def clean_messages(
    *,
    account_id: AccountId,
    message_ids: Sequence[MessageId],
    wanted: Cleaning,
    messages: MessageStore,
    contents: ContentStore,
) -> list[CleanMessage]:
    """Return messages in the order of their ids, each once, cleaned; nothing is changed.

    Raises NotFound when one of them is not there, TooLarge for more than can be read at once.
    """
    wanted_ids = list(dict.fromkeys(message_ids))
    found = messages.get_many(account_id, wanted_ids)
    for message_id in wanted_ids:
        if message_id not in found:
            raise NotFound(f"There is no message {message_id[:40]}.")
    known = contents.get_many(account_id, wanted_ids)
    if sum(len(each.html or each.text) for each in known.values()) > LONGEST_CONTENTS:
        raise TooLarge("These messages are longer than can be cleaned at once: send fewer ids.")
    cleaned = []
    for message_id in wanted_ids:
        content = known.get(message_id, MessageContent())
        cleaned.append(
            CleanMessage(
                mail=FullMessage(message=found[message_id], content=content),
                conversation=conversation(content, wanted),
            )
        )
    return cleaned


def conversation(content: MessageContent, wanted: Cleaning) -> str:
    """Return what of a message is its author's own."""
    # Reading HTML brings libraries along that no other route of this function needs.
    from postroom.usecases.clean_html import clean_html, text_of_html

    text = content.text
    if content.html:
        cleaned = clean_html(content.html, wanted)
        if cleaned is not None:
            return cleaned
        text = text or text_of_html(content.html)
    own = _own_text(text, wanted)
    return own if wanted.html_as_markdown or not own else text_to_html(own)


def _own_text(text: str, wanted: Cleaning) -> str:
    written = text.splitlines()
    lines = [Line(each, is_quoted=each.lstrip().startswith(">")) for each in written]
    unquoted = {index for index, line in enumerate(lines) if not line.is_quoted}
    own = own_lines(lines, without_farewell=wanted.remove_conclusion_phrases)
    if any(not lines[index].is_blank for index in own & unquoted):
        own &= unquoted
    return "\n".join(written[index].rstrip() for index in sorted(own)).strip("\n")
