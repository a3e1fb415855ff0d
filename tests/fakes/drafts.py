"""Which drafts were made, in memory."""

import threading
from dataclasses import replace

from postroom.domain.draft import CREATION_LIFETIME, DraftCreation
from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, CreationId
from postroom.ports import Clock


class InMemoryDraftCreationStore:
    """Records by account and id; each is forgotten after its lifetime."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._creations: dict[tuple[AccountId, CreationId], DraftCreation] = {}

    def claim(self, creation: DraftCreation) -> DraftCreation | None:
        """Begin, unless it is made or being made already."""
        with self._lock:
            there = self._living(creation.account_id, creation.id)
            if there is not None:
                expired = there.claimed_until <= self._clock.now()
                if not expired or there.request_hash != creation.request_hash:
                    return there
            self._creations[creation.account_id, creation.id] = creation
            return None

    def get(self, account_id: AccountId, creation_id: CreationId) -> DraftCreation:
        """Return a record. Raises NotFound."""
        creation = self._living(account_id, creation_id)
        if creation is None:
            raise NotFound("there is no such record")
        return creation

    def finish(self, creation: DraftCreation) -> None:
        """Note the draft of a claim that is still the newest."""
        with self._lock:
            if self._is_newest(creation):
                until = creation.created_at + CREATION_LIFETIME
                done = replace(creation, claimed_until=until)
                self._creations[creation.account_id, creation.id] = done

    def withdraw(self, creation: DraftCreation) -> None:
        """Remove a claim that is still the newest."""
        with self._lock:
            if self._is_newest(creation):
                del self._creations[creation.account_id, creation.id]

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's records."""
        with self._lock:
            for key in [key for key in self._creations if key[0] == account_id]:
                del self._creations[key]

    def _is_newest(self, creation: DraftCreation) -> bool:
        there = self._creations.get((creation.account_id, creation.id))
        return there is not None and there.claim == creation.claim

    def _living(self, account_id: AccountId, creation_id: CreationId) -> DraftCreation | None:
        creation = self._creations.get((account_id, creation_id))
        if creation is None or creation.created_at + CREATION_LIFETIME <= self._clock.now():
            return None
        return creation
