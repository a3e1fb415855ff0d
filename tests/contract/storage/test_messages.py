"""MessageStore, in memory and in the table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, FolderId, InternetMessageId, MessageId
from postroom.domain.message import ALL_MAIL, STARRED, UNREAD, Address, Message, Position, View
from postroom.ports import MessageStore, PutOutcome
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.messages import TOMBSTONE_LIFETIME, DynamoMessageStore
from postroom.storage.dynamodb.parallel import WRITERS
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_attachment, make_message
from tests.fakes import FixedClock, InMemoryMessageStore
from tests.interruptions import accompanied

INBOX = View("INBOX")
NEW = PutOutcome(won=True, is_new=True)
REPLACED = PutOutcome(won=True, is_new=False)
LOST = PutOutcome(won=False)


@pytest.fixture(params=["memory", "dynamodb"])
def messages(request: pytest.FixtureRequest, clock: FixedClock) -> MessageStore:
    if request.param == "memory":
        return InMemoryMessageStore(clock)
    return DynamoMessageStore(request.getfixturevalue("table"), clock)


def listed(messages: MessageStore, view: View = ALL_MAIL) -> list[MessageId]:
    """All ids of a view, newest first."""
    return [place.message_id for place in messages.positions(ACCOUNT_ID, view, limit=100)]


def is_stored(messages: MessageStore, message: Message) -> bool:
    """Whether a message can be read."""
    return message.id in messages.get_many(message.account_id, [message.id])


class TestPut:
    """Storing messages, in whatever order their versions come."""

    def test_message_is_kept_whole(self, messages: MessageStore) -> None:
        """Everything about a message comes back, in every script."""
        plain = make_message()
        message = replace(
            plain,
            subject="Кирилл — ✉️ 日本語",
            cc=(Address(email="grace@example.net"), Address(email="", name="no address")),
            bcc=(Address(email="alan@example.net", name="Alan"),),
            reply_to=(Address(email="list@example.org"),),
            folders=(FolderId("INBOX"), FolderId("Label_1")),
            starred=True,
            categories=("Red category", "Срочно"),
            attachments=(
                make_attachment(message=plain.id, content_id="cid-1", is_inline=True),
                make_attachment(message=plain.id, part_id="2", filename="план.pdf"),
            ),
            in_reply_to=InternetMessageId("<a@example.org>"),
            references=(InternetMessageId("<b@example.org>"), InternetMessageId("<a@example.org>")),
            defects=("bad_date",),
        )

        outcomes = messages.put([message])

        assert outcomes == [NEW]
        assert messages.get(ACCOUNT_ID, message.id) == message
        assert messages.get_many(ACCOUNT_ID, [message.id]) == {message.id: message}

    def test_message_from_before_categories_has_none(self, table: Table) -> None:
        """Rows that an older version wrote are read like any other."""
        messages, message = DynamoMessageStore(table, FixedClock()), make_message()
        messages.put([message])
        table.update(keys.message(ACCOUNT_ID, message.id), "REMOVE #message.#categories")

        assert messages.get(ACCOUNT_ID, message.id) == message

    def test_unknown_messages_are_left_out(self, messages: MessageStore) -> None:
        """Of many, those that exist are answered; another account's are none of ours."""
        message = make_message()
        messages.put([message])

        assert set(messages.get_many(ACCOUNT_ID, [message.id, MessageId("x")])) == {message.id}
        assert messages.get_many(ACCOUNT_ID, []) == {}
        for account_id, message_id in (
            (ACCOUNT_ID, MessageId("x")),
            (ACCOUNT_ID, MessageId("x" * 5_000)),
            (OTHER_ACCOUNT_ID, message.id),
        ):
            with pytest.raises(NotFound):
                messages.get(account_id, message_id)

    def test_message_stands_in_its_views(self, messages: MessageStore) -> None:
        """A new mail is listed in all mail, its folders and those of its flags."""
        message = make_message(folders=(FolderId("INBOX"), FolderId("Label_1")), starred=True)

        messages.put([message])

        for view in (ALL_MAIL, INBOX, View("Label_1"), UNREAD, STARRED):
            assert listed(messages, view) == [message.id]
        assert listed(messages, View("Label_2")) == []
        assert listed(messages, View("x" * 5_000)) == []

    def test_changed_message_leaves_views_and_joins_others(self, messages: MessageStore) -> None:
        """A mail that was read and filed stands where it is now, and only there."""
        message = make_message()
        messages.put([message])

        filed = replace(
            message, version=message.version + 1, unread=False, folders=(FolderId("Label_1"),)
        )
        assert messages.put([filed]) == [REPLACED]

        assert messages.get(ACCOUNT_ID, message.id) == filed
        assert listed(messages, View("Label_1")) == listed(messages) == [message.id]
        assert listed(messages, INBOX) == listed(messages, UNREAD) == []

    def test_older_version_loses(self, messages: MessageStore) -> None:
        """A fetch that took long does not undo what came after it."""
        message = make_message(unread=False)
        messages.put([message])

        late = replace(message, version=message.version - 1, unread=True)
        assert messages.put([late]) == [LOST]

        assert messages.get(ACCOUNT_ID, message.id) == message
        assert listed(messages, UNREAD) == []

    def test_same_version_may_come_again(self, messages: MessageStore) -> None:
        """Queues deliver twice; the second time nothing is new and nothing is lost."""
        message = make_message()
        messages.put([message])

        assert messages.put([message]) == [REPLACED]

        assert listed(messages) == listed(messages, INBOX) == [message.id]

    def test_of_equal_versions_the_one_that_was_seen_last_wins(
        self, messages: MessageStore, clock: FixedClock
    ) -> None:
        """Two changes in one second of Outlook: a sync wrote the first over the second."""
        # Given
        first = make_message(unread=True)
        second = replace(first, unread=False)
        seen_at = clock.now()
        clock.advance(timedelta(milliseconds=1))
        messages.put([second])
        # When
        assert messages.put([first], seen_at=seen_at) == [LOST]
        # Then
        assert messages.get(ACCOUNT_ID, first.id) == second
        assert messages.put([first], seen_at=clock.now()) == [REPLACED]

    def test_a_newer_version_that_was_seen_earlier_loses(
        self, messages: MessageStore, clock: FixedClock
    ) -> None:
        """Gmail tells no version of what it was asked to change: what was stored had an older."""
        # Given
        seen_at = clock.now()
        clock.advance(timedelta(milliseconds=1))
        changed = make_message(unread=False)
        messages.put([changed])
        # When
        looked = replace(changed, version=changed.version + 1, unread=True)
        assert messages.put([looked], seen_at=seen_at) == [LOST]
        # Then
        assert messages.get(ACCOUNT_ID, changed.id) == changed
        assert messages.put([looked], seen_at=clock.now()) == [REPLACED]
        assert messages.put([changed]) == [LOST]

    def test_each_of_many_changes_counts_as_seen_when_it_is_stored(self, table: Table) -> None:
        """A sync that put a message again, among a thousand that were changed, won over it."""
        # Given
        clock = FixedClock()
        many = [make_message(number=number, unread=False) for number in range(1, WRITERS + 2)]
        second = timedelta(seconds=1)
        last = replace(many[-1], unread=True)
        DynamoMessageStore(table, clock).put([last], seen_at=clock.now() + second / 2)
        # When
        slow = accompanied(table, "update", by=lambda: clock.advance(second))
        outcomes = DynamoMessageStore(slow, clock).put(many)
        # Then
        assert outcomes == [NEW] * WRITERS + [REPLACED]

    def test_changed_time_moves_the_message(self, messages: MessageStore) -> None:
        """A draft that is saved anew stands once, at its new time."""
        message = make_message()
        messages.put([message])

        newer = replace(
            message,
            version=message.version + 1,
            received_at=message.received_at + timedelta(hours=1),
        )
        messages.put([newer])

        assert list(messages.positions(ACCOUNT_ID, ALL_MAIL, limit=10)) == [
            Position(received_at=newer.received_at, message_id=message.id)
        ]

    def test_many_are_stored_at_once(self, messages: MessageStore) -> None:
        """The answers are in the order of the messages, the list is newest first."""
        many = [make_message(number=number) for number in range(1, 41)]
        messages.put([many[5]])
        newer = replace(many[7], version=many[7].version + 1)
        messages.put([newer])

        outcomes = messages.put(many)

        assert outcomes == [
            REPLACED if message is many[5] else LOST if message is many[7] else NEW
            for message in many
        ]
        assert listed(messages) == [message.id for message in reversed(many)]
        assert messages.put([]) == []

    def test_message_given_twice_is_stored_once(self, messages: MessageStore) -> None:
        """Two states of one mail in the same batch end as the newer one."""
        message = make_message()
        newer = replace(message, version=message.version + 1, unread=False)

        messages.put([message, newer])

        assert messages.get(ACCOUNT_ID, message.id) == newer
        assert listed(messages) == listed(messages, INBOX) == [message.id]

    def test_message_in_a_hundred_folders_is_listed_in_each(self, messages: MessageStore) -> None:
        """Labels are many in some mailboxes; all are joined and left."""
        folders = tuple(FolderId(f"Label_{number}") for number in range(110))
        message = make_message(folders=folders)

        messages.put([message])
        assert all(listed(messages, View(folder)) == [message.id] for folder in folders)

        messages.put([replace(message, version=message.version + 1, folders=folders[:1])])
        assert [folder for folder in folders if listed(messages, View(folder))] == [folders[0]]

    @pytest.mark.parametrize(
        "text", ["\ud800 half", "half \udfff", "\0nul\0", "x" * 70_000, "ж" * 70_000, "\ud800" * 9]
    )
    def test_nothing_in_a_mail_makes_a_put_fail(self, messages: MessageStore, text: str) -> None:
        """Whatever a sender writes, the message is stored and listed."""
        message = make_message(
            subject=text,
            snippet=text,
            from_=(Address(email=text, name=text),),
            internet_message_id=InternetMessageId(text),
            references=(InternetMessageId(text),),
            defects=(text,),
            categories=(text,),
        )
        message = replace(
            message, attachments=(make_attachment(message=message.id, filename=text),)
        )

        assert messages.put([message]) == [NEW]

        assert messages.get(ACCOUNT_ID, message.id).folders == message.folders
        assert listed(messages, INBOX) == [message.id]

    def test_mail_to_the_whole_world_is_stored(self, messages: MessageStore) -> None:
        """Ten thousand recipients, references and attachments do not make a row too large."""
        plain = make_message()
        people = tuple(
            Address(email=f"somebody-{number}@example.com", name="Ж" * 40)
            for number in range(10_000)
        )
        references = tuple(InternetMessageId(f"<{number}@example.com>") for number in range(10_000))
        message = replace(
            plain,
            from_=people,
            to=people,
            cc=people,
            bcc=people,
            reply_to=people,
            references=references,
            defects=tuple(f"defect_{number}" for number in range(10_000)),
            attachments=tuple(
                make_attachment(message=plain.id, part_id=str(number)) for number in range(10_000)
            ),
            folders=tuple(FolderId(f"Label_{number}") for number in range(500)),
            categories=tuple(f"category {number}" for number in range(10_000)),
        )

        messages.put([message])

        kept = messages.get(ACCOUNT_ID, message.id)
        assert kept.to[:100] == people[:100]
        assert kept.references[-100:] == references[-100:]
        assert kept.attachments[:100] == message.attachments[:100]
        assert kept.categories[:100] == message.categories[:100]
        assert kept.folders == message.folders


