"""`users.labels`."""

from local.simulators.google.errors import GmailError, invalid, not_found
from local.simulators.google.gmail_call import GmailCall, Json
from local.simulators.google.labels import MAX_LABELS, PALETTE, Label
from local.simulators.google.mailbox import Mailbox

_MESSAGE_VISIBILITY = {"show", "hide"}
_COLORS = ("backgroundColor", "textColor")
_LIST_VISIBILITY = {"labelShow", "labelShowIfUnread", "labelHide"}


def list_labels(call: GmailCall) -> Json:
    """`labels.list`: without counts, as Gmail gives them."""
    return {"labels": [_render(label) for label in call.mailbox.labels.values()]}


def get_label(call: GmailCall) -> Json:
    """`labels.get`: with counts."""
    label = _label(call)
    return {**_render(label), **_counts(call.mailbox, label.id)}


def create_label(call: GmailCall) -> Json:
    """`labels.create`."""
    body = call.json()
    name = _name(call.mailbox, body, None)
    if len(call.mailbox.labels) >= MAX_LABELS:
        raise invalid("Label limit exceeded")
    _check(body)
    label = call.mailbox.add_label(name)
    _set(label, body)
    return _render(label)


def patch_label(call: GmailCall) -> Json:
    """`labels.patch`: only what the body names."""
    label = _own_label(call)
    body = call.json()
    _check(body)
    if "name" in body:
        label.name = _name(call.mailbox, body, label)
    _set(label, body)
    return _render(label)


def update_label(call: GmailCall) -> Json:
    """`labels.update`: the name is required."""
    label = _own_label(call)
    body = call.json()
    _check(body)
    label.name = _name(call.mailbox, body, label)
    label.color = {}
    _set(label, body)
    return _render(label)


def delete_label(call: GmailCall) -> None:
    """`labels.delete`: its messages stay."""
    call.mailbox.remove_label(_own_label(call).id)


def _label(call: GmailCall) -> Label:
    label = call.mailbox.labels.get(call.path["id"])
    if label is None:
        raise not_found()
    return label


def _own_label(call: GmailCall) -> Label:
    label = _label(call)
    if label.is_system:
        raise invalid("Invalid update request")
    return label


def _name(mailbox: Mailbox, body: Json, own: Label | None) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 225:
        raise invalid("Invalid label name")
    taken = mailbox.label_named(name)
    if taken is not None and taken is not own:
        if taken.is_system:
            raise invalid("Invalid label name")
        raise GmailError(409, "Label name exists or conflicts", "aborted")
    return name


def _check(body: Json) -> None:
    """Refuse what no label can be; both colours are needed to set any."""
    for_messages = body.get("messageListVisibility", "show")
    for_list = body.get("labelListVisibility", "labelShow")
    if for_messages not in _MESSAGE_VISIBILITY or for_list not in _LIST_VISIBILITY:
        raise invalid("Invalid label visibility")
    color = body.get("color")
    asked = [color.get(each) for each in _COLORS] if isinstance(color, dict) else [None]
    if color and not all(isinstance(each, str) and each in PALETTE for each in asked):
        raise invalid("Label color is not on the allowed color palette")


def _set(label: Label, body: Json) -> None:
    label.message_list_visibility = body.get("messageListVisibility", label.message_list_visibility)
    label.label_list_visibility = body.get("labelListVisibility", label.label_list_visibility)
    if body.get("color"):
        label.color = {name: body["color"][name] for name in _COLORS}


def _render(label: Label) -> Json:
    body: Json = {
        "id": label.id,
        "name": label.name,
        "type": "system" if label.is_system else "user",
    }
    if label.message_list_visibility:
        body["messageListVisibility"] = label.message_list_visibility
    if label.label_list_visibility:
        body["labelListVisibility"] = label.label_list_visibility
    if label.color:
        body["color"] = label.color
    return body


def _counts(mailbox: Mailbox, label_id: str) -> Json:
    tally = mailbox.tally(label_id)
    return {
        "messagesTotal": tally.all.total(),
        "messagesUnread": tally.unread.total(),
        "threadsTotal": len(tally.all),
        "threadsUnread": len(tally.unread),
    }
