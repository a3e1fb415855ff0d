"""Fetches messages with all that belongs to them.

A delta brings whole messages, except for the list of their attachments; that is asked for before a
message is handed on. A message whose attachments cannot be listed has failed, as one that cannot be
fetched: it is tried again, and never stored without them.

    id ──GET──► message ──in a visible folder──► attachments ──► mapped
     └─ 404 ─► missing    └─ in another one ─► missing
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from postroom.domain.errors import (
    CursorExpired,
    NotFound,
    PostroomError,
    Rejected,
    Retryable,
    TooLarge,
)
from postroom.domain.folder import FolderRole
from postroom.domain.ids import AccountId, ProviderDraftId
from postroom.domain.message import FullMessage
from postroom.domain.sync import FetchResult, MessageRef
from postroom.observability import logger
from postroom.providers.answers import text
from postroom.providers.fetch_outcome import FetchOutcome
from postroom.providers.mail_content import BROKEN_CONTENT
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.batch_reading import Postponed, read_many
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.microsoft.folders import Folders
from postroom.providers.microsoft.mapping import (
    ATTACHMENT_PROPERTIES,
    MESSAGE_PROPERTIES,
    has_attachments,
    map_message,
    ref_of,
)
from postroom.providers.microsoft.types import GraphAttachment, GraphMessage
from postroom.providers.refusals import ServerFailed


class MessageFetcher:
    """Fetches messages of one mailbox; several threads may use it at the same time."""

    def __init__(self, client: GraphClient, account_id: AccountId, folders: Folders) -> None:
        self._client = client
        self._account_id = account_id
        self._folders = folders

    def fetch(
        self,
        refs: Sequence[MessageRef],
        *,
        whole: Iterable[GraphMessage] = (),
        places: int = 1,
    ) -> FetchResult:
        """Fetch messages, and complete those that are `whole` already; see Mailbox.fetch.

        Takes up to so many of the mailbox's four `places`.
        """
        outcome = FetchOutcome()
        wanted = {ref.provider_id: ref for ref in refs}
        answers = read_many(
            self._client,
            {each: f"{paths.message(each)}?$select={MESSAGE_PROPERTIES}" for each in wanted},
            places=places,
        )
        fetched: list[GraphMessage] = []
        for provider_id, ref in wanted.items():
            answer = answers[provider_id]
            if isinstance(answer, NotFound):
                outcome.missing.append(ref)
            elif isinstance(answer, Postponed):
                outcome.postpone([ref], answer.because)
            elif isinstance(answer, PostroomError):
                outcome.fail([ref], answer)
            elif text(answer.get("id")) != provider_id:
                outcome.fail([ref], Rejected("Outlook answers with another message"))
            elif not self._folders.is_visible(text(answer.get("parentFolderId"))):
                outcome.missing.append(ref)
            else:
                fetched.append(answer)
        self._complete([*whole, *fetched], outcome)
        return outcome.result()

    def _complete(self, messages: Sequence[GraphMessage], outcome: FetchOutcome) -> None:
        """List the attachments of messages, and map them."""
        listed = self._attachments([each["id"] for each in messages if has_attachments(each)])
        for raw in messages:
            attachments = listed.get(raw["id"], [])
            if isinstance(attachments, NotFound):
                outcome.missing.append(ref_of(raw))
            elif isinstance(attachments, Postponed):
                outcome.postpone([ref_of(raw)], attachments.because)
            elif isinstance(attachments, PostroomError):
                outcome.fail([ref_of(raw)], attachments)
            else:
                self._map(raw, attachments, outcome)

    def _map(
        self, raw: GraphMessage, attachments: Sequence[GraphAttachment], outcome: FetchOutcome
    ) -> None:
        try:
            full = map_message(raw, self._account_id, attachments=attachments)
            outcome.messages.append(self._as_draft(full, text(raw.get("parentFolderId"))))
        except BROKEN_CONTENT as error:
            # No known content leads here. Should one, it stops itself and not the mailbox.
            logger.exception("message_not_mapped", extra={"account_id": self._account_id})
            outcome.fail_unreadable([ref_of(raw)], error)

    def _as_draft(self, full: FullMessage, folder: str) -> FullMessage:
        """Name the draft of a message that is one: it is the message itself.

        One in the trash was given up by its author, and is no draft until it is taken out again.
        """
        message = full.message
        if not message.is_draft or self._folders.role_of(folder) is FolderRole.TRASH:
            return full
        draft = ProviderDraftId(message.provider_id)
        return replace(full, message=replace(message, provider_draft_id=draft))

    def _attachments(
        self, provider_ids: Sequence[str]
    ) -> Mapping[str, list[GraphAttachment] | PostroomError]:
        answers = read_many(
            self._client,
            {
                each: f"{paths.message(each, 'attachments')}?$select={ATTACHMENT_PROPERTIES}"
                for each in provider_ids
            },
        )
        return {
            provider_id: answer if isinstance(answer, PostroomError) else self._all_pages(answer)
            for provider_id, answer in answers.items()
        }

    def _all_pages(self, answer: Mapping[str, Any]) -> list[GraphAttachment] | PostroomError:
        """Return the attachments of a list and of its following pages, or what went wrong."""
        found: list[GraphAttachment] = []
        try:
            while True:
                listed = answer.get("value") if isinstance(answer, dict) else None
                if not isinstance(listed, list):
                    raise ServerFailed("Outlook's answer is no list of attachments")
                found += [each for each in listed if isinstance(each, dict)]
                link = text(answer.get("@odata.nextLink"))
                if not link:
                    return found
                answer = self._client.follow(link)
        except AccessDenied as error:
            return error.of_this_alone("Outlook does not show this message")
        except (CursorExpired, NotFound, Rejected, Retryable, TooLarge) as error:
            return error
