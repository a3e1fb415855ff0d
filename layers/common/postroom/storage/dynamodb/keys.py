"""Every key of the one table.

=================  ==============================  ===========================  ==============
entity             pk                              sk                           write units
=================  ==============================  ===========================  ==============
account            `A#<account>`                   `ACCOUNT`                    1, on a change
its identity       `I#<provider>#<subject>`        `IDENTITY`                   1, once
its address        `E#<address, lower case>`       `<account>`                  1, once
its list entry     `ACCOUNTS`                      `<created at>#<account>`     1, once
provider config    `PROVIDER_CONFIGS`              `<provider>`                 1
profile            `APPLICATION`                   `PROFILE`                    1 per KB
return address     `APPLICATION`                   `REDIRECT_URI#<id>`          1
connection         `STATE#<hash>`                  `STATE`                      1, and to take
code               `CODE#<hash>`                   `CODE`                       1, and to take
bearer token       `TOKEN#<hash>`                  `TOKEN`                      1
folder             `F#<account>`                   `<folder>`                   1, on a change
message            `M#<account>#<message>`         `MESSAGE`                    2 (median)
its content        `M#<account>#<message>`         `BODY`                       1 to 3
location           `L#<account>#<view>`            `<received at>#<message>`    1
sync, present      `S#<account>`                   `PRESENT`                    1, and 2 `due`
sync, backfill     `S#<account>`                   `BACKFILL`                   1
pending fetch      `P#<account>`                   `<provider's message id>`    1
listed mark        `R#<account>#<generation>`      `<message>`                  1
send               `O#<account>`                   `<outbox id>`                1
lock               `LOCK#<name>`                   `LOCK`                       1
=================  ==============================  ===========================  ==============

Who reads it: accounts and provider configs, every function; connections and tokens, the OAuth
functions and authentication; folders, messages, contents and locations, the API and the workers;
sync rows, doorbells, the workers and the sweep (which finds them by the index `due`); pending
fetches and marks, the sync worker; sends, the API and the send worker; locks, whoever renews
a token.

A partition takes 1,000 write units a second, so nothing hot shares one. What does share one:
`ACCOUNTS`, written once per account, read in pages by the list of accounts (ten accounts of it in a
kilobyte; good for some 100,000 accounts, then it wants shards). A new unread mail in one folder
costs 2 for the message, 1 to 3 for its content and 3 locations: 6 to 8 of the 12 that were allowed.
One that becomes read costs 2 for the message, 2 locations written again (which heals what a crash
left undone), 1 taken away and 2 to note that it is gone.

Codes, states and tokens are secrets: only their SHA-256 stands in a key.
"""

import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

from postroom.domain.account import Identity, ProviderName
from postroom.domain.ids import AccountId, FolderId, MessageId, OutboxId, ProviderMessageId
from postroom.domain.message import Position, View

DUE_INDEX = "due"
DUE_SHARDS = tuple(f"{shard:02d}" for shard in range(16))
"""Partitions of the due index, so that the sweep's load and the workers' spread."""


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


def redirect_uri(redirect_uri_id: str) -> Key:
    """Return the key of a return address."""
    return Key(APPLICATION, REDIRECT_URI_PREFIX + redirect_uri_id)


# ── Connections ──────────────────────────────────────────────────────────────────────────────


def connection_request(state: str) -> Key:
    """Return the key of a connection in progress."""
    return Key(f"STATE#{_hash(state)}", "STATE")


def authorization_code(code: str) -> Key:
    """Return the key of an application's code."""
    return Key(f"CODE#{_hash(code)}", "CODE")


def bearer_token(token: str) -> Key:
    """Return the key of a token of ours."""
    return Key(f"TOKEN#{_hash(token)}", "TOKEN")


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


BEFORE_ALL_LOCATIONS = "0"
BEHIND_ALL_MESSAGE_IDS = "~"
"""Sorts behind every character of an id."""


# ── Sync ─────────────────────────────────────────────────────────────────────────────────────


def sync(account_id: AccountId) -> str:
    """Return the partition of an account's two sync rows."""
    return f"S#{account_id}"


def sync_present(account_id: AccountId) -> Key:
    """Return the key of cursors, dirty mark and the lease of the present."""
    return Key(sync(account_id), "PRESENT")


def sync_backfill(account_id: AccountId) -> Key:
    """Return the key of the first sync's checkpoint and lease."""
    return Key(sync(account_id), "BACKFILL")


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


def listed_mark(account_id: AccountId, generation: str, message_id: MessageId) -> Key:
    """Return the key of the mark that a reading of the whole mailbox has listed a message."""
    return Key(f"R#{account_id}#{generation}", message_id)


# ── Sends and locks ──────────────────────────────────────────────────────────────────────────


def outbox(account_id: AccountId) -> str:
    """Return the partition of an account's sends."""
    return f"O#{account_id}"


def outbox_entry(account_id: AccountId, outbox_id: OutboxId) -> Key:
    """Return the key of a send."""
    return Key(outbox(account_id), outbox_id)


def lock(name: str) -> Key:
    """Return the key of a lock."""
    return Key(f"LOCK#{name}", "LOCK")


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _moment(at: datetime, precision: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=precision)
