"""Every key of the one table.

=================  ==============================  ===========================  ==============
entity             pk                              sk                           write units
=================  ==============================  ===========================  ==============
account            `A#<account>`                   `ACCOUNT`                    1, on a change
its senders        `A#<account>`                   `SENDERS`                    1 per KB
its identity       `I#<provider>#<subject>`        `IDENTITY`                   1, once
its address        `E#<address, lower case>`       `<account>`                  1, once
its list entry     `ACCOUNTS`                      `<created at>#<account>`     1, once
provider config    `PROVIDER_CONFIGS`              `<provider>`                 1
another client     `CLIENTS#<provider>`            `<id>`                       1
profile            `APPLICATION`                   `PROFILE`                    1 per KB
return address     `APPLICATION`                   `REDIRECT_URI#<id>`          1
webhook            `WEBHOOKS`                      `<id>`                       1
a delivery         `WD#<webhook>`                  `<event's time>#<event>#<n>` 1, each attempt
their count        `WC#<webhook>`                  `<five minutes>`             1, each attempt
API key            `KEY#<hash>`                    `KEY`                        1, once
its list entry     `API_KEYS`                      `<id>`                       1, once
connection         `STATE#<hash>`                  `STATE`                      1, and to take
code               `CODE#<hash>`                   `CODE`                       1, and to take
bearer token       `TOKEN#<hash>`                  `TOKEN`                      1
session            `SESSION#<hash>`                `SESSION`                    1, an hour
invitation         `INVITATIONS`                   `<id>`                       1
person's account   `PERSON#<person>`               `<account>`                  1, once
folder             `F#<account>`                   `<folder>`                   1, on a change
message            `M#<account>#<message>`         `MESSAGE`                    2 (median)
its content        `M#<account>#<message>`         `BODY`                       1 to 3
location           `L#<account>#<view>`            `<received at>#<message>`    1
thread             `T#<account>#<thread>`          `THREAD`                     1 (20 messages)
sync, present      `S#<account>`                   `PRESENT`                    1, and 2 `due`
sync, backfill     `S#<account>`                   `BACKFILL`                   1
sync, a unit       `S#<account>`                   `UNIT#<unit>`                1 per KB (3)
pending fetch      `P#<account>`                   `<provider's message id>`    1
audit              `AUDIT#<account>`               `REPORT`                     1
audit of a folder  `AUDIT#<account>`               `VIEW#<view>`                1
listed mark        `R#<account>#<generation>`      `<message>`                  1
send               `O#<account>`                   `<outbox id>`                1, and 2 `due`
its place          `W#<account>`                   `<outbox id>`                1, if followed
upload             `U#<account>`                   `<upload id>`                1, twice
draft's making     `D#<account>`                   `<creation id>`              1, twice
event              `EV#<event>`                    `EVENT`                      1, once
lock               `LOCK#<name>`                   `LOCK`                       1
quota's usage      `Q#<account>`                   `USAGE`                      1
limit's usage      `Q#<account>`                   `USAGE#<limit>`              1 a send
used in a day      `DAY#<provider>#<day>`          `DAY`                        1
=================  ==============================  ===========================  ==============

Who reads it: accounts and provider configs, every function; connections and tokens, the OAuth
functions and authentication; folders, messages, contents and locations, the API and the workers
(threads, the API alone);
sync rows, doorbells, the workers and the sweep (which finds them by the index `due`; the workers
alone and whoever shows progress read the units, all of an account at once); pending fetches and
marks, the sync worker; audits, the sync worker and whoever shows them; sends, the API, the send
worker and the sweep (by the same index); uploads, whoever offers and sends them; events, the
table's stream and who delivers them; deliveries and their counts, who delivers and the API; locks,
whoever renews a token; usages, whoever calls a provider; what was used in a day, whoever calls it
for a backfill.

A partition takes 1,000 write units a second, so nothing hot shares one. What does share one:
`ACCOUNTS`, written once per account, read in pages by the list of accounts (ten accounts of it in a
kilobyte; good for some 100,000 accounts, then it wants shards). A new unread mail in one folder
costs 2 for the message, 1 to 3 for its content, 4 locations (all mail, folder, unread, thread) and
1 or 2 for its thread: 8 to 11 of the 12 that were allowed. A thread costs one more for every 50
messages in it. One that becomes read costs 2 for the message, 3 locations written again (which
heals what a crash left undone), 1 taken away, 1 for its thread and 2 to note that it is gone.

An application's metadata stands in the message's row, so that no list reads more rows for it: to
note it costs what the row costs, and the row of a message that has any is larger.

Codes, states, tokens, sessions and API keys are secrets: only their SHA-256 stands in a key.
"""

