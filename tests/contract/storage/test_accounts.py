"""AccountStore, in memory and in the table."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.account import AccountStatus
from postroom.domain.errors import Conflict, NotFound
from postroom.domain.event import EVENT_LIFETIME, Event, EventType
from postroom.domain.ids import AccountId, PersonId
from postroom.ports import AccountStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.attributes import to_ttl
from postroom.storage.dynamodb.table import Table
from tests.builders import NOW, OTHER_ACCOUNT_ID, make_account, make_identity
from tests.fakes import InMemoryAccountStore

PERSON = PersonId("person-1")


@pytest.fixture(params=["memory", "dynamodb"])
def accounts(request: pytest.FixtureRequest) -> AccountStore:
    if request.param == "memory":
        return InMemoryAccountStore()
    return DynamoAccountStore(request.getfixturevalue("table"))


class TestAccountStore:
    """Accounts, and which identity belongs to which account."""

    def test_account_is_kept_whole(self, accounts: AccountStore) -> None:
        """An account comes back as it was stored."""
        account = make_account(state="from the application", updated_at=NOW + timedelta(minutes=1))

        accounts.create(account)

        assert accounts.get(account.id) == account

    def test_unknown_account_is_not_found(self, accounts: AccountStore) -> None:
        """An id that nobody has is not found, also one that no key could hold."""
        with pytest.raises(NotFound):
            accounts.get(AccountId("nobody"))
        with pytest.raises(NotFound):
            accounts.get(AccountId("x" * 5_000))

    def test_reconnecting_finds_the_same_account(self, accounts: AccountStore) -> None:
        """The subject decides, whatever the address is by now."""
        account = make_account()
        accounts.create(account)

        found = accounts.by_identity(make_identity(email="new-name@example.com"))

        assert found == account.id
        assert accounts.by_identity(make_identity(subject="somebody else")) is None

    def test_one_identity_has_one_account(self, accounts: AccountStore) -> None:
        """A second account of a person is refused, and leaves no trace."""
        accounts.create(make_account())

        with pytest.raises(Conflict):
            accounts.create(make_account(id=OTHER_ACCOUNT_ID))

        assert [account.id for account in accounts.all()] == [make_account().id]
        assert accounts.by_email("ada@example.com") == [make_account().id]
        with pytest.raises(NotFound):
            accounts.get(OTHER_ACCOUNT_ID)

    def test_address_is_found_in_any_case(self, accounts: AccountStore) -> None:
        """Two people may share an address over time; both are found, however it is written."""
        first = make_account(identity=make_identity(email="Ada@Example.com"))
        second = make_account(id=OTHER_ACCOUNT_ID, identity=make_identity(subject="108-2"))
        accounts.create(first)
        accounts.create(second)

        found = accounts.by_email("ADA@example.COM")

        assert set(found) == {first.id, second.id}
        assert accounts.by_email("nobody@example.com") == []

    def test_changed_address_is_found_under_the_new_one_alone(self, accounts: AccountStore) -> None:
        """Whoever was renamed at the provider is no longer found under the old address."""
        account = make_account()
        accounts.create(account)

        renamed = replace(account, identity=make_identity(email="countess@example.com"))
        accounts.replace(renamed)

        assert accounts.by_email("ada@example.com") == []
        assert accounts.by_email("countess@example.com") == [account.id]
        assert accounts.get(account.id) == renamed

    def test_address_in_another_case_is_the_same_address(self, accounts: AccountStore) -> None:
        """A provider that changes its mind about capitals changes nothing but the spelling."""
        account = make_account()
        accounts.create(account)

        respelled = replace(account, identity=make_identity(email="Ada@Example.com"))
        accounts.replace(respelled)

        assert accounts.get(account.id) == respelled
        assert accounts.by_email("ada@example.com") == [account.id]

    def test_all_are_listed_oldest_first(self, accounts: AccountStore) -> None:
        """The list is in the order in which accounts were connected, over several pages."""
        made = [
            make_account(
                id=AccountId(f"account-{number}"),
                identity=make_identity(subject=str(number), email=f"{number}@example.com"),
                created_at=NOW - timedelta(microseconds=number),
            )
            for number in range(4)
        ]
        for account in made:
            accounts.create(account)

        assert list(accounts.all()) == made[::-1]

    def test_deleted_account_is_gone_with_its_identity(self, accounts: AccountStore) -> None:
        """After a deletion the same person may connect anew; deleting twice is fine."""
        account = make_account()
        accounts.create(account)

        accounts.delete(account.id)
        accounts.delete(account.id)

        assert list(accounts.all()) == []
        assert accounts.by_email("ada@example.com") == []
        assert accounts.by_identity(account.identity) is None
        accounts.create(make_account(id=OTHER_ACCOUNT_ID))
        assert accounts.by_identity(account.identity) == OTHER_ACCOUNT_ID

    def test_an_account_is_claimed_once(self, accounts: AccountStore) -> None:
        """It stays whose it is, whatever is written about it, and whoever else comes."""
        account = make_account()
        accounts.create(account)

        accounts.claim(account.id, PERSON)
        accounts.claim(account.id, PERSON)
        with pytest.raises(Conflict):
            accounts.claim(account.id, PersonId("somebody else"))
        accounts.replace(replace(account, status=AccountStatus.REAUTH_REQUIRED))

        kept = replace(account, status=AccountStatus.REAUTH_REQUIRED, person_id=PERSON)
        assert accounts.get(account.id) == kept
        assert list(accounts.of_person(PERSON)) == [kept]
        assert list(accounts.of_person(PersonId("somebody else"))) == []

    def test_a_persons_accounts_go_with_the_accounts(self, accounts: AccountStore) -> None:
        """They are listed oldest first, and a deleted one is nobody's."""
        older = make_account()
        newer = make_account(
            id=OTHER_ACCOUNT_ID,
            identity=make_identity(subject="108-2"),
            created_at=NOW + timedelta(days=1),
        )
        for account in (newer, older):
            accounts.create(account)
            accounts.claim(account.id, PERSON)

        assert [each.id for each in accounts.of_person(PERSON)] == [older.id, newer.id]
        accounts.delete(older.id)
        assert [each.id for each in accounts.of_person(PERSON)] == [newer.id]

    def test_an_account_that_goes_is_claimed_by_nobody(self, accounts: AccountStore) -> None:
        """Neither one that was deleted nor one that is being deleted."""
        account = make_account()
        accounts.create(account)
        accounts.replace(replace(account, status=AccountStatus.DELETING))

        for account_id in (account.id, AccountId("nobody")):
            with pytest.raises(NotFound):
                accounts.claim(account_id, PERSON)

    def test_account_is_replaced_as_it_was_expected_or_not_at_all(
        self, accounts: AccountStore
    ) -> None:
        """A worker's note about an old consent does not overwrite a new one."""
        opened = make_account()
        accounts.create(opened)
        reconnected = replace(opened, updated_at=opened.updated_at + timedelta(seconds=1))
        accounts.replace(reconnected, expected=opened)

        with pytest.raises(Conflict):
            accounts.replace(replace(opened, status=AccountStatus.REAUTH_REQUIRED), expected=opened)
        assert accounts.get(opened.id) == reconnected

    def test_refused_change_is_not_told(self, accounts: AccountStore) -> None:
        """Two workers met the end of a consent at once, and its owner was told twice."""
        opened = make_account()
        accounts.create(opened)
        for seconds in (1, 2):
            at = opened.updated_at + timedelta(seconds=seconds)
            ended = replace(opened, status=AccountStatus.REAUTH_REQUIRED, updated_at=at)
            event = Event.of_account(EventType.GRANT_EXPIRED, ended)
            with suppress(Conflict):
                accounts.replace(ended, expected=opened, event=event)

        assert accounts.get(opened.id).updated_at == opened.updated_at + timedelta(seconds=1)

    def test_deleted_account_cannot_be_replaced(self, accounts: AccountStore) -> None:
        """A worker that still has the account in hand does not bring it back."""
        account = make_account()
        accounts.create(account)
        accounts.delete(account.id)

        with pytest.raises(NotFound):
            accounts.replace(account)

        assert list(accounts.all()) == []

    def test_account_being_deleted_stays_so(self, accounts: AccountStore) -> None:
        """A worker that was away while its owner disconnected does not undo that."""
        account = make_account()
        accounts.create(account)
        deleting = replace(account, status=AccountStatus.DELETING)
        accounts.replace(deleting)

        with pytest.raises(NotFound):
            accounts.replace(replace(account, status=AccountStatus.REAUTH_REQUIRED))

        assert accounts.get(account.id) == deleting
        accounts.replace(replace(deleting, updated_at=NOW + timedelta(days=1)))


def test_event_is_a_row_of_its_own_until_it_has_been_read(table: Table) -> None:
    """The table's stream passes it on with the change that it tells of, or neither is there."""
    # Given
    accounts = DynamoAccountStore(table)
    opened = make_account()
    accounts.create(opened)
    ended = replace(opened, status=AccountStatus.REAUTH_REQUIRED, updated_at=NOW)
    event = Event.of_account(EventType.GRANT_EXPIRED, ended)
    # When
    accounts.replace(ended, expected=opened, event=event)
    # Then
    row = table.get(keys.event(event.id))
    assert row is not None
    assert (row["type"], row["account_id"]) == ("grant.expired", opened.id)
    assert row["expires_at"] == to_ttl(NOW + EVENT_LIFETIME)
    # And when somebody else has been quicker
    late = replace(ended, updated_at=NOW + timedelta(seconds=1))
    with pytest.raises(Conflict):
        told = Event.of_account(EventType.GRANT_EXPIRED, late)
        accounts.replace(late, expected=opened, event=told)
    assert table.get(keys.event(told.id)) is None
