"""How large the messages are that the providers send.

Gmail: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send takes
36,700,160 bytes of MIME. Outlook: 150 MB is the most that Exchange Online can be set to, and that
an upload session takes (https://learn.microsoft.com/en-us/graph/outlook-large-attachments); by
itself a mailbox is set to less, often 35 MB, and refuses the rest when it is to be sent. MIME has
to come in one request of 4 MB, in base64 (https://learn.microsoft.com/en-us/graph/use-the-api).
"""

from collections.abc import Mapping

from postroom.domain.account import ProviderName
from postroom.domain.message_limit import MessageLimit

GMAIL = MessageLimit(
    provider_label="Gmail", message_bytes=36_700_160, counts_mime=True, mime_bytes=36_700_160
)
OUTLOOK = MessageLimit(
    provider_label="Outlook",
    message_bytes=150 * 1024 * 1024,
    counts_mime=False,
    mime_bytes=3_000_000,
)

MESSAGE_LIMITS: Mapping[ProviderName, MessageLimit] = {
    ProviderName.GOOGLE: GMAIL,
    ProviderName.MICROSOFT: OUTLOOK,
}
