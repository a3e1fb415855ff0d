"""The addresses that a Gmail account may send from.

Gmail refuses no other one: it silently puts the account's own into From. An alias may have been
withdrawn since a message was written, so whoever hands one over looks first.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs
"""

from collections.abc import Sequence

from postroom.domain.errors import Rejected
from postroom.domain.message import Address
from postroom.domain.sender import Sender, find_sender
from postroom.providers.google.client import GmailClient
from postroom.providers.google.types import SendAs


class SendAsAddresses:
    """Those of one account."""

    def __init__(self, client: GmailClient) -> None:
        self._client = client

    def usable(self) -> Sequence[Sender]:
        """Return the account's own address, then the aliases that have been verified."""
        listed: list[SendAs] = self._client.get("settings/sendAs").get("sendAs", [])
        usable = [each for each in listed if _is_usable(each)]
        usable.sort(key=lambda each: not each.get("isPrimary", False))
        return [
            Sender(
                email=each.get("sendAsEmail", ""),
                name=each.get("displayName", ""),
                signature=each.get("signature", ""),
                is_default=each.get("isDefault", False),
            )
            for each in usable
        ]

    def check(self, author: Address) -> None:
        """Raise Rejected unless Gmail would leave this address in From."""
        if find_sender(self.usable(), author.email) is None:
            raise Rejected(
                "the mailbox may not send from this address any more; verify it in Gmail under "
                "'Send mail as', or choose another one"
            )


def _is_usable(sender: SendAs) -> bool:
    """Whether an address is verified; the account's own has no such status."""
    return sender.get("isPrimary", False) or sender.get("verificationStatus") == "accepted"
