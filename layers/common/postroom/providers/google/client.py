"""Calls to the Gmail API for one mailbox: token, retries, limits, errors."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from postroom.domain.errors import OutcomeUnknown, PostroomError, TooLarge
from postroom.ports import AccessTokenSource, Clock
from postroom.providers.google.batch import CONTENT_TYPE, PartAnswer, decode, encode
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.google.errors import (
    AccessTokenRefused,
    PreconditionFailed,
    ServerFailed,
    Unanswered,
    api_error,
)

USER_AGENT = "postroom (gzip)"
"""Gmail compresses only for a User-Agent that contains `gzip`.

https://developers.google.com/workspace/gmail/api/guides/performance
"""

TIMEOUT = httpx.Timeout(connect=5, read=20, write=20, pool=5)
"""Seconds. A function has 25 s for a person, a worker ends its step at 60."""

LARGEST_ANSWER_BYTES = 40 * 1024 * 1024
"""A message with attachments left out is far smaller; a worker's memory holds several of these."""

LARGEST_RAW_BYTES = 75 * 1024 * 1024
"""Gmail takes mail up to 50 MB in; in base64 it is a third larger."""

_RETRY_PAUSES_SECONDS = (0.2, 1.0)
"""Between attempts of a call that may be repeated; what lasts longer is the queue's business."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class GmailClient:
    """Speaks HTTP for one mailbox. Raises the domain's errors only, Unanswered for lost calls."""

    def __init__(
        self, *, http: httpx.Client, endpoints: Endpoints, tokens: AccessTokenSource, clock: Clock
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._tokens = tokens
        self._clock = clock

    def get(
        self,
        path: str,
        params: Mapping[str, str | int | list[str]] | None = None,
        *,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> Any:
        """GET below `users/me/`; returns the JSON. Raises NotFound, TooLarge."""
        request = self._http.build_request("GET", self._url(path), params=params)
        return _json(self._repeatable(request, largest_bytes))

    def change(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST something that may be done twice with the same result; returns the JSON."""
        request = self._http.build_request("POST", self._url(path), json=body)
        return _json(self._repeatable(request, LARGEST_ANSWER_BYTES))

    def delete(self, path: str) -> None:
        """DELETE once. Raises NotFound."""
        request = self._http.build_request("DELETE", self._url(path))
        try:
            self._authorized(request, LARGEST_ANSWER_BYTES)
        except httpx.RequestError as error:
            raise _lost(error) from error

    def send(self, content: bytes, content_type: str, *, upload: bool) -> Any:
        """POST a message once; returns the JSON.

        Raises OutcomeUnknown when Gmail may have sent it without our knowing.
        """
        base = self._endpoints.upload if upload else self._endpoints.gmail
        request = self._http.build_request(
            "POST",
            f"{base}/messages/send",
            params={"uploadType": "multipart"} if upload else None,
            content=content,
            headers={"Content-Type": content_type},
        )
        try:
            return _json(self._authorized(request, LARGEST_ANSWER_BYTES))
        except _NOT_SENT as error:
            raise _lost(error) from error
        except (httpx.RequestError, ServerFailed, TooLarge) as error:
            raise OutcomeUnknown("Gmail did not say whether it sent the message") from error

    def batch(self, paths: Mapping[str, str]) -> dict[str, PartAnswer]:
        """GET many addresses below `users/me/` at once, at most `LARGEST_BATCH`.

        Answers by key, whatever their status; what Gmail did not answer is absent.
        """
        answers = self._batch(paths)
        refused = {key: paths[key] for key, part in answers.items() if part.status == 401}
        if refused:
            self._tokens.replace(self._tokens.current())
            again = self._batch(refused)
            for part in again.values():
                if part.status == 401:
                    raise self.error(part)
            answers = {key: part for key, part in answers.items() if key not in refused} | again
        return answers

    def error(self, part: PartAnswer) -> PostroomError:
        """Return what a part's status means."""
        return api_error(part.status, part.headers, part.content, now=self._clock.now())

    def _batch(self, paths: Mapping[str, str]) -> dict[str, PartAnswer]:
        prefix = urlsplit(self._endpoints.gmail).path
        content = encode({key: f"{prefix}/{path}" for key, path in paths.items()})
        request = self._http.build_request(
            "POST",
            self._endpoints.batch,
            content=content,
            headers={"Content-Type": CONTENT_TYPE},
        )
        response = self._repeatable(request, LARGEST_ANSWER_BYTES)
        return decode(response.headers.get("Content-Type", ""), response.content)

    def _url(self, path: str) -> str:
        return f"{self._endpoints.gmail}/{path}"

    def _repeatable(self, request: httpx.Request, largest_bytes: int) -> httpx.Response:
        """Make a call that does no harm when it is made again.

        One that has used up its time is not: three of them outlast every function of ours.
        """
        for pause_seconds in _RETRY_PAUSES_SECONDS:
            try:
                return self._authorized(request, largest_bytes)
            except ServerFailed as error:
                if error.retry_after is not None:
                    raise
            except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
                raise _lost(error) from error
            except (PreconditionFailed, httpx.RequestError):
                pass
            self._clock.sleep(pause_seconds)
        try:
            return self._authorized(request, largest_bytes)
        except httpx.RequestError as error:
            raise _lost(error) from error

    def _authorized(self, request: httpx.Request, largest_bytes: int) -> httpx.Response:
        """Make a call with a token, and once more with another when that one is refused.

        A refused fresh token is Gmail's trouble and passes: the token endpoint, which has just
        given it, stands by the consent.
        """
        token = self._tokens.current()
        try:
            return self._call(request, token, largest_bytes)
        except AccessTokenRefused:
            return self._call(request, self._tokens.replace(token), largest_bytes)

    def _call(self, request: httpx.Request, token: str, largest_bytes: int) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        response = self._http.send(request, stream=True)
        try:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > largest_bytes:
                    raise TooLarge("Gmail's answer is larger than we can hold")
        finally:
            response.close()
        if not response.is_success:
            raise api_error(
                response.status_code, response.headers, bytes(content), now=self._clock.now()
            )
        return httpx.Response(
            response.status_code,
            headers={"Content-Type": response.headers.get("Content-Type", "")},
            content=bytes(content),
        )


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise ServerFailed("Gmail's answer is not readable") from error


def _lost(error: httpx.HTTPError) -> Unanswered:
    """Return the error for a call that Gmail did not answer; never shows its address."""
    return Unanswered(f"no answer from Gmail ({type(error).__name__})")
