"""The durable record of drafts that were made through us: one key makes one draft."""

from postroom.domain.draft import CREATION_LIFETIME, DraftCreation
from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, CreationId, InternetMessageId, ProviderDraftId
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table

_FREE = (
    "attribute_not_exists(#pk) OR #ends_at <= :now"
    " OR (#claimed_until <= :now AND #request_hash = :request_hash)"
)
_OURS = "#claim = :claim"


class DynamoDraftCreationStore:
    """Records in the table; a finished one counts as claimed for as long as it lives."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def claim(self, creation: DraftCreation) -> DraftCreation | None:
        """Begin, unless it is made or being made already; answers that record, or None."""
        now = to_text(self._clock.now())
        values = {"now": now, "request_hash": creation.request_hash}
        try:
            self._table.put(_key(creation), _row(creation), _FREE, values)
        except ConditionFailed as failure:
            if failure.existing is None:
                raise
            if failure.existing["claim"] == creation.claim:
                # The answer to this very put was lost on its way, and the client repeated it.
                return None
            return _creation(failure.existing)
        return None

    def get(self, account_id: AccountId, creation_id: CreationId) -> DraftCreation:
        """Return a record. Raises NotFound."""
        row = self._table.get(keys.draft_creation(account_id, creation_id))
        if row is None or from_text(row["ends_at"]) <= self._clock.now():
            raise NotFound("there is no such record")
        return _creation(row)

    def finish(self, creation: DraftCreation) -> None:
        """Note the draft of a claim that is still the newest."""
        try:
            self._table.put(_key(creation), _row(creation), _OURS, {"claim": creation.claim})
        except ConditionFailed:
            return

    def withdraw(self, creation: DraftCreation) -> None:
        """Remove a claim that is still the newest."""
        try:
            self._table.delete(_key(creation), _OURS, {"claim": creation.claim})
        except ConditionFailed:
            return

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's records."""
        rows = self._table.query(keys.draft_creations(account_id))
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])


def _key(creation: DraftCreation) -> keys.Key:
    return keys.draft_creation(creation.account_id, creation.id)


def _row(creation: DraftCreation) -> Row:
    ends_at = creation.created_at + CREATION_LIFETIME
    is_done = creation.draft is not None
    return {
        "id": creation.id,
        "account_id": creation.account_id,
        "request_hash": creation.request_hash,
        "internet_message_id": creation.internet_message_id,
        "created_at": to_text(creation.created_at),
        "claimed_until": to_text(ends_at if is_done else creation.claimed_until),
        "claim": creation.claim,
        "draft": creation.draft,
        "ends_at": to_text(ends_at),
        "expires_at": to_ttl(ends_at),
    }


def _creation(row: Row) -> DraftCreation:
    return DraftCreation(
        id=CreationId(row["id"]),
        account_id=AccountId(row["account_id"]),
        request_hash=row["request_hash"],
        internet_message_id=InternetMessageId(row["internet_message_id"]),
        created_at=from_text(row["created_at"]),
        claimed_until=from_text(row["claimed_until"]),
        claim=row["claim"],
        draft=None if row["draft"] is None else ProviderDraftId(row["draft"]),
    )
