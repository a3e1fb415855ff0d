"""How a function speaks HTTP: who calls, what was asked, what is answered, what went wrong.

    event ─► x-request-id ─► authentication ─► validation ─► the route ─► answer
                   └────────────── any error ──────────────────────────► the error's shape

Authentication comes before validation, so that a stranger learns nothing about the routes.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from postroom.domain.errors import TooLarge
from postroom.domain.principal import Principal
from postroom.observability import counted, logger
from postroom.web.bodies import Model, json_body, validated
from postroom.web.deadline import ANSWER_LIMIT, within
from postroom.web.errors import Problem, contract_error, problem_of
from postroom.web.schemas.fields import wire
from postroom.web.sessions import credential_of

Admit = Callable[[str], Principal]
"""Tells whom a key, a token or a session stands for. Raises Unauthenticated."""

Permit = Callable[[Principal, str], None]
"""Says whether somebody may use a function's routes by this method. Raises Forbidden."""

RenderError = Callable[[Problem, APIGatewayProxyEventV2], Response[str]]
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]

ANSWER_BYTES_LIMIT = 5_900_000
"""Lambda carries 6,291,456 bytes of JSON; the rest is for headers."""

_COMPRESSION_BYTES = 1_000_000
"""From here on an answer is compressed for clients that allow it."""

_SPARED = ("body_text", "body", "headers")
"""What is left out of the answer to something that was done, until it fits. The rest of a message
is a row of the table, and that is small."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Api(APIGatewayHttpResolver):
    """A resolver with Postroom's rules. Make it with `make_resolver`."""

    def __init__(
        self,
        *,
        admit: Admit | None,
        permit: Permit | None,
        render_error: RenderError,
        time_limit: timedelta,
    ) -> None:
        super().__init__(enable_validation=True, debug=False)
        self.admit = admit
        self.permit = permit
        self.render_error = render_error
        self._time_limit = time_limit
        self._principal: Principal | None = None
        self.exception_handler(Exception)(self.rendered)

    @property
    def principal(self) -> Principal:
        """Who this request speaks for. Raises LookupError on routes that are open to everybody."""
        if self._principal is None:
            raise LookupError("this route does not ask who calls")
        return self._principal

    @property
    def request_id(self) -> str:
        """The id in `request_id`, `x-request-id` and the logs."""
        return str(self.current_event.request_context.request_id)

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return the function behind each route, by method and path as OpenAPI writes them."""
        routes = [*self._static_routes, *self._dynamic_routes]
        return {(route.method.lower(), route.openapi_path): route.func for route in routes}

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one request, whatever happens."""
        request = _normalised(event)
        parsed = APIGatewayProxyEventV2(request)
        try:
            with within(self._time_limit):
                self._let_in(parsed)
                answer = super().resolve(request, context)
            if len(answer["body"]) > ANSWER_BYTES_LIMIT / 2:
                _refuse_what_does_not_fit(answer["body"])
        except Exception as error:  # noqa: BLE001 - the caller is answered, and the error logged
            builder: ResponseBuilder[APIGatewayProxyEventV2]
            builder = ResponseBuilder(self._shaped(error, parsed))
            answer = builder.build(parsed)
        answer["headers"] = {
            **_HEADERS,
            "X-Request-Id": str(parsed.request_context.request_id),
            **answer["headers"],
        }
        return answer

    def _let_in(self, event: APIGatewayProxyEventV2) -> None:
        given = "" if self.admit is None else credential_of(event, bearer(event))
        self._principal = None if self.admit is None else self.admit(given)
        if self._principal is not None and self.permit is not None:
            self.permit(self._principal, event.request_context.http.method)

    def body(self, model: type[Model], *, may_be_missing: bool = False) -> Model:
        """Read the JSON body. Raises InvalidRequest, UnsupportedMediaType.

        Routes read bodies here rather than through Powertools, which knows types in lower case
        only and takes forms for JSON.
        """
        return validated(model, json_body(self.current_event, may_be_missing=may_be_missing))

    def item(
        self,
        data: BaseModel | Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **beside: str,
    ) -> Response[str]:
        """Answer one thing in the contract's envelope."""
        answer = {"request_id": self.request_id, **beside, "data": wire(data)}
        return json_answer(answer, status=status, headers=headers)

    def outcome(
        self, done: BaseModel, *, headers: Mapping[str, str] | None = None, **beside: str
    ) -> Response[str]:
        """Answer what was done to a message or a thread: shortened where it does not fit.

        It is never refused: a 413 would say that nothing happened, and a caller who believes it
        does it again.
        """
        shown = wire(done)
        message = shown.get("latest_draft_or_message", shown)
        answer = self.item(shown, status=200, headers=headers, **beside)
        for part in _SPARED:
            if self._fits(answer):
                break
            message.pop(part, None)
            answer = self.item(shown, status=200, headers=headers, **beside)
        return answer

    def listing(
        self,
        data: Sequence[BaseModel | Mapping[str, Any]],
        *,
        next_cursor: str | None = None,
        **beside: int,
    ) -> Response[str]:
        """Answer a list; the last page has no `next_cursor`."""
        answer: dict[str, Any] = {
            "request_id": self.request_id,
            **beside,
            "data": [wire(each) for each in data],
        }
        if next_cursor:
            answer["next_cursor"] = next_cursor
        return json_answer(answer)

    def done(self) -> Response[str]:
        """Answer a deletion: an empty body would break the official SDKs."""
        return json_answer({"request_id": self.request_id})

    def rendered(self, error: Exception) -> Response[str]:
        """Answer an error in this function's shape."""
        return self._shaped(error, self.current_event)

    def _fits(self, answer: Response[str]) -> bool:
        body = answer.body or ""
        if answer.compress and "gzip" in self.current_event.headers.get("accept-encoding", ""):
            # Bytes travel as base64.
            return len(gzip.compress(body.encode())) * 4 / 3 < ANSWER_BYTES_LIMIT
        return wire_bytes(body) <= ANSWER_BYTES_LIMIT

    def _shaped(self, error: Exception, event: APIGatewayProxyEventV2) -> Response[str]:
        problem = problem_of(error, request_id=str(event.request_context.request_id))
        return self.render_error(problem, event)


