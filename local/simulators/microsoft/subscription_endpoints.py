"""`/subscriptions`: registering for notifications of a mailbox's messages.

https://learn.microsoft.com/en-us/graph/api/resources/subscription

    POST ─ checked ─ handshake with each URL, out of the lock ─ checked again ─ stored ─▶ 201
"""

import re
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from werkzeug import Response

from local.simulators.microsoft import identity
from local.simulators.microsoft.errors import GraphError
from local.simulators.microsoft.graph_call import GraphCall, Json, created
from local.simulators.microsoft.subscriptions import Subscription, timestamp

LONGEST_MINUTES, SHORTEST_MINUTES = 10_080, 45
"""https://learn.microsoft.com/en-us/graph/api/resources/subscription#subscription-lifetime"""
LONGEST_CLIENT_STATE = 128
HANDSHAKE_SECONDS = 10.0
_MINUTE_MS = 60_000
_CHANGE_TYPES = ("created", "updated", "deleted")
_RESOURCE = re.compile(
    r"/?(?:me|users/(?P<user>[^/]+))"
    r"(?:/mailfolders(?:/(?P<folder>[^/()]+)|\('(?P<quoted>[^']+)'\)))?/messages",
    re.IGNORECASE,
)


def shake_hands(call: GraphCall, transport: httpx.BaseTransport | None) -> None:
    """Check a new subscription and that its addresses answer; raises GraphError.

    To be called before `create_subscription`, and without holding the simulator's lock: the
    receiver may be slow, or may call back.
    """
    wanted = _requested(call)
    with httpx.Client(transport=transport, timeout=HANDSHAKE_SECONDS, trust_env=False) as client:
        for url in (wanted.notification_url, wanted.lifecycle_url):
            if url is not None and not _answers(client, url):
                raise _invalid(
                    "Subscription validation request failed. Notification endpoint must respond "
                    "with 200 OK to validation request."
                )


def create_subscription(call: GraphCall) -> Response:
    """`POST /subscriptions`, once hands were shaken."""
    subscription = _requested(call)
    call.mailbox.subscriptions[subscription.id] = subscription
    return created(_rendered(call, subscription))


def list_subscriptions(call: GraphCall) -> Json:
    """`GET /subscriptions`: the application's own, of the signed-in account."""
    shown = [_rendered(call, each) for each in _own(call)]
    for each in shown:
        del each["@odata.context"]
    return {"@odata.context": f"{call.base_url}/$metadata#subscriptions", "value": shown}


def get_subscription(call: GraphCall) -> Json:
    """`GET /subscriptions/{id}`."""
    return _rendered(call, _found(call))


def update_subscription(call: GraphCall) -> Json:
    """`PATCH /subscriptions/{id}`: a new end, which reauthorizes too."""
    subscription = _found(call)
    subscription.renew(_expiry(call, call.json()), _authorized_until(call))
    return _rendered(call, subscription)


def delete_subscription(call: GraphCall) -> None:
    """`DELETE /subscriptions/{id}`."""
    del call.mailbox.subscriptions[_found(call).id]


def reauthorize_subscription(call: GraphCall) -> None:
    """`POST /subscriptions/{id}/reauthorize`: the same end, a new authorization."""
    _found(call).renew(None, _authorized_until(call))


def _requested(call: GraphCall) -> Subscription:
    """Return the subscription that a body asks for; raises a 400, 404 or 409 GraphError."""
    body = call.json()
    if body.get("includeResourceData"):
        raise _invalid("Resource data needs an encryption certificate.")
    resource, folder_id = _resource(call, body.get("resource"))
    change_types = _change_types(body.get("changeType"))
    client_state = body.get("clientState")
    if client_state is not None and not isinstance(client_state, str):
        raise _invalid("The clientState must be a string.")
    if len(client_state or "") > LONGEST_CLIENT_STATE:
        raise _invalid(f"The clientState exceeds {LONGEST_CLIENT_STATE} characters.")
    lifecycle_url = body.get("lifecycleNotificationUrl")
    subscription = Subscription(
        id=str(uuid.uuid4()),
        client_id=call.token.client_id,
        address=call.mailbox.address,
        user_id=call.mailbox.user_id,
        resource=resource,
        folder_id=folder_id,
        change_types=change_types,
        notification_url=_url(body.get("notificationUrl"), "notificationUrl"),
        lifecycle_url=_url(lifecycle_url, "lifecycleNotificationUrl") if lifecycle_url else None,
        client_state=client_state,
        immutable_ids=call.immutable_ids,
        expires_ms=_expiry(call, body),
        authorized_until_ms=_authorized_until(call),
    )
    same = [e for e in _own(call) if (e.folder_id, set(e.change_types)) == _kind(subscription)]
    if same:
        raise GraphError(
            409, "Conflict", f"The subscription exists already with the id '{same[0].id}'."
        )
    return subscription


