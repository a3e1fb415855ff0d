"""Accounts, kept so that no identity ever has two.

An account is four rows, written and deleted together by a transaction: itself, its identity, its
address, and its entry in the list of all. Identity and entry never change; a changed address moves
its row in the same transaction as the account. A fifth stands among a person's accounts, from the
claim on.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from postroom.domain.account import Account, AccountStatus, Identity, ProviderName
from postroom.domain.errors import Conflict, NotFound
from postroom.domain.event import Event
from postroom.domain.ids import AccountId, PersonId
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.event_rows import told
from postroom.storage.dynamodb.table import (
    ConditionFailed,
    Table,
    delete_in_transaction,
    put_in_transaction,
)

_PAGE = 100
_ATTEMPTS = 5
"""Of a change of address: each is lost only to another change of the same account."""


class DynamoAccountStore:
    """Accounts in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, account_id: AccountId) -> Account:
        """Return an account. Raises NotFound."""
        row = self._table.get(keys.account(account_id))
        if row is None:
            raise NotFound("There is no such grant.")
        return _account(row)

    def by_identity(self, identity: Identity) -> AccountId | None:
        """Return the account of a provider's subject."""
        row = self._table.get(keys.identity(identity))
        return None if row is None else AccountId(row["account_id"])

    def by_email(self, email: str) -> Sequence[AccountId]:
        """Return the accounts with an address."""
        return [AccountId(row["sk"]) for row in self._table.query(keys.accounts_with(email))]

    def all(self) -> Iterable[Account]:
        """Iterate over all accounts, oldest first."""
        entries = self._table.query(keys.ACCOUNTS)
        while ids := [AccountId(row["account_id"]) for row in islice(entries, _PAGE)]:
            yield from self._in_order(ids)

    def of_person(self, person_id: PersonId) -> Sequence[Account]:
        """Return a person's accounts, oldest first."""
        entries = self._table.query(keys.accounts_of(person_id))
        # They are few, and not everybody who asks may read in batches.
        rows = [self._table.get(keys.account(AccountId(entry["sk"]))) for entry in entries]
        found = [_account(row) for row in rows if row is not None]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def claim(self, account_id: AccountId, person_id: PersonId) -> None:
        """Make an account a person's, for good. Raises Conflict, NotFound."""
        key = keys.account(account_id)
        for _ in range(_ATTEMPTS):
            there = self._table.get(key)
            if there is None or there["status"] == AccountStatus.DELETING:
                break
            owner = there.get("person_id")
            if owner is not None and owner != person_id:
                raise Conflict("This mailbox is somebody else's.")
            if owner == person_id:
                return
            unchanged, seen = _unchanged(there)
            claimed = {**there, "person_id": person_id}
            try:
                self._table.transact(
                    put_in_transaction(key, claimed, unchanged, seen),
                    put_in_transaction(keys.account_of(person_id, account_id), {}),
                )
            except ConditionFailed:
                continue
            return
        raise NotFound("This grant was deleted.")

    def create(self, account: Account) -> None:
        """Add an account. Raises Conflict when its identity has one."""
        absent = "attribute_not_exists(#pk)"
        owner = {"account_id": account.id}
        email = account.identity.email
        try:
            self._table.transact(
                put_in_transaction(keys.account(account.id), _row(account), absent),
                put_in_transaction(keys.identity(account.identity), owner, absent),
                put_in_transaction(keys.account_address(email, account.id), {}),
                put_in_transaction(keys.account_entry(account.id, account.created_at), owner),
            )
        except ConditionFailed:
            raise Conflict("This mailbox has a grant already.") from None

    def replace(
        self, account: Account, *, expected: Account | None = None, event: Event | None = None
    ) -> None:
        """Replace an account, and tell of it in the same write.

        Raises NotFound when it was deleted, or is being deleted.

        Raises Conflict when it is not (any more) what the caller expected it to be.
        """
        key, row = keys.account(account.id), _row(account)
        for _ in range(_ATTEMPTS):
            there = self._table.get(key)
            if there is None or not _may_follow(there, account):
                break
            if expected is not None and _account(there) != expected:
                raise Conflict("The grant has changed meanwhile.")
            row["person_id"] = there.get("person_id")
            unchanged, seen = _unchanged(there)
            old_address = keys.account_address(there["email"], account.id)
            address = keys.account_address(row["email"], account.id)
            besides = [] if event is None else [told(event)]
            if address != old_address:
                besides += [delete_in_transaction(old_address), put_in_transaction(address, {})]
            try:
                if besides:
                    self._table.transact(put_in_transaction(key, row, unchanged, seen), *besides)
                else:
                    self._table.put(key, row, unchanged, seen)
            except ConditionFailed:
                continue
            return
        raise NotFound("This grant was deleted.")

    def delete(self, account_id: AccountId) -> None:
        """Remove an account with all its rows."""
        while row := self._table.get(keys.account(account_id)):
            account = _account(row)
            unchanged, seen = _unchanged(row)
            try:
                self._table.transact(
                    delete_in_transaction(keys.account(account_id), unchanged, seen),
                    delete_in_transaction(keys.identity(account.identity)),
                    delete_in_transaction(keys.account_address(row["email"], account_id)),
                    delete_in_transaction(keys.account_entry(account_id, account.created_at)),
                    *_claims(account),
                )
            except ConditionFailed:
                continue

    def _in_order(self, ids: Sequence[AccountId]) -> Iterator[Account]:
        rows = self._table.get_many(keys.account(each) for each in ids)
        accounts = {row["id"]: _account(row) for row in rows}
        yield from (accounts[each] for each in ids if each in accounts)


def _may_follow(there: Row, account: Account) -> bool:
    """Whether the status may change so: a worker that was away does not bring an account back."""
    deleting = AccountStatus.DELETING
    return there["status"] != deleting or account.status is deleting


def _claims(account: Account) -> list[dict[str, Any]]:
    """The deletion of the entry among a person's accounts, if there is a person."""
    if account.person_id is None:
        return []
    return [delete_in_transaction(keys.account_of(account.person_id, account.id))]


def _unchanged(there: Row) -> tuple[str, dict[str, Any]]:
    condition = "#email = :seen_email AND #status = :seen_status AND #updated_at = :seen_updated_at"
    seen = {f"seen_{name}": there[name] for name in ("email", "status", "updated_at")}
    if "person_id" not in there:
        return f"{condition} AND attribute_not_exists(#person_id)", seen
    return f"{condition} AND #person_id = :seen_person", seen | {"seen_person": there["person_id"]}


def _row(account: Account) -> Row:
    return {
        "id": account.id,
        "provider": account.identity.provider,
        "subject": account.identity.subject,
        "email": account.identity.email,
        "name": account.identity.name,
        "status": account.status,
        "scopes": list(account.scopes),
        "created_at": to_text(account.created_at),
        "updated_at": to_text(account.updated_at),
        "state": account.state,
        "registration_id": account.registration_id,
        "person_id": account.person_id,
    }


def _account(row: Row) -> Account:
    return Account(
        id=AccountId(row["id"]),
        identity=Identity(
            provider=ProviderName(row["provider"]),
            subject=row["subject"],
            email=row["email"],
            name=row["name"],
        ),
        status=AccountStatus(row["status"]),
        scopes=tuple(row["scopes"]),
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
        state=row["state"],
        registration_id=row.get("registration_id", ""),
        person_id=row.get("person_id"),
    )
