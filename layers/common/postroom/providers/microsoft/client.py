"""Calls to Microsoft Graph for one mailbox: addresses, preferences, batches, uploads.

Every call prefers immutable ids, since the others change whenever a message moves:
https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from postroom.domain.errors import CursorExpired, NotFound, PostroomError
from postroom.ports import AccessTokenSource, Budget, Clock
from postroom.providers.http_calls import COST, LARGEST_ANSWER_BYTES, SHORTEN, HttpCalls
from postroom.providers.microsoft import shortening
from postroom.providers.microsoft.endpoints import Endpoints
from postroom.providers.microsoft.errors import AccessDenied, api_error
from postroom.providers.refusals import ServerFailed

LARGEST_RAW_BYTES = 210 * 1024 * 1024
"""Exchange takes mail up to 150 MB in; MIME is a third larger."""

LONGEST_TEXT_BYTES = 1024 * 1024
"""Of a text in an answer that is read without the long ones; headers and names are far shorter."""

LARGEST_BATCH = 20
"""https://learn.microsoft.com/en-us/graph/json-batching#batch-size-limitations"""

UPLOAD_CHUNK_BYTES = 12 * 320 * 1024
"""Below the 4 MB that one PUT may have, and the multiple of 320 KiB that Microsoft advises."""

_NOT_ALLOWED = "Outlook does not allow this change"

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCall:
    """A call inside a batch. It must be one that does no harm when it is made again."""

    path: str
    """Below the version, as in `me/messages/…?$select=…`."""
    method: str = "GET"
    body: Mapping[str, Any] | None = None
    prefer: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to one of a batch's calls. What is not JSON comes as base64 text."""

    status: int
    headers: Mapping[str, str]
    """Found whatever the case of their names."""
    body: Any


