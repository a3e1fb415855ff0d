"""What a route takes and answers, said at the route for the document of the API.

    @app.post("/v3/connectors")
    @documented(item(ConnectorOut, status=201), body=ConnectorIn)
    def create_connector() -> Response[str]: ...

Nothing here works while requests are served: `docs/openapi` reads it and writes the document. What
can be seen at the route itself (its path, its query, who may use it) is not repeated here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Envelope(StrEnum):
    """What stands around an answer's model."""

    ITEM = "item"
    """`request_id` and `data`."""
    LISTING = "listing"
    """`request_id`, `data` (a list) and, but for the last page, `next_cursor`."""
    OFFSET_LISTING = "offset listing"
    """`request_id`, `data` (a list), `limit` and `offset`."""
    FLAT = "flat"
    """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way in which a route answers when all is well."""

    status: int = 200
    about: str
    model: type[BaseModel] | None = None
    """What is in `data`; None: there is no `data`."""
    envelope: Envelope = Envelope.ITEM
    beside: Sequence[str] = ()
    """Texts that stand beside `data`."""
    media_type: str = "application/json"
    """Empty: there is no body."""
    headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """What a route says about itself."""

    answers: Sequence[Answer]
    body: type[BaseModel] | None
    body_may_be_missing: bool
    body_media_types: Sequence[str]
    body_may_be_mime: bool
    """Its form may hold a whole message in MIME instead, with `type=mime`."""
    query: type[BaseModel] | None
    """Where the route reads the query itself."""
    headers: Sequence[str]
    """Request headers that it reads."""
    about: str
    """More than the route's docstring tells: limits, in Markdown."""


_documented: dict[Callable[..., Any], Documentation] = {}

DONE = Answer(about="It is done.")
"""Nothing but `request_id`."""


def item(
    model: type[BaseModel],
    *,
    status: int = 200,
    about: str = "",
    beside: Sequence[str] = (),
    headers: Sequence[str] = (),
) -> Answer:
    """Answer one thing in the contract's envelope."""
    return Answer(
        status=status, about=about or "The answer.", model=model, beside=beside, headers=headers
    )


def flat(model: type[BaseModel], *, about: str = "The answer.") -> Answer:
    """Answer one thing without an envelope."""
    return Answer(about=about, model=model, envelope=Envelope.FLAT)


def listing(model: type[BaseModel], *, by_offset: bool = False) -> Answer:
    """Answer a list, paged by `next_cursor` or by `offset`."""
    envelope = Envelope.OFFSET_LISTING if by_offset else Envelope.LISTING
    return Answer(about="The list.", model=model, envelope=envelope)


def elsewhere(about: str) -> Answer:
    """Send the caller to another address."""
    return Answer(status=302, about=about, media_type="", headers=("Location",))


def file(about: str) -> Answer:
    """Answer bytes, to be saved and not to be shown."""
    return Answer(about=about, media_type="application/octet-stream")


def page(about: str) -> Answer:
    """Answer a page for people."""
    return Answer(about=about, media_type="text/html")


def documented(
    *answers: Answer,
    body: type[BaseModel] | None = None,
    body_may_be_missing: bool = False,
    body_media_types: Sequence[str] = ("application/json",),
    body_may_be_mime: bool = False,
    query: type[BaseModel] | None = None,
    headers: Sequence[str] = (),
    about: str = "",
) -> Callable[[Handler], Handler]:
    """Say what a route takes and answers; it stands below the route's own decorator."""
    documentation = Documentation(
        answers=answers,
        body=body,
        body_may_be_missing=body_may_be_missing,
        body_media_types=body_media_types,
        body_may_be_mime=body_may_be_mime,
        query=query,
        headers=headers,
        about=about,
    )

    def remember(handler: Handler) -> Handler:
        _documented[handler] = documentation
        return handler

    return remember


def documentation_of(handler: Callable[..., Any]) -> Documentation:
    """Return what a route says about itself. Raises LookupError when that is nothing."""
    try:
        return _documented[handler]
    except KeyError:
        raise LookupError(f"{handler.__module__}.{handler.__name__} is not @documented") from None