class TestRemove:
    """An end, and what may come after it."""

    def test_removed_message_is_gone(self, messages: MessageStore) -> None:
        """It can be neither read nor listed; removing it again finds nothing."""
        message = make_message(starred=True)
        messages.put([message])

        assert messages.remove(ACCOUNT_ID, message.id, message.version + 1)

        assert not is_stored(messages, message)
        for view in (ALL_MAIL, INBOX, UNREAD, STARRED):
            assert listed(messages, view) == []
        assert not messages.remove(ACCOUNT_ID, message.id, message.version + 1)

    @pytest.mark.parametrize("behind", [0, 1])
    def test_late_put_does_not_bring_it_back(self, messages: MessageStore, behind: int) -> None:
        """A fetch from before the deletion, still on its way, loses; also at the same version."""
        message = make_message()
        messages.put([message])
        end = message.version + 5
        messages.remove(ACCOUNT_ID, message.id, end)

        assert messages.put([replace(message, version=end - behind)]) == [LOST]

        assert listed(messages) == []
        assert not is_stored(messages, message)

    def test_end_may_come_before_the_message(self, messages: MessageStore) -> None:
        """A deletion that is heard of first is remembered."""
        message = make_message()

        assert not messages.remove(ACCOUNT_ID, message.id, message.version + 1)

        assert messages.put([message]) == [LOST]

    def test_newer_version_comes_back(self, messages: MessageStore) -> None:
        """What its owner restored after the deletion is new again."""
        message = make_message()
        messages.put([message])
        messages.remove(ACCOUNT_ID, message.id, message.version)

        restored = replace(message, version=message.version + 1)
        assert messages.put([restored]) == [NEW]

        assert messages.get(ACCOUNT_ID, message.id) == restored
        assert listed(messages) == [message.id]

    def test_old_end_changes_nothing(self, messages: MessageStore) -> None:
        """An end that is older than the message was told too late."""
        message = make_message()
        messages.put([message])

        assert not messages.remove(ACCOUNT_ID, message.id, message.version - 1)

        assert is_stored(messages, message)

    def test_end_of_unknown_version_ends_what_is_there(self, messages: MessageStore) -> None:
        """What is stored ends; a newer state may come, since the end may have been an error."""
        message = make_message()
        messages.put([message])

        assert messages.remove(ACCOUNT_ID, message.id, None)

        assert not is_stored(messages, message)
        assert messages.put([message]) == [LOST]
        assert messages.put([replace(message, version=message.version + 1)]) == [NEW]

    def test_end_of_unknown_version_needs_a_message(self, messages: MessageStore) -> None:
        """Where nothing is, nothing ends, and nothing is kept out."""
        message = make_message()

        assert not messages.remove(ACCOUNT_ID, message.id, None)

        assert messages.put([message]) == [NEW]

    def test_whoever_sees_a_message_after_its_end_revives_it(
        self, messages: MessageStore, clock: FixedClock
    ) -> None:
        """A mail restored from the bin bore the very version that it had ended with: lost."""
        # Given
        message = make_message()
        messages.put([message])
        messages.remove(ACCOUNT_ID, message.id, None)
        assert messages.put([message]) == [LOST]
        # When
        outcome = messages.put([message], seen_at=clock.advance(timedelta(seconds=1)), revive=True)
        # Then
        assert outcome == [PutOutcome(won=True, is_new=True)]
        assert messages.get(ACCOUNT_ID, message.id) == message
        assert message.id in {
            each.message_id for each in messages.positions(ACCOUNT_ID, ALL_MAIL, limit=9)
        }

    def test_a_message_that_was_seen_before_its_end_stays_ended(
        self, messages: MessageStore, clock: FixedClock
    ) -> None:
        """Deleted for good while a sync had it in hand, it was there again a moment later."""
        message, seen_at = make_message(), clock.now()
        messages.put([message])
        clock.advance(timedelta(seconds=1))
        messages.remove(ACCOUNT_ID, message.id, None)
        assert messages.put([message], seen_at=seen_at, revive=True) == [LOST]
        # Nor is it a sign of life that it had been changed before, by whom we had not heard of
        changed = replace(message, version=message.version + 1)
        assert messages.put([changed], seen_at=seen_at, revive=True) == [LOST]
        assert not is_stored(messages, message)

    def test_an_older_sighting_revives_nothing(self, messages: MessageStore) -> None:
        """A state that is older than the end is no sign of life, whenever it was seen."""
        message = make_message(version=5)
        messages.put([message])
        messages.remove(ACCOUNT_ID, message.id, 6)
        assert messages.put([message], revive=True) == [LOST]

    def test_end_of_unknown_version_keeps_the_known_end(self, messages: MessageStore) -> None:
        """Hearing of an end again, with less detail, forgets nothing."""
        message = make_message()
        messages.remove(ACCOUNT_ID, message.id, message.version + 5)

        assert not messages.remove(ACCOUNT_ID, message.id, None)

        assert messages.put([replace(message, version=message.version + 5)]) == [LOST]

    def test_end_is_forgotten_after_its_lifetime(
        self, messages: MessageStore, clock: FixedClock
    ) -> None:
        """Tombstones count for thirty days, also those that were not cleaned up in time."""
        message = make_message()
        messages.remove(ACCOUNT_ID, message.id, message.version)

        clock.advance(TOMBSTONE_LIFETIME)

        assert messages.put([message]) == [NEW]
        assert listed(messages) == [message.id]


