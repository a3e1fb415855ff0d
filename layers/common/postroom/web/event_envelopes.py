"""Events as they go over the wire: the contract's envelope, and an object for each family.

grant.*                  what of the account the contract names, with a code of its own
message.created …        the message as the API shows it; without its body above a megabyte,
                         and then `….truncated` in its type
message.send_success …   the message that left, and the schedule that it can be followed by
folder.*                 the folder as the API shows it
….deleted                what is left of it: its id
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from postroom.domain.account import AccountStatus
from postroom.domain.delivery import Told
from postroom.domain.event import EventType
from postroom.domain.ids import message_id, thread_id
from postroom.domain.outgoing import SendState
from postroom.web.schemas.fields import unix_seconds, wire
from postroom.web.schemas.folders import FolderOut
from postroom.web.schemas.messages import MessageOut

LONGEST_BYTES = 1_000_000

_BODY_FIELDS = frozenset({"body", "body_text"})

_GRANT_CODES: Mapping[EventType, int] = {
    EventType.GRANT_CREATED: 25012,
    EventType.GRANT_DELETED: 25013,
    EventType.GRANT_UPDATED: 25014,
    EventType.GRANT_EXPIRED: 25009,
}
"""The contract's."""


class EnvelopeWriter:
    """The port `EventWriter`: writes what webhooks receive."""

    def __init__(self, application_id: str) -> None:
        self._application_id = application_id

    def __call__(self, told: Told, *, attempt: int) -> bytes:
        """Return the body of a delivery."""
        family, source = _FAMILIES[told.event.type]
        data = family(told)
        body = self._written(told, source(told), data, attempt)
        if len(body) > LONGEST_BYTES:
            shown = data["object"]
            data["object"] = {name: shown[name] for name in shown if name not in _BODY_FIELDS}
            body = self._written(told, source(told), data, attempt, ending=".truncated")
        return body

    def _written(
        self, told: Told, source: str, data: Mapping[str, Any], attempt: int, *, ending: str = ""
    ) -> bytes:
        event = told.event
        envelope = {
            "specversion": "1.0",
            "type": event.type + ending,
            "source": source,
            "id": event.id,
            "time": unix_seconds(event.at),
            "webhook_delivery_attempt": attempt,
            "data": {"application_id": self._application_id, **data},
        }
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        # Mail may hold half characters, which UTF-8 has none for.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _grant(told: Told) -> dict[str, Any]:
    event, account = told.event, told.account
    shown: dict[str, Any] = {"code": _GRANT_CODES[event.type], "grant_id": event.account_id}
    if account is not None:
        shown |= {
            "provider": account.identity.provider.value,
            "email": account.identity.email,
            # The connector's: there is one of each provider.
            "integration_id": account.identity.provider.value,
        }
    if account is not None and event.type is EventType.GRANT_CREATED:
        shown |= {"name": account.identity.name, "scope": list(account.scopes)}
    if account is not None and event.type is EventType.GRANT_UPDATED:
        shown["reauthentication_flag"] = account.status is AccountStatus.REAUTH_REQUIRED
    if account is not None and event.type is EventType.GRANT_EXPIRED:
        shown["grant_updated_at"] = unix_seconds(account.updated_at)
    return {"object": shown}


def _message(told: Told) -> dict[str, Any]:
    if told.message is None:
        raise ValueError("a message is told without one")
    return {"object": wire(MessageOut.from_domain(told.message, told.content))}


def _send(told: Told) -> dict[str, Any]:
    event, send = told.event, told.send
    if send is None:
        raise ValueError("a send is told without one")
    shown: dict[str, Any] = {"grant_id": event.account_id, "object": "message"}
    if told.message is not None:
        shown = wire(MessageOut.from_domain(told.message, None))
    elif send.sent is not None:
        # It left a moment ago; the copy comes with the next sync, under these ids.
        shown["id"] = message_id(send.account_id, send.sent.provider_id)
        shown["thread_id"] = thread_id(send.account_id, send.sent.provider_thread_id)
    shown["schedule_id"] = send.id
    if send.send_at is not None:
        shown["send_at"] = unix_seconds(send.send_at)
    data: dict[str, Any] = {"grant_id": event.account_id, "object": shown}
    if event.type is EventType.MESSAGE_NOT_SENT:
        is_known = send.state is not SendState.UNKNOWN
        kind = "message_not_sent" if is_known else "send_outcome_unknown"
        data |= {"reason": event.reason, "error": {"type": kind, "message": event.reason}}
    return data


def _folder(told: Told) -> dict[str, Any]:
    if told.folder is None:
        raise ValueError("a folder is told without one")
    return {"object": wire(FolderOut.from_domain(told.event.account_id, told.folder))}


def _end_of(kind: str) -> Callable[[Told], dict[str, Any]]:
    def told_of_its_end(told: Told) -> dict[str, Any]:
        event = told.event
        shown = {"id": event.object_id, "grant_id": event.account_id, "object": kind}
        return {"object": shown}

    return told_of_its_end


def _from(source: str) -> Callable[[Told], str]:
    """Return the contract's name of where an event comes from; providers stand in it."""

    def named(told: Told) -> str:
        provider = "" if told.account is None else told.account.identity.provider.value
        return source.format(provider=provider)

    return named


_OF_GRANTS = (_grant, _from("/nylas/system"))
_OF_SENDS = (_send, _from("/nylas/send"))
_MAIL = _from("/{provider}/emails/realtime")
_FOLDERS = _from("/{provider}/folders/realtime")

_FAMILIES: Mapping[EventType, tuple[Callable[[Told], dict[str, Any]], Callable[[Told], str]]] = {
    EventType.GRANT_CREATED: _OF_GRANTS,
    EventType.GRANT_UPDATED: _OF_GRANTS,
    EventType.GRANT_DELETED: _OF_GRANTS,
    EventType.GRANT_EXPIRED: _OF_GRANTS,
    EventType.MESSAGE_CREATED: (_message, _MAIL),
    EventType.MESSAGE_UPDATED: (_message, _MAIL),
    EventType.MESSAGE_DELETED: (_end_of("message"), _MAIL),
    EventType.MESSAGE_SENT: _OF_SENDS,
    EventType.MESSAGE_NOT_SENT: _OF_SENDS,
    EventType.FOLDER_CREATED: (_folder, _FOLDERS),
    EventType.FOLDER_UPDATED: (_folder, _FOLDERS),
    EventType.FOLDER_DELETED: (_end_of("folder"), _FOLDERS),
}
