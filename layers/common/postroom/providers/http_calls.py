"""Calls to a provider's API for one mailbox: token, repeats, limits, and what is never done twice.

repeatable ─▶ authorized ─▶ sent with a token ─▶ answer
    ▲             └─ 401: once more with another token
    └─ a failure that may have passed: up to twice more, a moment later
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from postroom.domain.errors import OutcomeUnknown, PostroomError, TooLarge
from postroom.ports import AccessTokenSource, Budget, Clock
from postroom.providers.refusals import AccessTokenRefused, ServerFailed, TimedOut, Unanswered

TIMEOUT = httpx.Timeout(connect=5, read=20, write=20, pool=5)
"""Seconds. A function has 25 s for a person, a worker ends its step at 60."""

LARGEST_ANSWER_BYTES = 40 * 1024 * 1024
"""A message with attachments left out is far smaller; a worker's memory holds several of these."""

COST = "cost"
"""The extension of a request that names its price in the provider's quota units."""

SHORTEN = "shorten"
"""The extension of a request that holds what makes its answer shorter while it comes, chunk by
chunk: for one that is too large otherwise."""

UNFINISHED = "unfinished"
"""The extension of a request whose answer may also have the status that it holds: that of an upload
of which more is expected."""

_KEPT_HEADERS = ("Content-Type", "Location", "Range")

_RETRY_PAUSES_SECONDS = (0.2, 1.0)
"""Between attempts of a call that may be repeated; what lasts longer is the queue's business."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

ReadError = Callable[[int, Mapping[str, str], bytes], PostroomError]
"""Says what an answer that is no success means, from its status, header fields and content."""


class HttpCalls:
    """Speaks HTTP for one mailbox; several threads may use it at the same time.

    Raises the domain's errors only, Unanswered for lost calls and TooLarge for endless answers.
    `passing` are refusals that a provider utters now and then of a mailbox that works. The budget
    pays for each attempt what the request's extension `cost` says, or 1; or raises BudgetSpent.
    """

    def __init__(
        self,
        *,
        provider_label: str,
        http: httpx.Client,
        tokens: AccessTokenSource,
        clock: Clock,
        read_error: ReadError,
        budget: Budget | None = None,
        passing: tuple[type[PostroomError], ...] = (),
    ) -> None:
        self._label = provider_label
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._read_error = read_error
        self._budget = budget
        self._passing: tuple[type[Exception], ...] = (httpx.RequestError, *passing)

    def once(
        self, request: httpx.Request, *, largest_bytes: int = LARGEST_ANSWER_BYTES
    ) -> httpx.Response:
        """Make a call once."""
        try:
            return self._authorized(request, largest_bytes)
        except httpx.RequestError as error:
            raise self._lost(error) from error

    def repeatable(
        self,
        request: httpx.Request,
        *,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
        with_token: bool = True,
    ) -> httpx.Response:
        """Make a call that does no harm when it is made again.

        One that has used up its time is not: three of them outlast every function of ours.
        """
        for pause_seconds in _RETRY_PAUSES_SECONDS:
            try:
                return self._attempt(request, largest_bytes, with_token=with_token)
            except ServerFailed as error:
                if error.retry_after is not None or isinstance(error, TimedOut):
                    raise
            except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
                raise self._lost(error) from error
            except self._passing:
                pass
            self._clock.sleep(pause_seconds)
        try:
            return self._attempt(request, largest_bytes, with_token=with_token)
        except httpx.RequestError as error:
            raise self._lost(error) from error

    @contextmanager
    def sending(self) -> Iterator[Callable[[httpx.Request], httpx.Response]]:
        """Give a call that sends mail, and is made once; the block reads its answer.

        Raises OutcomeUnknown when the provider may have sent it without our knowing.
        """
        try:
            yield lambda request: self._authorized(request, LARGEST_ANSWER_BYTES)
        except _NOT_SENT as error:
            raise self._lost(error) from error
        except (httpx.RequestError, ServerFailed, TooLarge) as error:
            raise OutcomeUnknown(
                f"{self._label} did not say whether it sent the message"
            ) from error

    def reserve(self, cost: int) -> None:
        """Have so much at hand for calls that had better all be made. Raises BudgetSpent."""
        if self._budget is not None:
            self._budget.reserve(cost)

    def json(self, response: httpx.Response) -> Any:
        """Read an answer as JSON. Raises ServerFailed when it is none."""
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise ServerFailed(f"{self._label}'s answer is not readable") from error

    def replace_token(self, request: httpx.Request) -> None:
        """Give up the access token that a call was made with, for what was refused inside of it.

        Another thread may have replaced it since: then the newest is not given up with it.
        """
        self._tokens.replace(request.headers["Authorization"].removeprefix("Bearer "))

    def renew_token(self) -> None:
        """Make the calls that follow with an access token that has all of its life before it."""
        self._tokens.replace(self._tokens.current())

    def _attempt(
        self, request: httpx.Request, largest_bytes: int, *, with_token: bool
    ) -> httpx.Response:
        if with_token:
            return self._authorized(request, largest_bytes)
        return self._call(request, largest_bytes)

    def _authorized(self, request: httpx.Request, largest_bytes: int) -> httpx.Response:
        """Make a call with a token, and once more with another when that one is refused.

        A refused fresh token is the provider's trouble and passes: the token endpoint, which has
        just given it, stands by the consent.
        """
        token = self._tokens.current()
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            return self._call(request, largest_bytes)
        except AccessTokenRefused:
            request.headers["Authorization"] = f"Bearer {self._tokens.replace(token)}"
            return self._call(request, largest_bytes)

    def _call(self, request: httpx.Request, largest_bytes: int) -> httpx.Response:
        if self._budget is not None:
            self._budget.spend(request.extensions.get(COST, 1))
        response = self._http.send(request, stream=True)
        try:
            content = bytearray()
            shorten = request.extensions.get(SHORTEN, iter)
            for chunk in shorten(response.iter_bytes()):
                content += chunk
                if len(content) > largest_bytes:
                    raise TooLarge(f"{self._label}'s answer is larger than we can hold")
        finally:
            response.close()
        is_unfinished = response.status_code == request.extensions.get(UNFINISHED)
        if not response.is_success and not is_unfinished:
            raise self._read_error(response.status_code, response.headers, bytes(content))
        return httpx.Response(
            response.status_code,
            headers={name: response.headers.get(name, "") for name in _KEPT_HEADERS},
            content=bytes(content),
        )

    def _lost(self, error: httpx.HTTPError) -> Unanswered | TimedOut:
        """Return the error for a call that was not answered; never shows its address."""
        kind = TimedOut if isinstance(error, httpx.ReadTimeout) else Unanswered
        return kind(f"no answer from {self._label} ({type(error).__name__})")
