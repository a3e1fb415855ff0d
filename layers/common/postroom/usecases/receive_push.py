"""A provider's push: raise the dirty mark, call a worker, and answer at once.

    push ─► whose? ─► dirty mark ─► one queue call per account ─► 2xx
                          └── nobody's ──► nothing

What fails on the way is raised, so that the provider delivers again; ringing twice does no harm.
Duplicates, pushes in the wrong order and floods cost a write and a queue call each: the worker that
finds no new dirty mark does nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import Forbidden, InvalidRequest, NotFound
from postroom.domain.ids import AccountId, ProviderMessageId
from postroom.domain.push import AddressPush, PushRequest, WatchPush
from postroom.observability import count
from postroom.ports import AccountStore, PushReader, SyncStateStore, WorkQueue

_AT_ONCE = 16
"""Accounts that are rung side by side."""

_MOST_ACCOUNTS = 1_000
"""In one request: more than one provider's batch holds, and what can be rung in a second."""

_MOST_SECRETS = 10
"""For one account in one request: a watch that was replaced may still ring beside its successor."""

_MOST_HINTS = 20
"""The worker fetches them one by one before it begins its round, which finds the others."""

_NOT_SYNCED = (AccountStatus.REAUTH_REQUIRED, AccountStatus.DELETING)


def receive_address_push(
    *,
    request: PushRequest,
    reader: PushReader[AddressPush],
    accounts: AccountStore,
    sync_states: SyncStateStore,
    work: WorkQueue,
) -> int:
    """Ring for the accounts of a mailbox; answers how many. A mailbox of nobody is none of ours.

    Raises what the reader raises.
    """
    rung = 0
    for push in reader.read(request):
        for account in _accounts_of(push, accounts):
            if sync_states.ring(account.id):
                work.sync(account.id)
                rung += 1
    count("PushesRung" if rung else "PushesForNobody")
    return rung


def receive_watch_pushes(
    *,
    request: PushRequest,
    reader: PushReader[WatchPush],
    sync_states: SyncStateStore,
    work: WorkQueue,
) -> int:
    """Ring once for each account whose watch's secret came along; answers how many.

    Each account costs one write, whatever comes for it: one true secret vouches for all of its
    pushes, of which those with the first few secrets count. Accounts without are dropped.
    Raises Forbidden when no push at all is genuine, InvalidRequest when there are too many
    accounts, and what the reader raises.
    """
    by_account = _by_account(reader.read(request))
    if len(by_account) > _MOST_ACCOUNTS:
        raise InvalidRequest(f"Send pushes for at most {_MOST_ACCOUNTS} accounts.")

    def ring(pushes: Sequence[WatchPush]) -> bool:
        account_id = pushes[0].account_id
        secret_hashes = list(
            islice(dict.fromkeys(push.secret_hash for push in pushes), _MOST_SECRETS)
        )
        pushes = [push for push in pushes if push.secret_hash in secret_hashes]
        genuine = sync_states.ring_watched(
            account_id,
            secret_hashes=secret_hashes,
            watch_is_ending=any(push.watch_is_ending for push in pushes),
        )
        if genuine:
            work.sync(account_id, hints=_hints(pushes))
        return genuine

    rung = sum(_each(ring, by_account))
    if rung < len(by_account):
        count("PushesForNobody", len(by_account) - rung)
    if not rung:
        raise Forbidden("No watch of ours pushes this.")
    count("PushesRung", rung)
    return rung


def _accounts_of(push: AddressPush, accounts: AccountStore) -> Iterable[Account]:
    for account_id in accounts.by_email(push.address):
        try:
            account = accounts.get(account_id)
        except NotFound:  # deleted in between
            continue
        if account.identity.provider is push.provider and account.status not in _NOT_SYNCED:
            yield account


def _by_account(pushes: Iterable[WatchPush]) -> list[list[WatchPush]]:
    """Put together what needs one write."""
    accounts: dict[AccountId, list[WatchPush]] = {}
    for push in pushes:
        accounts.setdefault(push.account_id, []).append(push)
    return list(accounts.values())


def _hints(pushes: Iterable[WatchPush]) -> Sequence[ProviderMessageId]:
    named = dict.fromkeys(push.message_id for push in pushes if push.message_id is not None)
    return list(islice(named, _MOST_HINTS))


def _each(
    ring: Callable[[Sequence[WatchPush]], bool], by_account: Sequence[Sequence[WatchPush]]
) -> list[bool]:
    if len(by_account) == 1:
        return [ring(by_account[0])]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
        return list(threads.map(ring, by_account))
