"""What changed in a folder: https://learn.microsoft.com/en-us/graph/delta-query-messages.

An entry of a page is one of these; what a page says of the same message twice is laid over one
another first, the last word winning.

    whole                   it came, or anything of it changed: everything is there, body and all
    flags alone             an edit, no fetch
    any other part          fetched by its id
    @removed                it is not in this folder any more: moved, or deleted. Never more than
                            that, whatever the reason says
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from postroom.providers.answers import text
from postroom.providers.microsoft.types import Item
from postroom.providers.refusals import ServerFailed

_WHOLE = frozenset(
    {
        "body",
        "conversationId",
        "hasAttachments",
        "isDraft",
        "isRead",
        "lastModifiedDateTime",
        "parentFolderId",
        "receivedDateTime",
        "subject",
    }
)
"""An entry with all of these is the message as it is."""

_FLAGS = frozenset({"isRead", "flag", "categories", "importance"})
_BESIDE_FLAGS = frozenset({"id", "changeKey", "lastModifiedDateTime"})


@dataclass(frozen=True, slots=True)
class DeltaAnswer:
    """A page of a delta."""

    items: list[Item]
    link: str
    """To the next page, or, after the last one, to the changes from then on."""
    more: bool

    def without_bodies(self) -> "DeltaAnswer":
        """Return the page without its bodies: no message is whole then, each has to be fetched."""
        bare = [{name: item[name] for name in item if name != "body"} for item in self.items]
        return replace(self, items=bare)


@dataclass
class Folded:
    """The net effect of a page, message by message, in the order of the page."""

    whole: list[Item] = field(default_factory=list)
    edits: list[Item] = field(default_factory=list)
    partial: list[Item] = field(default_factory=list)
    """Something changed that no edit tells: to be fetched."""
    left: list[str] = field(default_factory=list)


def read_delta(answer: Any) -> DeltaAnswer:
    """Read a page. Raises ServerFailed for one that is none: it may be whole the next time."""
    fields = answer if isinstance(answer, dict) else {}
    items = fields.get("value")
    following, last = text(fields.get("@odata.nextLink")), text(fields.get("@odata.deltaLink"))
    if not isinstance(items, list) or not (following or last):
        raise ServerFailed("Outlook's answer is no page of changes")
    if not all(isinstance(item, dict) and text(item.get("id")) for item in items):
        raise ServerFailed("Outlook's page of changes holds something without an id")
    return DeltaAnswer(items, following or last, more=bool(following))


def fold(items: Iterable[Item]) -> Folded:
    """Fold the entries of a page."""
    net: dict[str, Item] = {}
    for item in items:
        earlier = net.pop(item["id"], {})
        is_new_word = "@removed" in item or "@removed" in earlier
        net[item["id"]] = item if is_new_word else {**earlier, **item}
    folded = Folded()
    for item in net.values():
        if "@removed" in item:
            folded.left.append(item["id"])
        elif item.keys() >= _WHOLE:
            folded.whole.append(item)
        elif _tells_flags_alone(item):
            folded.edits.append(item)
        else:
            folded.partial.append(item)
    return folded


def _tells_flags_alone(item: Item) -> bool:
    told = {name for name in item if "@" not in name}
    return "lastModifiedDateTime" in told and bool(told & _FLAGS) and told <= _FLAGS | _BESIDE_FLAGS
