"""Calls to the Gmail API for one mailbox: token, retries, limits, errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from postroom.domain.errors import PostroomError
from postroom.ports import AccessTokenSource, Budget, Clock
from postroom.providers.google.batch import CONTENT_TYPE, PartAnswer, decode, encode
from postroom.providers.google.costs import cost_of
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.google.errors import PreconditionFailed, api_error
from postroom.providers.http_calls import COST, LARGEST_ANSWER_BYTES, UNFINISHED, HttpCalls
from postroom.providers.links import is_served_by, origin, parsed_link
from postroom.providers.refusals import ServerFailed

USER_AGENT = "postroom (gzip)"
"""Gmail compresses only for a User-Agent that contains `gzip`.

https://developers.google.com/workspace/gmail/api/guides/performance
"""

_UPLOAD_DOMAIN = "googleapis.com"
"""Where Gmail takes uploads. Its guide has another host of that domain in its examples:
https://developers.google.com/workspace/gmail/api/guides/uploads"""

LARGEST_RAW_BYTES = 75 * 1024 * 1024
"""Gmail takes mail up to 50 MB in; in base64 it is a third larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadProgress:
    """How far a message has got that is handed over in pieces."""

    received_bytes: int = 0
    done: Any = None
    """What Gmail answers in the end; None: more is expected."""


class GmailClient:
    """Speaks HTTP for one mailbox. Raises the domain's errors only, Unanswered for lost calls."""

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
            provider_label="Gmail",
            http=http,
            tokens=tokens,
            clock=clock,
            read_error=lambda status, headers, content: api_error(
                status, headers, content, now=clock.now()
            ),
            budget=budget,
            passing=(PreconditionFailed,),
        )

    def get(
        self,
        path: str,
        params: Mapping[str, str | int | list[str]] | None = None,
        *,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> Any:
        """GET below `users/me/`; returns the JSON. Raises NotFound, TooLarge."""
        request = self._request("GET", path, params=params)
        return self._calls.json(self._calls.repeatable(request, largest_bytes=largest_bytes))

    def change(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST something that may be done twice with the same result; returns the JSON."""
        request = self._request("POST", path, json=body)
        return self._calls.json(self._calls.repeatable(request))

    def do(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """POST something that may be done twice and answers nothing."""
        self._calls.repeatable(self._request("POST", path, json=body or {}))

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST something new, once; returns the JSON."""
        request = self._request("POST", path, json=body)
        return self._calls.json(self._calls.once(request))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change parts of something; returns the JSON. Raises NotFound."""
        request = self._request("PATCH", path, json=body)
        return self._calls.json(self._calls.repeatable(request))

    def delete(self, path: str) -> None:
        """DELETE once. Raises NotFound."""
        request = self._request("DELETE", path)
        self._calls.once(request)

    def send(self, content: bytes, content_type: str, *, upload: bool) -> Any:
        """POST a message once; returns the JSON.

        Raises OutcomeUnknown when Gmail may have sent it without our knowing.
        """
        request = self._mime_request("POST", "messages/send", content, content_type, upload=upload)
        with self._calls.sending() as call:
            return self._calls.json(call(request))

    def send_draft(self, draft_id: str) -> Any:
        """POST once that a draft is to be sent; returns the JSON. Raises NotFound and as `send`."""
        request = self._request("POST", "drafts/send", json={"id": draft_id})
        with self._calls.sending() as call:
            return self._calls.json(call(request))

    def post_mime(self, path: str, content: bytes, content_type: str, *, upload: bool) -> Any:
        """POST something new with a message in it, once; returns the JSON."""
        request = self._mime_request("POST", path, content, content_type, upload=upload)
        return self._calls.json(self._calls.once(request))

    def put_mime(self, path: str, content: bytes, content_type: str, *, upload: bool) -> Any:
        """PUT a message in the place of another; returns the JSON. Raises NotFound."""
        request = self._mime_request("PUT", path, content, content_type, upload=upload)
        return self._calls.json(self._calls.repeatable(request))

    # ── Uploads in pieces ────────────────────────────────────────────────────────────────

    def begin_upload(self, path: str, fields: Mapping[str, Any], *, size_bytes: int) -> str:
        """Begin to hand over a message in pieces; returns the address that takes them.

        https://developers.google.com/workspace/gmail/api/guides/uploads
        """
        request = self._http.build_request(
            "POST",
            f"{self._endpoints.upload}/{path}",
            params={"uploadType": "resumable"},
            json=fields,
            headers={
                "X-Upload-Content-Type": "message/rfc822",
                "X-Upload-Content-Length": str(size_bytes),
            },
            extensions={COST: cost_of("POST", path)},
        )
        link = self._calls.repeatable(request).headers["Location"]
        return str(self._checked_upload_link(link))

    def upload_progress(self, link: str, *, size_bytes: int) -> UploadProgress:
        """Ask what has come of a message. Raises NotFound when Gmail no longer knows the upload."""
        request = self._upload_request(link, b"", f"bytes */{size_bytes}")
        return self._progress(self._calls.repeatable(request))

    def upload_piece(
        self, link: str, piece: bytes, *, start: int, size_bytes: int
    ) -> UploadProgress:
        """Hand over a piece, once; the last one has the message done.

        Raises OutcomeUnknown when Gmail may have taken it without our knowing.
        """
        reach = f"bytes {start}-{start + len(piece) - 1}/{size_bytes}"
        with self._calls.sending() as call:
            return self._progress(call(self._upload_request(link, piece, reach)))

    def _upload_request(self, link: str, piece: bytes, content_range: str) -> httpx.Request:
        # What it costs was paid in the beginning: the method runs once.
        return self._http.build_request(
            "PUT",
            self._checked_upload_link(link),
            content=piece,
            headers={"Content-Type": "message/rfc822", "Content-Range": content_range},
            extensions={COST: 0, UNFINISHED: 308},
        )

    def _progress(self, response: httpx.Response) -> UploadProgress:
        if response.status_code != 308:
            return UploadProgress(done=self._calls.json(response))
        # "bytes=0-524287"; without it, nothing has come yet.
        _, _, last = response.headers["Range"].partition("-")
        return UploadProgress(received_bytes=int(last) + 1 if last.isdecimal() else 0)

    def _checked_upload_link(self, link: str) -> httpx.URL:
        """Return the address of an upload, to be called with a token.

        Raises ServerFailed when it leads anywhere else than to Google: token and mail would follow.
        """
        url, own = parsed_link(link), self._endpoints.upload_origin
        if url is not None and (
            origin(url) == origin(httpx.URL(own)) if own else is_served_by(url, _UPLOAD_DOMAIN)
        ):
            return url
        raise ServerFailed("an upload address leads away from the provider")

    # ── Many at once ─────────────────────────────────────────────────────────────────────

    def batch(self, paths: Mapping[str, str]) -> dict[str, PartAnswer]:
        """GET many addresses below `users/me/` at once, at most `LARGEST_BATCH`.

        Answers by key, whatever their status; what Gmail did not answer is absent.
        """
        request = self._batch_request(paths)
        answers = self._batch(request)
        refused = {key: paths[key] for key, part in answers.items() if part.status == 401}
        if refused:
            self._calls.replace_token(request)
            again = self._batch(self._batch_request(refused))
            for part in again.values():
                if part.status == 401:
                    raise self.error(part)
            answers = {key: part for key, part in answers.items() if key not in refused} | again
        return answers

    def reserve(self, cost: int) -> None:
        """Have so many units at hand. Raises BudgetSpent."""
        self._calls.reserve(cost)

    def error(self, part: PartAnswer) -> PostroomError:
        """Return what a part's status means."""
        return api_error(part.status, part.headers, part.content, now=self._clock.now())

    def _batch_request(self, paths: Mapping[str, str]) -> httpx.Request:
        prefix = urlsplit(self._endpoints.gmail).path
        content = encode({key: f"{prefix}/{path}" for key, path in paths.items()})
        return self._http.build_request(
            "POST",
            self._endpoints.batch,
            content=content,
            headers={"Content-Type": CONTENT_TYPE},
            extensions={COST: sum(cost_of("GET", path) for path in paths.values())},
        )

    def _batch(self, request: httpx.Request) -> dict[str, PartAnswer]:
        response = self._calls.repeatable(request)
        return decode(response.headers.get("Content-Type", ""), response.content)

    def _mime_request(
        self, method: str, path: str, content: bytes, content_type: str, *, upload: bool
    ) -> httpx.Request:
        base = self._endpoints.upload if upload else self._endpoints.gmail
        return self._http.build_request(
            method,
            f"{base}/{path}",
            params={"uploadType": "multipart"} if upload else None,
            content=content,
            headers={"Content-Type": content_type},
            extensions={COST: cost_of(method, path)},
        )

    def _request(self, method: str, path: str, **content: Any) -> httpx.Request:
        return self._http.build_request(
            method,
            f"{self._endpoints.gmail}/{path}",
            extensions={COST: cost_of(method, path)},
            **content,
        )