import hashlib
from datetime import UTC, date, datetime
from typing import NamedTuple

from postroom.domain.account import Identity, ProviderName
from postroom.domain.ids import (
    AccountId,
    CreationId,
    EventId,
    FolderId,
    MessageId,
    OutboxId,
    PersonId,
    ProviderMessageId,
    ThreadId,
)
from postroom.domain.message import Position, View
from postroom.domain.sync import SyncUnitId
from postroom.domain.upload import UploadId

DUE_INDEX = "due"
DUE_SHARDS = tuple(f"{shard:02d}" for shard in range(16))
"""Partitions of the due index, so that the sweep's load and the workers' spread."""

SEND_DUE_SHARDS = tuple(f"send-{shard}" for shard in range(4))
"""Partitions of the due index for sends, so that neither sweep reads past what is the other's."""

_LONGEST_PK = 2048
_LONGEST_SK = 1024


class Key(NamedTuple):
    """Where a row stands."""

    pk: str
    sk: str

    @property
    def is_possible(self) -> bool:
        """Whether DynamoDB allows such a key; ids that callers make up may be too long for it.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
        """
        return 0 < _size(self.pk) <= _LONGEST_PK and 0 < _size(self.sk) <= _LONGEST_SK


# ── Accounts ─────────────────────────────────────────────────────────────────────────────────

ACCOUNTS = "ACCOUNTS"


def account(account_id: AccountId) -> Key:
    """Return the key of an account."""
    return Key(f"A#{account_id}", "ACCOUNT")


def senders(account_id: AccountId) -> Key:
    """Return the key of the addresses that an account may send from."""
    return Key(f"A#{account_id}", "SENDERS")


def identity(identity: Identity) -> Key:
    """Return the key that lets each of a provider's subjects have one account only."""
    return Key(f"I#{identity.provider}#{identity.subject}", "IDENTITY")


def accounts_with(email: str) -> str:
    """Return the partition of all accounts with an address, in whatever case it is written."""
    return f"E#{email.strip().casefold()}"


def account_address(email: str, account_id: AccountId) -> Key:
    """Return the key of an account below its address."""
    return Key(accounts_with(email), account_id)


def account_entry(account_id: AccountId, created_at: datetime) -> Key:
    """Return the key of an account in the list of all."""
    return Key(ACCOUNTS, f"{_moment(created_at, 'microseconds')}#{account_id}")


# ── Settings ─────────────────────────────────────────────────────────────────────────────────

PROVIDER_CONFIGS = "PROVIDER_CONFIGS"
APPLICATION = "APPLICATION"
PROFILE = Key(APPLICATION, "PROFILE")
REDIRECT_URI_PREFIX = "REDIRECT_URI#"


def provider_config(provider: ProviderName) -> Key:
    """Return the key of a provider config."""
    return Key(PROVIDER_CONFIGS, provider)


def registrations(provider: ProviderName) -> str:
    """Return the partition of a provider's other clients."""
    return f"CLIENTS#{provider}"


def registration(provider: ProviderName, registration_id: str) -> Key:
    """Return the key of another client of a provider."""
    return Key(registrations(provider), registration_id)


def redirect_uri(redirect_uri_id: str) -> Key:
    """Return the key of a return address."""
    return Key(APPLICATION, REDIRECT_URI_PREFIX + redirect_uri_id)


WEBHOOKS = "WEBHOOKS"


def webhook(webhook_id: str) -> Key:
    """Return the key of a webhook."""
    return Key(WEBHOOKS, webhook_id)


def deliveries(webhook_id: str) -> str:
    """Return the partition of the attempts to tell a webhook of events."""
    return f"WD#{webhook_id}"


def delivery(webhook_id: str, place: str) -> Key:
    """Return the key of an attempt; the places of newer events sort behind."""
    return Key(deliveries(webhook_id), place)


def delivery_counts(webhook_id: str) -> str:
    """Return the partition of the counts of a webhook's attempts."""
    return f"WC#{webhook_id}"


