"""Sends messages, each as a draft that is sent by its id: so it is always known what became of it.

    plain: POST messages ─────────────┐
    answer: createReply/createForward ┴► draft ► attachments ► send ── 202 ─► sent
              └ 404: plain                 │                     ├─ refused ─► draft deleted
                                           │                     └─ no answer ─► ask for the draft:
            any failure before send ─► draft deleted                 no draft any more ─► sent
                                                                     still a draft, gone, or no
                                                                     answer ─► outcome unknown,
                                                                     and nothing is deleted

What its author put into MIME makes its draft in that form, with everything in it.

Whoever sends again takes the draft that is left, if all of its files are there. A Message-ID of the
author's own may stand in drafts of theirs, too: these are older than the send, and let alone.

Immutable ids hold when a draft becomes a sent message.
https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from postroom.domain.errors import (
    NotFound,
    OutcomeUnknown,
    PostroomError,
    ProviderError,
    Rejected,
    Retryable,
    SendingLimitReached,
    Throttled,
    TooLarge,
)
from postroom.domain.folder import FolderRole
from postroom.domain.ids import InternetMessageId, ProviderMessageId, ProviderThreadId
from postroom.domain.outgoing import AnswerKind, OutgoingAttachment, OutgoingMessage, SentMessage
from postroom.domain.sender import Sender
from postroom.observability import logger
from postroom.providers.answers import text
from postroom.providers.decoding import clean
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.microsoft.folders import Folders
from postroom.providers.microsoft.mapping import read_moment
from postroom.providers.microsoft.outgoing import (
    LARGEST_POSTED_BYTES,
    attachment_of,
    check,
    custom_headers_of,
    draft_of,
    references_of,
    upload_of,
)
from postroom.providers.microsoft.types import GraphMessage
from postroom.providers.refusals import InsufficientScope, ServerFailed, TimedOut, Unanswered

_STATE = "id,conversationId,isDraft,parentFolderId"
_CLOCKS_DIFFER_BY = timedelta(seconds=5)
"""At most: Outlook's clock and ours, and the second that Outlook cuts off."""
_IDENTITY = "mail,userPrincipalName,displayName"
_ANSWERS = {AnswerKind.REPLY: "createReply", AnswerKind.FORWARD: "createForward"}
_ALIAS = "smtp:"
"""Of the main address in capitals; others are for other systems than mail (`SIP:`, `X500:`)."""


