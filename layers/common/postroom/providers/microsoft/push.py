"""Microsoft Graph's change notifications and lifecycle events.

    POST ?validationToken=…       the handshake: the token comes back as plain text within ten
                                  seconds, or there will be no subscription
    POST {"value": [item, …]}     changes, and what becomes of the subscription itself

    an item  {"clientState": "<account id>.<random>", "changeType": …, "resourceData": {"id": …}}
             {"clientState": "<account id>.<random>", "lifecycleEvent": …}

One POST may carry items of many mailboxes, each with the secret of its own subscription, so each is
judged alone. https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events

Only a hash leaves this module, and is compared where the hash of the true secret is kept, as the
condition of a write. That is as good as a comparison in constant time: who wants to learn from its
duration has to choose the beginning of a hash, and would have to invert SHA-256 for that, while the
secret behind it is 256 random bits.

Nothing here may load httpx or the client of Graph: a cold start would take twice as long.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import AccountId, ProviderMessageId
from postroom.domain.push import PushRequest, WatchPush
from postroom.observability import count
from postroom.providers.pushed_json import json_object

_LONGEST_HANDSHAKE = 4_096
_LONGEST_CLIENT_STATE = 128
# https://learn.microsoft.com/en-us/graph/api/resources/subscription#properties
_CLIENT_STATE = re.compile(r"([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]+")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_=-]{1,512}")
_CAN_BE_READ = ("created", "updated")
_ENDS_THE_WATCH = ("reauthorizationRequired", "subscriptionRemoved")


class MicrosoftPushReader:
    """The port `WatchPushReader` for Graph."""

    def handshake(self, query: str) -> str | None:
        """Return the validation token as it is, for an answer that no browser takes for a page."""
        try:
            tokens = [
                value
                for name, value in parse_qsl(query, keep_blank_values=True, errors="strict")
                if name == "validationToken"
            ]
        except ValueError:
            raise InvalidRequest("This cannot be decoded.", field="validationToken") from None
        if not tokens:
            return None
        if len(tokens) > 1 or not 0 < len(tokens[0]) <= _LONGEST_HANDSHAKE:
            raise InvalidRequest(
                f"Send one, of {_LONGEST_HANDSHAKE} characters at most.", field="validationToken"
            )
        return tokens[0]

    def read(self, request: PushRequest) -> Sequence[WatchPush]:
        """Return the items that could be genuine; the others are counted."""
        items = json_object(request.body, field="body").get("value")
        if not isinstance(items, list) or not items:
            raise InvalidRequest("Send a list of notifications.", field="value")
        pushes = [push for push in map(_push, items) if push is not None]
        if len(pushes) < len(items):
            count("PushItemsDropped", len(items) - len(pushes))
        return pushes


def _push(item: Any) -> WatchPush | None:
    secret = item.get("clientState") if isinstance(item, dict) else None
    if not isinstance(secret, str) or len(secret) > _LONGEST_CLIENT_STATE:
        return None
    found = _CLIENT_STATE.fullmatch(secret)
    if found is None:
        return None
    return WatchPush(
        account_id=AccountId(found[1]),
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        message_id=_message_id(item),
        watch_is_ending=item.get("lifecycleEvent") in _ENDS_THE_WATCH,
    )


def _message_id(item: dict[str, Any]) -> ProviderMessageId | None:
    """Return a message that can be asked for; one that is gone tells of no folder."""
    data = item.get("resourceData")
    named = data.get("id") if isinstance(data, dict) else None
    if item.get("changeType") not in _CAN_BE_READ or not isinstance(named, str):
        return None
    return ProviderMessageId(named) if _MESSAGE_ID.fullmatch(named) else None