def _kind(subscription: Subscription) -> tuple[str | None, set[str]]:
    return subscription.folder_id, set(subscription.change_types)


def _resource(call: GraphCall, asked: Any) -> tuple[str, str | None]:
    found = _RESOURCE.fullmatch(asked) if isinstance(asked, str) else None
    if found is None or not isinstance(asked, str):
        raise _invalid("The resource must be the messages of a mailbox or of one of its folders.")
    user = found["user"]
    if user is not None and user.lower() not in {call.mailbox.user_id, *call.mailbox.addresses}:
        raise GraphError(403, "ErrorAccessDenied", "Access is denied.")
    folder = found["folder"] or found["quoted"]
    return asked, call.mailbox.folder(folder).id if folder else None


def _change_types(asked: Any) -> tuple[str, ...]:
    names = [name.strip().lower() for name in asked.split(",")] if isinstance(asked, str) else []
    if not names or not set(names) <= set(_CHANGE_TYPES):
        raise _invalid("The changeType must be made of created, updated and deleted.")
    return tuple(name for name in _CHANGE_TYPES if name in names)


def _url(asked: Any, name: str) -> str:
    """Check an address. Microsoft takes only https; on one machine http will do."""
    if isinstance(asked, str):
        try:
            parts = urlsplit(asked)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme in {"http", "https"} and parts.hostname:
            return asked
    raise _invalid(f"The {name} must be an absolute address.")


def _expiry(call: GraphCall, body: Json) -> int:
    """Return when it is to end: at least in 45 minutes, at most in seven days."""
    asked = body.get("expirationDateTime")
    try:
        # Graph writes seven digits of a second, Python reads six.
        when = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(asked)))
    except ValueError:
        raise _invalid("The expirationDateTime must be a time with its zone.") from None
    if when.tzinfo is None:
        raise _invalid("The expirationDateTime must be a time with its zone.")
    asked_ms, now_ms = int(when.timestamp() * 1000), call.now_ms
    if asked_ms <= now_ms:
        raise _invalid("The expirationDateTime must be in the future.")
    if asked_ms > now_ms + LONGEST_MINUTES * _MINUTE_MS:
        raise _invalid(
            f"Subscription expiration can only be {LONGEST_MINUTES} minutes in the future."
        )
    return max(asked_ms, now_ms + SHORTEST_MINUTES * _MINUTE_MS)


def _authorized_until(call: GraphCall) -> int:
    return call.token.expires_ms or call.now_ms


def _own(call: GraphCall) -> list[Subscription]:
    return [
        each
        for each in call.mailbox.subscriptions.values()
        if each.client_id == call.token.client_id and each.expires_ms > call.now_ms
    ]


def _found(call: GraphCall) -> Subscription:
    wanted = call.path["id"].lower()
    for each in _own(call):
        if each.id == wanted:
            return each
    raise GraphError(404, "ResourceNotFound", "The object was not found.")


def _answers(client: httpx.Client, url: str) -> bool:
    """Whether an address repeats the token it is sent, as plain text, in time."""
    token = f"Validation: Testing client application reachability. Request-Id: {uuid.uuid4()}"
    try:
        answer = client.post(
            httpx.URL(url).copy_add_param("validationToken", token),
            headers={"Content-Type": "text/plain; charset=utf-8"},
        )
    except (httpx.TransportError, httpx.InvalidURL):
        return False
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return answer.status_code == 200 and kind == "text/plain" and answer.text == token


def _rendered(call: GraphCall, subscription: Subscription) -> Json:
    return {
        "@odata.context": f"{call.base_url}/$metadata#subscriptions/$entity",
        "id": subscription.id,
        "resource": subscription.resource,
        "applicationId": subscription.client_id,
        "changeType": ",".join(subscription.change_types),
        "clientState": subscription.client_state,
        "notificationUrl": subscription.notification_url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": subscription.lifecycle_url,
        "expirationDateTime": timestamp(subscription.expires_ms),
        "creatorId": identity.object_id_of(subscription.address),
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }


def _invalid(message: str) -> GraphError:
    return GraphError(400, "ValidationError", message)