class MessageSender:
    """Sends from one mailbox."""

    def __init__(self, client: GraphClient, folders: Folders) -> None:
        self._client = client
        self._folders = folders

    def senders(self) -> list[Sender]:
        """Return the mailbox's own address, then its aliases where Microsoft tells them.

        Signatures are kept by Outlook's clients: no API tells them. Nor does one tell whether an
        organisation has allowed to send from aliases; unless it has, Exchange writes the main
        address over them on the way out, and refuses nothing.
        https://learn.microsoft.com/en-us/powershell/module/exchange/set-organizationconfig
        (SendFromAliasEnabled)
        """
        try:
            me = self._client.get("me", {"$select": f"{_IDENTITY},proxyAddresses"})
        except (Rejected, AccessDenied, InsufficientScope):
            me = self._client.get("me", {"$select": _IDENTITY})
        own = text(me.get("mail")) or text(me.get("userPrincipalName"))
        listed = me.get("proxyAddresses")
        aliases = [
            each[len(_ALIAS) :]
            for each in (listed if isinstance(listed, list) else ())
            if isinstance(each, str) and each.lower().startswith(_ALIAS)
        ]
        unique: dict[str, str] = {}
        for each in (own, *aliases):
            if "@" in each:
                unique.setdefault(each.casefold(), each)
        name = clean(text(me.get("displayName")))
        return [
            Sender(email=each, name=name, is_default=place == 0)
            for place, each in enumerate(unique.values())
        ]

    def mail_address(self) -> str:
        """Return the mailbox's own address; empty where Microsoft knows a sign-in name alone."""
        return text(self._client.get("me", {"$select": "mail"}).get("mail"))

    def send(self, message: OutgoingMessage, *, again: bool = False) -> SentMessage:
        """Send a message once; see Mailbox.send."""
        check(message)
        left_behind = self._left_behind(message) if again else None
        draft = left_behind or self._draft(message)
        try:
            if left_behind:
                self._leave_again(text(draft.get("id")))
            else:
                self._leave_with_files(text(draft.get("id")), message)
        except OutcomeUnknown as doubt:
            return self._settled(draft, doubt)
        return _sent(draft)

    def leave(self, draft_id: str) -> None:
        """Send a draft by its id. Raises Rejected, Throttled only of what surely is a draft still.

        Its owner, or an earlier call of ours, may have sent it meanwhile: Graph then refuses, since
        there is no such draft, and the sent message bears the draft's id. A 429 may come of a draft
        that Exchange has just sent.
        """
        try:
            self._client.send_once(paths.message(draft_id, "send"))
        except (Rejected, Throttled, SendingLimitReached) as refusal:
            if not self._is_surely_draft(draft_id):
                raise OutcomeUnknown("Outlook may have sent this draft") from refusal
            raise

    def _leave_with_files(self, draft_id: str, message: OutgoingMessage) -> None:
        with self._deleted_on_failure(draft_id):
            for attachment in message.attachments:
                self.attach(draft_id, attachment, is_plaintext=message.is_plaintext)
            self.leave(draft_id)

    def _leave_again(self, draft_id: str) -> None:
        """Send a draft that an earlier attempt may have sent.

        When it is gone, it may have become a mail that was deleted. It stays for the next attempt
        unless it is refused.
        """
        try:
            self.leave(draft_id)
        except NotFound as error:
            raise OutcomeUnknown("Outlook has neither the draft nor the mail") from error
        except Rejected:
            self.discard(draft_id)
            raise

    def _is_surely_draft(self, draft_id: str) -> bool:
        try:
            state = self._client.get(paths.message(draft_id), {"$select": _STATE})
        except ProviderError:
            return False
        return state.get("isDraft") is True

    def find_sent(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> SentMessage | None:
        """Look for what bears this Message-ID and is no draft.

        A draft with it was left by somebody who died before sending. It is left where it is: to
        delete it is not for someone who only asks.
        """
        found = [
            each
            for each in self._with_id(message_id)
            if each.get("isDraft") is False and _is_of(each, "sentDateTime", since)
        ]
        if len(found) > 1:  # a mail to oneself has a second copy, which was received
            found.sort(key=lambda each: not self._is_in_sent(each))
        return _sent(found[0]) if found else None

    def drafts_with_id(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> list[GraphMessage]:
        """Return what bears this Message-ID, is a draft, and was not made before `since`."""
        return [
            each
            for each in self._with_id(message_id)
            if each.get("isDraft") is True and _is_of(each, "createdDateTime", since)
        ]

    def drafted(self, message: OutgoingMessage) -> GraphMessage:
        """Make a draft with all of its files; none is left behind when that fails."""
        check(message)
        draft = self._draft(message)
        draft_id = text(draft.get("id"))
        with self._deleted_on_failure(draft_id):
            for attachment in message.attachments:
                self.attach(draft_id, attachment, is_plaintext=message.is_plaintext)
        return draft

    def _with_id(self, message_id: InternetMessageId) -> list[GraphMessage]:
        escaped = message_id.replace("'", "''")
        select = f"{_STATE},createdDateTime,sentDateTime"
        params = {"$filter": f"internetMessageId eq '{escaped}'", "$select": select}
        listed = self._client.get(paths.MESSAGES, params).get("value")
        return listed if isinstance(listed, list) else []

    # ── The draft ────────────────────────────────────────────────────────────────────────

    def _draft(self, message: OutgoingMessage) -> GraphMessage:
        """Make the draft, in the conversation of the answered message where that still exists.

        When the answer to createReply or createForward is lost, an empty "RE: …" stays behind among
        the owner's drafts: it bears nothing of ours yet, so that nobody could tell it from one that
        the owner has just begun.
        """
        fields, headers = draft_of(message), custom_headers_of(message)
        if message.answered is None:
            return self._plain_draft(message)
        path = paths.message(message.answered.provider_id, _ANSWERS[message.answered.kind])
        try:
            draft = self._made(path, {"message": headers} if headers else {})
        except NotFound:
            return self._plain_draft(message)
        draft_id = text(draft.get("id"))
        with self._deleted_on_failure(draft_id):
            # Outlook puts the answered message's files in: a forward's all, a reply's pictures.
            for part_id in self.files_of(draft_id):
                self._client.delete(paths.attachment(draft_id, part_id))
            changed: GraphMessage = self._client.patch(paths.message(draft_id), fields)
        return {**draft, **changed}

    def _left_behind(self, message: OutgoingMessage) -> GraphMessage | None:
        """Return the draft of an earlier attempt, if it only remains to be sent.

        The same draft can be sent once, whatever becomes of two calls that ask for it. One that
        lacks files was left half-way: nobody has asked to send it, and it is deleted. What bears
        the Message-ID has everything else, since it got all of that in one call.
        """
        complete = None
        for each in self._drafts_of(message):
            draft_id = text(each.get("id"))
            if complete is None and self._has_all_files(draft_id, message):
                complete = each
            else:
                self.discard(draft_id)
        return complete

    def _drafts_of(self, message: OutgoingMessage) -> list[GraphMessage]:
        """Return the drafts that were made of a message, and none that its owner made before."""
        found = self.drafts_with_id(message.message_id)
        if not message.mime:
            return found  # the Message-ID is ours alone
        since = message.date - _CLOCKS_DIFFER_BY
        return [
            each for each in found if (read_moment(each.get("createdDateTime")) or since) > since
        ]

    def _has_all_files(self, draft_id: str, message: OutgoingMessage) -> bool:
        return bool(message.mime) or len(self.files_of(draft_id)) == len(message.attachments)

    def files_of(self, draft_id: str) -> list[str]:
        """Return the ids of a draft's attachments: all pages of them, before any is deleted."""
        answer = self._client.get(paths.message(draft_id, "attachments"), {"$select": "id"})
        found: list[str] = []
        while True:
            found += [text(each.get("id")) for each in answer.get("value") or ()]
            link = text(answer.get("@odata.nextLink"))
            if not link:
                return found
            answer = self._client.follow(link)

    def _plain_draft(self, message: OutgoingMessage) -> GraphMessage:
        since = self._client.now() - _CLOCKS_DIFFER_BY
        try:
            return self._made(
                paths.MESSAGES,
                message.mime
                or {**draft_of(message), **custom_headers_of(message), **references_of(message)},
            )
        except TimedOut:
            raise  # whoever waits for this send has no time left
        except (ServerFailed, TooLarge, Unanswered):
            self._delete_strays(message, since=since)
            raise

    def _made(self, path: str, body: dict[str, Any] | bytes) -> GraphMessage:
        if isinstance(body, bytes):
            draft = self._client.post_mime(path, body)
        else:
            draft = self._client.post(path, body)
        if not isinstance(draft, dict) or not text(draft.get("id")):
            raise ServerFailed("Outlook made a draft and did not say which")
        return draft

    def attach(self, draft_id: str, attachment: OutgoingAttachment, *, is_plaintext: bool) -> None:
        """Put a file into a draft; into one of plain text none is shown inside."""
        path = paths.message(draft_id, "attachments")
        if len(attachment.content) <= LARGEST_POSTED_BYTES:
            self._client.post(path, attachment_of(attachment, is_plaintext=is_plaintext))
            return
        session = self._client.post(
            f"{path}/createUploadSession", upload_of(attachment, is_plaintext=is_plaintext)
        )
        self._client.upload(text(session.get("uploadUrl")), attachment.content)

    @contextmanager
    def _deleted_on_failure(self, draft_id: str) -> Iterator[None]:
        """Leave no draft behind when the block fails, unless the draft may have become a mail."""
        try:
            yield
        except OutcomeUnknown:
            raise
        except NotFound as error:
            raise Retryable("the draft was deleted before it could be sent") from error
        except PostroomError:
            self.discard(draft_id)
            raise

    def _delete_strays(self, message: OutgoingMessage, *, since: datetime) -> None:
        """Delete drafts of this message: of one that was made no answer may have come.

        Not older ones: a key that came free may have made its owner the same draft before.
        """
        try:
            strays = self.drafts_with_id(message.message_id, since=since)
        except PostroomError:
            logger.warning("draft_left_behind")
            return
        for each in strays:
            self.discard(text(each.get("id")))

    def discard(self, draft_id: str) -> None:
        """Delete a draft for good, as far as that is possible now."""
        try:
            self._client.post(paths.message(draft_id, "permanentDelete"), {})
        except NotFound:
            pass
        except PostroomError:
            logger.warning("draft_left_behind")

    # ── The outcome ──────────────────────────────────────────────────────────────────────

    def _settled(self, draft: GraphMessage, doubt: OutcomeUnknown) -> SentMessage:
        """Find out what became of a draft when the answer to its sending was lost.

        Raises OutcomeUnknown when it still lies there: Exchange may be about to send it, and what
        is deleted then would be the copy of a mail that left.
        """
        path = paths.message(text(draft.get("id")))
        try:
            state = self._client.get(path, {"$select": _STATE})
            if state.get("isDraft") is False:
                return _sent({**draft, **state})
        except PostroomError as error:
            raise doubt from error
        raise doubt

    def _is_in_sent(self, raw: GraphMessage) -> bool:
        return self._folders.role_of(text(raw.get("parentFolderId"))) is FolderRole.SENT


def _is_of(raw: GraphMessage, name: str, since: datetime | None) -> bool:
    """Whether a message's time is not before `since`; one that Outlook does not tell may be."""
    moment = read_moment(raw.get(name))
    return since is None or moment is None or moment >= since


def _sent(raw: GraphMessage) -> SentMessage:
    return SentMessage(
        provider_id=ProviderMessageId(text(raw.get("id"))),
        provider_thread_id=ProviderThreadId(text(raw.get("conversationId"))),
    )