def make_resolver(
    *,
    admit: Admit | None,
    permit: Permit | None = None,
    render_error: RenderError = contract_error,
    time_limit: timedelta = ANSWER_LIMIT,
) -> Api:
    """Make a function's resolver. `admit` None leaves its routes open to everybody."""
    return Api(admit=admit, permit=permit, render_error=render_error, time_limit=time_limit)


def lambda_handler(app: Api) -> Handler:
    """Make the function that Lambda calls: request id in all logs, metrics written at the end."""

    @logger.inject_lambda_context(
        correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True, log_event=False
    )
    @counted()
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        return app.resolve(event, context)

    return handler


def wire_bytes(body: str) -> int:
    """Return how much of Lambda's answer a body takes: it is a JSON string there."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def json_answer(
    answer: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """Answer JSON as it stands."""
    body = json.dumps(answer, ensure_ascii=False)
    return Response(
        status_code=status,
        content_type="application/json",
        body=body,
        headers=dict(headers or {}),
        compress=len(body) > _COMPRESSION_BYTES,
    )


def binary_answer(content: bytes, *, filename: str) -> Response[bytes]:
    """Answer a file to be saved, never shown: it may be HTML or a script from a stranger."""
    # RFC 6266 with the encoding of RFC 8187: ASCII, whatever the name.
    encoded = quote(filename, safe="", errors="replace")
    return Response(
        status_code=200,
        content_type="application/octet-stream",
        body=content,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{encoded}"},
    )


def redirect(address: str, *, status: int = 302, cookies: Sequence[Any] = ()) -> Response[str]:
    """Send the caller somewhere else, without telling that place where they came from."""
    return Response(
        status_code=status,
        content_type="text/plain",
        body="",
        headers={"Location": address, "Referrer-Policy": "no-referrer"},
        cookies=list(cookies),
    )


def bearer(event: APIGatewayProxyEventV2) -> str:
    """Return the credential of the Authorization header, or nothing."""
    scheme, _, credential = event.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def _normalised(event: Mapping[str, Any]) -> dict[str, Any]:
    """Read the query from its raw form, since API Gateway leaves `+` where a space was meant."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(str(event.get("rawQueryString") or ""), keep_blank_values=True):
        values.setdefault(name, []).append(value)
    joined = {name: ",".join(several) for name, several in values.items()}
    return {**event, "queryStringParameters": joined}


def _refuse_what_does_not_fit(body: str) -> None:
    if wire_bytes(body) > ANSWER_BYTES_LIMIT:
        raise TooLarge(
            "This answer is larger than 6 MB. Use `select` without `body` and `body_text`; "
            "`fields=raw_mime` gives one whole message of any size."
        )
