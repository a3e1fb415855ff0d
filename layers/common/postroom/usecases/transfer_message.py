"""Handing over a message, in several calls if it is too large for one.

What has been done is noted before anything is done that rests on it: that it was counted, and how
far it has got.
"""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.account import Account
from postroom.domain.errors import LeaseLost, PostroomError
from postroom.domain.outgoing import OutboxEntry, OutgoingMessage, SentMessage
from postroom.observability import logger
from postroom.ports import Mailbox
from postroom.usecases.send_message import SendTools

_CALL_LIMIT = timedelta(seconds=45)
"""After it a worker leaves the rest to another call: its function ends at 90 s, and a piece that
is on its way may take half of that."""


class Handover:
    """One call's part in sending a message; `entry` is the send as it was noted last."""

    def __init__(self, entry: OutboxEntry, tools: SendTools) -> None:
        self.entry = entry
        self._tools = tools

    def count(self, account: Account, outgoing: OutgoingMessage) -> None:
        """Count the message among what its account sends, unless an earlier call has.

        Raises SendingLimitReached, and LeaseLost when another call has taken the send over.
        """
        if self.entry.counted_as:
            return
        counted = self._tools.pace.count(account, outgoing)
        try:
            self._note(replace(self.entry, counted_as=counted))
        except LeaseLost:
            self._tools.pace.give_back(account, counted)
            raise

    def go_on(self, outgoing: OutgoingMessage, mailbox: Mailbox) -> SentMessage | None:
        """Hand over what is left; None when there is more than this call has time for.

        Raises LeaseLost when another call has taken the send over.
        """
        # The same message each time, to the last byte: pieces of it have been handed over.
        return mailbox.transfer(
            replace(outgoing, date=self.entry.wanted_at),
            files=self._tools.uploads,
            mark=self.entry.transfer,
            note=lambda mark: self._note(replace(self.entry, transfer=mark)),
            until=self._tools.clock.now() + _CALL_LIMIT,
        )

    def _note(self, noted: OutboxEntry) -> None:
        if not self._tools.outbox.settle(noted):
            raise LeaseLost("another call has this send")
        self.entry = noted


def abandon(account: Account, entry: OutboxEntry, tools: SendTools) -> None:
    """Take back what was handed over of a send that ends without leaving, as far as possible."""
    if not entry.transfer:
        return
    try:
        with tools.mailboxes.open(account) as mailbox:
            mailbox.abandon(entry.transfer)
    except PostroomError:
        logger.warning("transfer_left_behind", extra={"account_id": account.id})
