"""Fetches messages with their content, as cheaply as Gmail's quota allows.

A message costs 20 units in whatever format, a whole thread 40: from three wanted messages on, the
thread is asked for. https://developers.google.com/workspace/gmail/api/reference/quota

Calls travel in batches. What becomes of each:

    answered ─► message        404 ─► missing        429 ─► failed, throttled; smaller batches
    a message that fails ─► failed; when all say that Gmail is off, the profile decides
    a thread that fails, lacks a wanted message or is too large ─► its messages one by one

    labelled DRAFT ─► its draft is looked up in the list of drafts, once for all of a fetch
                      not listed: fetched once more, since it may have been replaced or sent

    a lost batch (no answer, or a failure of all) ─► its calls one by one; at the third loss
                                                     the rest is left for later
"""

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from postroom.domain.errors import NotFound, Rejected, Retryable, Throttled, TooLarge
from postroom.domain.ids import AccountId, ProviderMessageId, ProviderThreadId
from postroom.domain.sync import FetchResult, MessageRef
from postroom.observability import logger
from postroom.providers.decoding import from_base64url
from postroom.providers.fetch_outcome import FetchOutcome
from postroom.providers.google.batch import LARGEST_BATCH, PartAnswer
from postroom.providers.google.client import GmailClient
from postroom.providers.google.drafts import Drafts
from postroom.providers.google.errors import PreconditionFailed
from postroom.providers.google.mapping import TRASH, detached_texts, map_message
from postroom.providers.google.types import GmailMessage
from postroom.providers.mail_content import BROKEN_CONTENT
from postroom.providers.refusals import ServerFailed, Unanswered

THREAD_IS_CHEAPER_FROM = 3
"""Messages wanted of one thread: three cost 60 units one by one and 40 together."""

_BATCH_SIZES = (LARGEST_BATCH, 10, 5)
"""Messages in a batch; the next smaller size after Gmail found one too many."""

_LOSS_LIMIT = 3
"""Lost calls after which a fetch ends: a batch, a thread of it, and the message to blame.

Each may have cost a whole timeout, hence one by one at once instead of halves. That Gmail is down
cannot be told from messages that take their batch down, and need not be: what was lost alone has
failed, what was not tried waits, and the fetch never raises for it. If it did, two such messages
that are tried again together would stop their account for ever.
"""

_OF_THE_MESSAGE = ServerFailed | Rejected | PreconditionFailed
"""What a part's refusal says of its messages alone, for all that the batch beside it may bring."""


@dataclass(frozen=True)
class _Call:
    """One GET: a message, or a thread with those of its messages that are wanted."""

    refs: tuple[MessageRef, ...]
    is_thread: bool = False
    is_alone: bool = False
    """It shares no batch: it may have been what took one down."""

    @property
    def path(self) -> str:
        if self.is_thread:
            return f"threads/{quote(self.refs[0].provider_thread_id, safe='')}?format=full"
        return f"messages/{quote(self.refs[0].provider_id, safe='')}?format=full"

    def one_by_one(self) -> "list[_Call]":
        return [_Call((ref,), is_alone=self.is_alone) for ref in self.refs]