def delivery_count(webhook_id: str, begun_at: datetime) -> Key:
    """Return the key of the count of a few minutes."""
    return Key(delivery_counts(webhook_id), moment(begun_at))


API_KEYS = "API_KEYS"


def api_key(key: str) -> Key:
    """Return the key of the row that an API key opens; many requests read it."""
    return Key(f"KEY#{_hash(key)}", "KEY")


def api_key_entry(api_key_id: str) -> Key:
    """Return the key of an API key in the list of all."""
    return Key(API_KEYS, api_key_id)


# ── Connections ──────────────────────────────────────────────────────────────────────────────


def connection_request(state: str) -> Key:
    """Return the key of a connection in progress."""
    return Key(f"STATE#{_hash(state)}", "STATE")


def authorization_code(code: str) -> Key:
    """Return the key of an application's code."""
    return Key(f"CODE#{_hash(code)}", "CODE")


def bearer_token(token: str) -> Key:
    """Return the key of a token of ours."""
    return bearer_token_at(f"TOKEN#{_hash(token)}")


def bearer_token_at(pk: str) -> Key:
    """Return the key of a token whose partition another row names."""
    return Key(pk, "TOKEN")


# ── People ───────────────────────────────────────────────────────────────────────────────────

INVITATIONS = "INVITATIONS"


def session(token: str) -> Key:
    """Return the key of a session."""
    return Key(f"SESSION#{_hash(token)}", "SESSION")


def invitation(invitation_id: str) -> Key:
    """Return the key of an invitation."""
    return Key(INVITATIONS, invitation_id)


def accounts_of(person_id: PersonId) -> str:
    """Return the partition of a person's accounts."""
    return f"PERSON#{person_id}"


def account_of(person_id: PersonId, account_id: AccountId) -> Key:
    """Return the key of an account among a person's."""
    return Key(accounts_of(person_id), account_id)


# ── Mail ─────────────────────────────────────────────────────────────────────────────────────


def folders(account_id: AccountId) -> str:
    """Return the partition of an account's folders."""
    return f"F#{account_id}"


def folder(account_id: AccountId, folder_id: FolderId) -> Key:
    """Return the key of a folder."""
    return Key(folders(account_id), folder_id)


def message(account_id: AccountId, message_id: MessageId) -> Key:
    """Return the key of a message, or of the tombstone in its place."""
    return Key(f"M#{account_id}#{message_id}", "MESSAGE")


def content(account_id: AccountId, message_id: MessageId) -> Key:
    """Return the key of a message's content."""
    return Key(f"M#{account_id}#{message_id}", "BODY")


def view(account_id: AccountId, view: View) -> str:
    """Return the partition of a view's locations."""
    return f"L#{account_id}#{view}"


def location(account_id: AccountId, view: View, position: Position) -> Key:
    """Return the key of a message's location in a view."""
    return Key(f"L#{account_id}#{view}", f"{moment(position.received_at)}#{position.message_id}")


def position(location_sk: str) -> Position:
    """Return the place that a location stands for."""
    received_at, _, message_id = location_sk.partition("#")
    return Position(
        received_at=datetime.fromisoformat(received_at), message_id=MessageId(message_id)
    )


def moment(at: datetime) -> str:
    """Write a time so that it sorts, to the millisecond, from year 1 to year 9999."""
    return _moment(at, "milliseconds")


def thread(account_id: AccountId, thread_id: ThreadId) -> Key:
    """Return the key of a thread."""
    return Key(f"T#{account_id}#{thread_id}", "THREAD")


BEFORE_ALL_LOCATIONS = "0"
BEHIND_ALL_MESSAGE_IDS = "~"
"""Sorts behind every character of an id."""


# ── Sync ─────────────────────────────────────────────────────────────────────────────────────


def sync(account_id: AccountId) -> str:
    """Return the partition of an account's sync rows: two lanes, and its units."""
    return f"S#{account_id}"


def sync_present(account_id: AccountId) -> Key:
    """Return the key of the dirty mark, the times and the lease of the present."""
    return Key(sync(account_id), "PRESENT")


def sync_backfill(account_id: AccountId) -> Key:
    """Return the key of the lease of the backfill."""
    return Key(sync(account_id), "BACKFILL")


SYNC_UNIT_PREFIX = "UNIT#"


def sync_unit(account_id: AccountId, unit_id: SyncUnitId) -> Key:
    """Return the key of a unit's cursor and checkpoint. Its id is the provider's word."""
    return Key(sync(account_id), SYNC_UNIT_PREFIX + unit_id)