class GraphClient:
    """Speaks HTTP for one mailbox; several threads may use it at the same time.

    Paths stand below the version (`me/messages`), with the ids in them quoted. `prefer` are values
    of the header Prefer besides the one for immutable ids; links need them again, they are not
    part of a link. Raises the domain's errors only, Unanswered for lost calls.
    """

    def __init__(
        self,
        *,
        http: httpx.Client,
        endpoints: Endpoints,
        tokens: AccessTokenSource,
        clock: Clock,
        budget: Budget | None = None,
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._clock = clock
        self._calls = HttpCalls(
            provider_label="Outlook",
            http=http,
            tokens=tokens,
            clock=clock,
            read_error=lambda status, headers, content: api_error(
                status, headers, content, now=clock.now()
            ),
            budget=budget,
        )

    def now(self) -> datetime:
        """Return the time by the clock that calls are made by."""
        return self._clock.now()

    def renew_token(self) -> None:
        """Make the calls that follow with an access token that has all of its life before it."""
        self._calls.renew_token()

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        prefer: Sequence[str] = (),
        without_long_texts: bool = False,
    ) -> Any:
        """GET; returns the JSON. Raises NotFound, TooLarge.

        `without_long_texts` empties those of more than `LONGEST_TEXT_BYTES`, unread.
        """
        request = self._request("GET", self._url(path, params), prefer)
        if without_long_texts:
            request.extensions[SHORTEN] = _shorten
        return self._calls.json(self._calls.repeatable(request))

    def follow(
        self, link: str, *, prefer: Sequence[str] = (), without_long_texts: bool = False
    ) -> Any:
        """GET a nextLink or deltaLink as it stands; returns the JSON. Raises CursorExpired.

        A link that leads to another host is not called: ServerFailed. The rest is as with `get`.
        """
        request = self._request("GET", self._endpoints.checked_link(link), prefer)
        if without_long_texts:
            request.extensions[SHORTEN] = _shorten
        return self._calls.json(self._calls.repeatable(request))

    def read(self, path: str, *, largest_bytes: int = LARGEST_ANSWER_BYTES) -> bytes:
        """GET what is no JSON, such as `…/$value`. Raises NotFound, TooLarge."""
        request = self._request("GET", self._url(path), ())
        return self._calls.repeatable(request, largest_bytes=largest_bytes).content

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        prefer: Sequence[str] = (),
        repeatable: bool = False,
    ) -> Any:
        """POST; returns the JSON, or None for an empty answer.

        `repeatable` says that doing it twice has the same result, as with a move.
        """
        request = self._request("POST", self._url(path), prefer, body=body)
        return self._changed(request, repeatable=repeatable)

    def post_mime(self, path: str, content: bytes) -> Any:
        """POST a message in its MIME form, which Graph wants in base64; returns the JSON.

        https://learn.microsoft.com/en-us/graph/outlook-send-mime-message
        """
        request = self._request("POST", self._url(path), (), content=b64encode(content))
        request.headers["Content-Type"] = "text/plain"
        return self._changed(request, repeatable=False)

    def patch(self, path: str, body: Mapping[str, Any], *, prefer: Sequence[str] = ()) -> Any:
        """PATCH; returns the JSON, or None for an empty answer. Raises NotFound, Rejected."""
        request = self._request("PATCH", self._url(path), prefer, body=body)
        return self._changed(request, repeatable=True)

    def delete(self, path: str) -> None:
        """DELETE once. Raises NotFound, Rejected."""
        self._changed(self._request("DELETE", self._url(path), ()), repeatable=False)

    def send_once(self, path: str) -> None:
        """POST, without a body, what sends a mail: a draft's `send`.

        Raises OutcomeUnknown when it may have been sent without our knowing, Rejected, NotFound.
        """
        request = self._request("POST", self._url(path), (), content=b"")
        try:
            with self._calls.sending() as call:
                call(request)
        except AccessDenied as error:
            raise error.of_this_alone(_NOT_ALLOWED) from error

    def upload(self, link: str, content: bytes) -> None:
        """PUT an attachment to the address of its upload session, piece by piece.

        The address itself is the permission: it gets no token, which Outlook would refuse.
        https://learn.microsoft.com/en-us/graph/outlook-large-attachments
        """
        finished = False
        for start in range(0, len(content), UPLOAD_CHUNK_BYTES):
            piece = content[start : start + UPLOAD_CHUNK_BYTES]
            finished = self.upload_piece(link, piece, start=start, size_bytes=len(content))
        if not finished:
            raise ServerFailed("Outlook did not finish the upload")

    def upload_piece(self, link: str, piece: bytes, *, start: int, size_bytes: int) -> bool:
        """PUT one piece, as `upload` does; answers whether the attachment is whole now.

        Raises Rejected also when another piece is expected: see `upload_position`.
        """
        request = self._http.build_request(
            "PUT",
            self._endpoints.checked_upload_link(link),
            content=piece,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"bytes {start}-{start + len(piece) - 1}/{size_bytes}",
            },
        )
        return self._calls.repeatable(request, with_token=False).status_code == 201

    def upload_position(self, link: str) -> int | None:
        """Ask where the next piece begins; None when the upload has ended, one way or the other."""
        url = self._endpoints.checked_upload_link(link)
        request = self._http.build_request("GET", url)
        try:
            answer = self._calls.json(self._calls.repeatable(request, with_token=False))
        except (NotFound, CursorExpired):
            return None
        expected = answer.get("nextExpectedRanges") if isinstance(answer, dict) else None
        first = str(expected[0]).partition("-")[0] if expected else ""
        if not first.isdecimal():
            raise ServerFailed("Outlook does not say where the upload goes on")
        return int(first)

    # ── Many at once ─────────────────────────────────────────────────────────────────────

    def batch(self, calls: Mapping[str, BatchCall], *, places: int = 1) -> dict[str, PartAnswer]:
        """Make up to `LARGEST_BATCH` calls; answers by key, whatever their status.

        The calls are chained, one after the other: a batch then takes one of the four places that
        a mailbox has, as any other call does, and callers may run batches side by side. Left
        alone, a batch takes four places, and those of its calls that find none are refused. A
        batch is to be wholly parallel or wholly chained (json-batching, "Sequencing requests").

        A chain breaks at a call that fails (424): what comes after is asked again without it, or,
        where the mailbox asks for fewer calls, not asked and answered alike. What Graph did not
        answer is absent.

        Of an emptied folder every call fails. Who may take more `places` than one has as many calls
        made side by side, in batches of that size, for as long as nothing is found.
        """
        answers: dict[str, PartAnswer] = {}
        waiting = dict(calls)
        chained, token_replaced = True, False
        while waiting:
            some = waiting if chained else dict(islice(waiting.items(), places))
            request = self._batch_request(some, chained=chained)
            settled = {
                key: part for key, part in self._batch(request, some).items() if part.status != 424
            }
            refused = next((part for part in settled.values() if part.status == 401), None)
            throttled = next((part for part in settled.values() if part.status == 429), None)
            if refused and token_replaced:
                raise self.error(refused)
            if refused:
                self._calls.replace_token(request)
                token_replaced = True
                settled = {key: part for key, part in settled.items() if part.status != 401}
            elif not settled:
                break
            chained = places == 1 or {part.status for part in settled.values()} != {404}
            answers |= settled
            waiting = {key: call for key, call in waiting.items() if key not in settled}
            if throttled:
                return answers | dict.fromkeys(waiting, throttled)
        return answers

    def error(self, part: PartAnswer) -> PostroomError:
        """Return what a part's status means."""
        content = json.dumps(part.body).encode()
        return api_error(part.status, part.headers, content, now=self._clock.now())

    def _batch_request(self, calls: Mapping[str, BatchCall], *, chained: bool) -> httpx.Request:
        """Write a batch. Its ids are numbers: Graph takes "a" and "A" for the same."""
        parts = [_part(number, call) for number, call in enumerate(calls.values())]
        if chained:
            for number, part in enumerate(parts[1:]):
                part["dependsOn"] = [str(number)]
        request = self._request("POST", self._url("$batch"), (), body={"requests": parts})
        request.extensions[COST] = len(parts)
        return request

    def _batch(
        self, request: httpx.Request, calls: Mapping[str, BatchCall]
    ) -> dict[str, PartAnswer]:
        numbers = {str(number): key for number, key in enumerate(calls)}
        answer = self._calls.json(self._calls.repeatable(request))
        listed = answer.get("responses") if isinstance(answer, dict) else None
        found = {}
        for each in listed if isinstance(listed, list) else ():
            if not isinstance(each, dict):
                continue
            number, status, fields = each.get("id"), each.get("status"), each.get("headers")
            if str(number) in numbers and isinstance(status, int):
                texts = {n: str(v) for n, v in fields.items()} if isinstance(fields, dict) else {}
                part = PartAnswer(status, httpx.Headers(texts), each.get("body"))
                found[numbers[str(number)]] = part
        return found

    def reserve(self, cost: int) -> None:
        """Have so many calls at hand. Raises BudgetSpent."""
        self._calls.reserve(cost)

    # ── Requests ─────────────────────────────────────────────────────────────────────────

    def _url(self, path: str, params: Params | None = None) -> str:
        # OData's own signs may stand as they are, and a blank is never written as a plus.
        query = urlencode(params or {}, quote_via=quote, safe="$,:()/'")
        return f"{self._endpoints.graph}/{path}" + (f"?{query}" if query else "")

    def _request(
        self,
        method: str,
        url: str | httpx.URL,
        prefer: Sequence[str],
        *,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> httpx.Request:
        headers = {"Prefer": _preferences(prefer)}
        return self._http.build_request(method, url, headers=headers, json=body, content=content)

    def _changed(self, request: httpx.Request, *, repeatable: bool) -> Any:
        """Make a call that changes something; a rule against it says nothing of the mailbox."""
        make = self._calls.repeatable if repeatable else self._calls.once
        try:
            response = make(request)
        except AccessDenied as error:
            raise error.of_this_alone(_NOT_ALLOWED) from error
        return self._calls.json(response) if response.content else None


def quoted(identifier: str) -> str:
    """Return an id as a part of a path: Graph's ids may hold `/`, `+` and `=`."""
    return quote(identifier, safe="")


def _part(number: int, call: BatchCall) -> dict[str, Any]:
    """Write a call of a batch. The token is the batch's own: parts without one take it over."""
    part: dict[str, Any] = {
        "id": str(number),
        "method": call.method,
        "url": f"/{call.path}",
        "headers": {"Prefer": _preferences(call.prefer)},
    }
    if call.body is not None:
        part["body"] = call.body
        part["headers"]["Content-Type"] = "application/json"
    return part


def _shorten(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return shortening.without_long_texts(chunks, longest_bytes=LONGEST_TEXT_BYTES)


def _preferences(prefer: Sequence[str]) -> str:
    """Write the header Prefer (RFC 7240)."""
    return ", ".join(('IdType="ImmutableId"', *prefer))