class TestPositions:
    """Lists, newest first, page by page."""

    @pytest.fixture
    def many(self, messages: MessageStore) -> list[Message]:
        """Twenty messages, newest first; always two came in the same millisecond."""
        many = [
            make_message(number=number, received_at=NOW + timedelta(milliseconds=number // 2))
            for number in range(20)
        ]
        messages.put(many)
        return sorted(many, key=lambda each: (each.received_at, each.id), reverse=True)

    def test_pages_follow_each_other(self, messages: MessageStore, many: list[Message]) -> None:
        """Going on after the last place of a page meets every message once."""
        found: list[Position] = []
        while page := messages.positions(
            ACCOUNT_ID, INBOX, limit=3, after=found[-1] if found else None
        ):
            assert len(page) <= 3
            found += page

        assert [place.message_id for place in found] == [message.id for message in many]
        assert [place.received_at for place in found] == [message.received_at for message in many]

    def test_new_mail_does_not_shift_the_next_page(
        self, messages: MessageStore, many: list[Message]
    ) -> None:
        """What arrives between two pages is not on the second, and shifts nothing into it twice."""
        first = messages.positions(ACCOUNT_ID, ALL_MAIL, limit=5)
        messages.put([make_message(number=99, received_at=NOW + timedelta(days=1))])

        second = messages.positions(ACCOUNT_ID, ALL_MAIL, limit=5, after=first[-1])

        assert [place.message_id for place in second] == [message.id for message in many[5:10]]

    def test_page_goes_on_after_a_message_that_left(
        self, messages: MessageStore, many: list[Message]
    ) -> None:
        """The last message of a page may be gone when the next page is asked for."""
        messages.remove(ACCOUNT_ID, many[4].id, many[4].version)

        place = Position(received_at=many[4].received_at, message_id=many[4].id)
        page = messages.positions(ACCOUNT_ID, ALL_MAIL, limit=2, after=place)

        assert [place.message_id for place in page] == [message.id for message in many[5:7]]

    def test_times_belong_to_the_range(self, messages: MessageStore, many: list[Message]) -> None:
        """Both ends count, and a place to go on after counts with them."""
        oldest, newest = NOW + timedelta(milliseconds=3), NOW + timedelta(milliseconds=6)
        inside = [message for message in many if oldest <= message.received_at <= newest]

        page = messages.positions(ACCOUNT_ID, INBOX, limit=50, newest=newest, oldest=oldest)
        rest = messages.positions(
            ACCOUNT_ID, INBOX, limit=3, newest=newest, oldest=oldest, after=page[1]
        )

        assert [place.message_id for place in page] == [message.id for message in inside]
        assert list(rest) == list(page)[2:5]

    def test_empty_range_is_empty(self, messages: MessageStore, many: list[Message]) -> None:
        """A range that ends before it begins holds nothing."""
        place = Position(received_at=many[0].received_at, message_id=many[0].id)
        before, after = NOW - timedelta(days=1), NOW + timedelta(days=1)

        assert not messages.positions(ACCOUNT_ID, INBOX, limit=5, newest=before, oldest=after)
        assert not messages.positions(ACCOUNT_ID, INBOX, limit=5, after=place, oldest=after)

    def test_times_sort_across_the_ages(self, messages: MessageStore) -> None:
        """Mail with a wrong clock stands at its wrong time, in order."""
        times = [datetime(year, 1, 1, tzinfo=UTC) for year in (2, 1904, 1969, 1970, 2026, 9999)]
        made = [make_message(number=n, received_at=time) for n, time in enumerate(times)]

        messages.put(made)

        assert listed(messages) == [message.id for message in reversed(made)]
        place = messages.positions(ACCOUNT_ID, ALL_MAIL, limit=6)[-1]
        assert place.received_at == times[0]


class TestErase:
    """The end of an account."""

    def test_account_is_erased_step_by_step(self, messages: MessageStore) -> None:
        """Each step tells whom it erased; the last one tells that nobody is left."""
        mine = [make_message(number=number, starred=number % 2 == 0) for number in range(1, 8)]
        other = make_message(account_id=OTHER_ACCOUNT_ID)
        messages.put(mine)
        messages.put([other])

        steps = []
        while step := messages.erase(ACCOUNT_ID, limit=3):
            steps.append(step)

        assert [len(step) for step in steps] == [3, 3, 1]
        assert {each for step in steps for each in step} == {message.id for message in mine}
        for view in (ALL_MAIL, INBOX, UNREAD, STARRED):
            assert listed(messages, view) == []
        assert not any(is_stored(messages, message) for message in mine)
        assert is_stored(messages, other)

    def test_nothing_is_left_to_erase(self, messages: MessageStore) -> None:
        """An account without mail is erased at once."""
        assert list(messages.erase(AccountId("nobody"), limit=10)) == []