def unit_of_sync(sk: str) -> SyncUnitId:
    """Return whose row it is."""
    return SyncUnitId(sk.removeprefix(SYNC_UNIT_PREFIX))


def account_of_sync(pk: str) -> AccountId:
    """Return whose sync row it is."""
    return AccountId(pk.removeprefix("S#"))


def due_shard(account_id: AccountId) -> str:
    """Return the account's partition of the due index."""
    return DUE_SHARDS[hashlib.sha256(account_id.encode()).digest()[0] % len(DUE_SHARDS)]


def pending_fetches(account_id: AccountId) -> str:
    """Return the partition of an account's pending fetches."""
    return f"P#{account_id}"


def pending_fetch(account_id: AccountId, provider_id: ProviderMessageId) -> Key:
    """Return the key of a pending fetch."""
    return Key(pending_fetches(account_id), provider_id)


def audits(account_id: AccountId) -> str:
    """Return the partition of an account's audit: the whole of it, and its folders."""
    return f"AUDIT#{account_id}"


def audit(account_id: AccountId) -> Key:
    """Return the key of an account's audit."""
    return Key(audits(account_id), "REPORT")


_VIEW_PREFIX = "VIEW#"


def folder_audit(account_id: AccountId, view: View) -> Key:
    """Return the key of what is known about a folder, or about all mail."""
    return Key(audits(account_id), _VIEW_PREFIX + view)


def view_of_audit(sk: str) -> View:
    """Return the folder whose audit it is."""
    return View(sk.removeprefix(_VIEW_PREFIX))


def listed_mark(account_id: AccountId, generation: str, message_id: MessageId) -> Key:
    """Return the key of the mark that a reading of a unit has listed a message."""
    return Key(f"R#{account_id}#{generation}", message_id)


# ── Sends, locks and quotas ──────────────────────────────────────────────────────────────────


def outbox(account_id: AccountId) -> str:
    """Return the partition of an account's sends."""
    return f"O#{account_id}"


def outbox_entry(account_id: AccountId, outbox_id: OutboxId) -> Key:
    """Return the key of a send."""
    return Key(outbox(account_id), outbox_id)


def send_of(key: Key) -> tuple[AccountId, OutboxId]:
    """Return which send it is, by its key."""
    return AccountId(key.pk.removeprefix("O#")), OutboxId(key.sk)


def send_due_shard(outbox_id: OutboxId) -> str:
    """Return a send's partition of the due index."""
    digest = hashlib.sha256(outbox_id.encode()).digest()
    return SEND_DUE_SHARDS[digest[0] % len(SEND_DUE_SHARDS)]


def followed_sends(account_id: AccountId) -> str:
    """Return the partition of the places of those sends that somebody follows."""
    return f"W#{account_id}"


def followed_send(account_id: AccountId, outbox_id: OutboxId) -> Key:
    """Return the key of a send's place among those that somebody follows."""
    return Key(followed_sends(account_id), outbox_id)


def uploads(account_id: AccountId) -> str:
    """Return the partition of an account's uploads."""
    return f"U#{account_id}"


def upload(account_id: AccountId, upload_id: UploadId) -> Key:
    """Return the key of an upload."""
    return Key(uploads(account_id), upload_id)


def draft_creations(account_id: AccountId) -> str:
    """Return the partition of the drafts that were made through us."""
    return f"D#{account_id}"


def draft_creation(account_id: AccountId, creation_id: CreationId) -> Key:
    """Return the key of a draft's making."""
    return Key(draft_creations(account_id), creation_id)


def event(event_id: EventId) -> Key:
    """Return the key of an event."""
    return Key(f"EV#{event_id}", "EVENT")


def lock(name: str) -> Key:
    """Return the key of a lock."""
    return Key(f"LOCK#{name}", "LOCK")


def usage(account_id: AccountId, limit: str = "") -> Key:
    """Return the key of what was used of a mailbox's quota lately, or of another limit."""
    return Key(f"Q#{account_id}", f"USAGE#{limit}" if limit else "USAGE")


def used_in_day(provider: ProviderName, day: date) -> Key:
    """Return the key of what all mailboxes of a provider used in a day."""
    return Key(f"DAY#{provider}#{day.isoformat()}", "DAY")


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _moment(at: datetime, precision: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=precision)