class MessageFetcher:
    """Fetches messages of one mailbox; remembers how large a batch may be."""

    def __init__(self, client: GmailClient, account_id: AccountId, drafts: Drafts) -> None:
        self._client = client
        self._account_id = account_id
        self._drafts = drafts
        self._batch_size = LARGEST_BATCH

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Fetch messages; see Mailbox.fetch. What was fetched is never thrown away again."""
        outcome = self._fetch(refs)
        doubtful = self._name_drafts(outcome)
        if doubtful:
            again = self._looked_at_again(doubtful)
            self._name_drafts(again)
            outcome.take(again)
        return outcome.result()

    def _looked_at_again(self, refs: Sequence[MessageRef]) -> FetchOutcome:
        try:
            return self._fetch(refs)
        except Retryable as error:
            outcome = FetchOutcome()
            outcome.fail(refs, error)
            return outcome

    def _name_drafts(self, outcome: FetchOutcome) -> list[MessageRef]:
        """Put the ids of their drafts into messages, or fail those whose drafts cannot be listed.

        Answers those that were drafts when they were fetched and are listed nowhere now.
        """
        drafts = {full.message.provider_id for full in outcome.messages if full.message.is_draft}
        if not drafts:
            return []
        try:
            found = self._drafts.ids_of(drafts)
        except Retryable as error:
            outcome.fail(outcome.withdraw(drafts), error)
            return []
        outcome.messages = [
            replace(full, message=replace(full.message, provider_draft_id=found[provider_id]))
            if (provider_id := full.message.provider_id) in found
            else full
            for full in outcome.messages
        ]
        return [
            MessageRef.to(full.message)
            for full in outcome.messages
            if full.message.provider_id in drafts - found.keys()
            and TRASH not in full.message.folders
        ]

    def _fetch(self, refs: Sequence[MessageRef]) -> FetchOutcome:
        outcome = FetchOutcome()
        calls = deque(_calls(refs))
        losses = 0
        while calls:
            batch = self._next_batch(calls)
            try:
                answers = self._client.batch({str(n): call.path for n, call in enumerate(batch)})
            except TooLarge as error:
                calls.extendleft(reversed(self._smaller(batch, error, outcome)))
                continue
            except (ServerFailed, Unanswered) as error:
                losses += 1
                calls.extendleft(reversed(self._suspects(batch, error, outcome)))
                if losses == _LOSS_LIMIT:
                    outcome.postpone(_refs(calls), error)
                    break
                continue
            except Retryable as error:
                if outcome.is_empty:
                    raise
                outcome.postpone(_refs([*batch, *calls]), error)
                break
            self._check_mailbox(batch, answers, outcome)
            throttled: list[Throttled] = []
            for number, call in enumerate(batch):
                refusal = self._settle(call, answers.get(str(number)), calls, outcome)
                throttled += [refusal] if refusal else []
            if throttled:
                self._batch_size = next((n for n in _BATCH_SIZES if n < self._batch_size), 5)
                wait = max((e.retry_after or timedelta() for e in throttled), default=timedelta())
                if wait or len(throttled) == len(batch):
                    outcome.postpone(_refs(calls), throttled[0])
                    break
        return outcome

    def _check_mailbox(
        self, batch: list[_Call], answers: Mapping[str, PartAnswer], outcome: FetchOutcome
    ) -> None:
        """Raise PreconditionFailed when Gmail is off, and not only some messages say so."""
        errors = [self._client.error(answer) for answer in answers.values()]
        all_say_off = all(isinstance(error, PreconditionFailed) for error in errors)
        if outcome.is_empty and len(errors) == len(batch) and all_say_off:
            self._client.get("profile")

    def _next_batch(self, calls: deque[_Call]) -> list[_Call]:
        """Take calls until they are to bring a batch full of messages."""
        batch = [calls.popleft()]
        wanted = len(batch[0].refs)
        while (
            calls
            and not (batch[0].is_alone or calls[0].is_alone)
            and wanted + len(calls[0].refs) <= self._batch_size
        ):
            batch.append(calls.popleft())
            wanted += len(batch[-1].refs)
        return batch

    def _smaller(self, batch: list[_Call], error: TooLarge, outcome: FetchOutcome) -> list[_Call]:
        """Split what brought too large an answer; a single message that does has failed."""
        if len(batch) > 1:
            self._batch_size = max(1, sum(len(call.refs) for call in batch) // 2)
            return batch
        if batch[0].is_thread:
            return batch[0].one_by_one()
        outcome.fail(batch[0].refs, error)
        return []

    def _suspects(self, batch: list[_Call], error: Retryable, outcome: FetchOutcome) -> list[_Call]:
        """Take a lost batch apart; a message that is lost by itself has failed."""
        if len(batch) > 1:
            return [replace(call, is_alone=True) for call in batch]
        if batch[0].is_thread:
            return replace(batch[0], is_alone=True).one_by_one()
        outcome.fail(batch[0].refs, error)
        return []

    def _settle(
        self, call: _Call, answer: PartAnswer | None, calls: deque[_Call], outcome: FetchOutcome
    ) -> Throttled | None:
        """Note what became of a call, or queue its messages one by one; tells of throttling."""
        if answer is None:
            outcome.fail(call.refs, ServerFailed("Gmail left a part of a batch unanswered"))
            return None
        if answer.status == 200:
            calls.extend(self._read(call, answer, outcome))
            return None
        error = self._client.error(answer)
        if isinstance(error, Throttled):
            outcome.fail(call.refs, error)
            return error
        if call.is_thread and isinstance(error, NotFound | _OF_THE_MESSAGE):
            calls.extend(call.one_by_one())
        elif isinstance(error, NotFound):
            outcome.missing += call.refs
        elif isinstance(error, _OF_THE_MESSAGE):
            outcome.fail(call.refs, error)
        else:
            raise error
        return None

    def _read(self, call: _Call, answer: PartAnswer, outcome: FetchOutcome) -> list[_Call]:
        """Take the wanted messages out of an answer; returns calls for those that it lacks."""
        try:
            content = json.loads(answer.content)
            listed: list[GmailMessage] = content["messages"] if call.is_thread else [content]
            by_id = {ProviderMessageId(raw["id"]): raw for raw in listed}
        except BROKEN_CONTENT as error:
            if call.is_thread:
                return call.one_by_one()
            if isinstance(error, ValueError):
                outcome.fail(call.refs, ServerFailed("Gmail's answer is cut off, or no JSON"))
            else:
                outcome.fail_unreadable(call.refs, error)
            return []
        for ref in call.refs:
            if ref.provider_id in by_id:
                self._map(ref, by_id[ref.provider_id], outcome)
        absent = [ref for ref in call.refs if ref.provider_id not in by_id]
        if call.is_thread:
            # It may lack a message that is there: only the message's own 404 says that it is gone.
            return [_Call((ref,)) for ref in absent]
        outcome.fail(absent, Rejected("Gmail answers with another message"))
        return []

    def _map(self, ref: MessageRef, raw: GmailMessage, outcome: FetchOutcome) -> None:
        try:
            detached = {
                part_id: self._detached(ref, token)
                for part_id, token in detached_texts(raw).items()
            }
            found = {part_id: text for part_id, text in detached.items() if text is not None}
            outcome.messages.append(map_message(raw, self._account_id, detached=found))
        except (Retryable, TooLarge) as error:
            outcome.fail([ref], error)
        except BROKEN_CONTENT as error:
            # No known content leads here. Should one, it stops itself and not the mailbox.
            logger.exception("message_not_mapped", extra={"account_id": self._account_id})
            outcome.fail_unreadable([ref], error)

    def _detached(self, ref: MessageRef, token: str) -> bytes | None:
        message, attachment = quote(ref.provider_id, safe=""), quote(token, safe="")
        try:
            answer = self._client.get(f"messages/{message}/attachments/{attachment}")
        except (NotFound, Rejected):
            return None
        return from_base64url(answer.get("data", ""))


def _refs(calls: Iterable[_Call]) -> list[MessageRef]:
    return [ref for call in calls for ref in call.refs]


def _calls(refs: Sequence[MessageRef]) -> list[_Call]:
    """Group messages by thread where that is cheaper; the order is that of the first of each."""
    threads: dict[ProviderThreadId, dict[ProviderMessageId, MessageRef]] = {}
    for ref in refs:
        threads.setdefault(ref.provider_thread_id, {})[ref.provider_id] = ref
    calls: list[_Call] = []
    for thread_id, wanted in threads.items():
        call = _Call(tuple(wanted.values()), is_thread=True)
        is_cheaper = thread_id and len(wanted) >= THREAD_IS_CHEAPER_FROM
        calls += [call] if is_cheaper else call.one_by_one()
    return calls
