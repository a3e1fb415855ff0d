"""What applications have noted about messages: an attribute of a message's row.

Puts of the message do not name it, so they leave it as it is. Noted before the message is stored,
it stands in the row alone, without a version, and TTL takes it away unless the message comes.

A draft may become another message with every change, and keeps its metadata:

    its next message is put   ─► it takes that of the newest other one, or what waits for the draft
    a message is removed      ─► what it has waits for the draft first, under the draft's id

Either may come first, and be repeated after a crash: a put of a draft's message that has none looks
for it again, and nothing is removed before it waits. Drafts alone cost anything for this: a query
and a read to put one without metadata, a second update and the note to remove one that has some.
"""

from collections.abc import Mapping
from datetime import timedelta
from operator import itemgetter

from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import Message, draft_view
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, to_ttl
from postroom.storage.dynamodb.message_rows import from_row
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

METADATA_WAITS = timedelta(days=30)
"""For its message to be stored, as long as what cannot be fetched is tried again."""

NOTHING_TO_KEEP = "NOT (attribute_exists(#metadata) AND #message.#is_draft = :true)"
"""The condition of a row that can become a tombstone at once."""

_STATES_LIMIT = 20
"""Messages of one draft that are looked at for its metadata."""


class MetadataNotes:
    """Metadata in the rows of messages, for the message store."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def note(
        self, account_id: AccountId, message_id: MessageId, metadata: Mapping[str, str]
    ) -> None:
        """Keep metadata in the message's row, which is made if need be; not in a tombstone."""
        key, values = keys.message(account_id, message_id), {"metadata": dict(metadata)}
        waiting = {
            "v": SHAPE_VERSION,
            "expires_at": to_ttl(self._clock.now() + METADATA_WAITS),
            **values,
        }
        while True:
            try:
                self._table.update(
                    key, "SET #metadata = :metadata", values, condition="attribute_exists(#message)"
                )
            except ConditionFailed as failure:
                if failure.existing is not None and "version" in failure.existing:
                    return
            else:
                return
            try:
                self._table.update(
                    key,
                    "SET #v = :v, #metadata = :metadata, #expires_at = :expires_at",
                    waiting,
                    condition="attribute_not_exists(#version)",
                )
            except ConditionFailed:
                continue  # the message, or its end, has come in between
            return

    def let_wait(
        self, account_id: AccountId, row: Row | None, removed: int | None
    ) -> Mapping[str, str] | None:
        """Keep what a draft's message has for the next one, before a version of it is removed.

        Answers what was kept; None when `NOTHING_TO_KEEP` was not what held the removal back.
        """
        if row is None or "message" not in row or "metadata" not in row:
            return None
        message = from_row(row["message"], row["version"])
        if not message.is_draft or (removed is not None and removed < message.version):
            return None
        metadata: Mapping[str, str] = row["metadata"]
        if message.draft_id is not None:
            self.note(account_id, MessageId(message.draft_id), metadata)
        return metadata

    def take_over(self, message: Message) -> None:
        """Give a draft's message that has none what an earlier one of the draft has, or had."""
        account_id, draft = message.account_id, message.draft_id
        if draft is None:
            return
        source, waiting = self._newest(message), None
        if source is None:  # looked for after the others: what is removed waits before it goes
            source = waiting = self._table.get(keys.message(account_id, MessageId(draft)))
        if source is None:
            return
        values = {"metadata": source["metadata"]}
        try:
            self._table.update(
                keys.message(account_id, message.id),
                "SET #metadata = :metadata",
                values,
                condition="attribute_exists(#message) AND attribute_not_exists(#metadata)",
            )
            if waiting is not None:
                key = keys.message(account_id, MessageId(draft))
                self._table.delete(key, "#metadata = :metadata", values)
        except ConditionFailed:
            return  # an application has noted something else meanwhile

    def _newest(self, message: Message) -> Row | None:
        """Return the row of the newest other message of a draft that has metadata."""
        if message.draft_id is None:
            return None
        view = keys.view(message.account_id, draft_view(message.draft_id))
        places = [
            keys.position(row["sk"])
            for row in self._table.query(view, newest_first=True, limit=_STATES_LIMIT)
        ]
        others = {place.message_id for place in places} - {message.id}
        rows = self._table.get_many(keys.message(message.account_id, each) for each in others)
        noted = (row for row in rows if "message" in row and "metadata" in row)
        return max(noted, key=itemgetter("version"), default=None)
