"""Requests that nobody means: whatever comes in, a caller gets an answer that is not our mistake.

Each example takes an event file, and puts something else in the place of a part of it. The provider
is well, so there is no reason for any status from 500 on.
"""

import base64
import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functions.conftest import EVENTS, Deployment

WORKERS = {"scheduled_sync", "sync_worker", "send_worker", "event_publisher", "event_delivery"}
GONE_AFTERWARDS = {"accounts.delete", "provider_configs.delete_connector"}
"""What would leave nothing to try the other requests on."""


def _cases() -> Iterator[str]:
    for path in sorted(Path(EVENTS).glob("*.json")):
        if path.name.partition(".")[0] not in WORKERS and path.stem not in GONE_AFTERWARDS:
            yield path.stem


CASES = list(_cases())

TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "null",
            "true",
            "-1",
            "0",
            "1e400",
            "9" * 400,
            "99999999999999",
            "\x00",
            "a\r\nSet-Cookie: b=c",
            "../../..",
            "%00%ff%zz",
            "\ud800",
            "me",
            "a@b",
            "javascript:alert(1)",
            "http://[",
            "https://example.com:99999999/",
            "x" * 5_000,
            "Bearer ",
            "bytes;charset=\xff",
            "multipart/form-data; boundary=",
            "application/json; charset=utf-16",
        ]
    ),
)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from([10**400, 2**63, -1])
    | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=5,
)
PLACES = st.integers(0, 30)
HEADERS = st.sampled_from(
    ["authorization", "content-type", "idempotency-key", "cookie", "accept", "accept-encoding",
     "host", "content-length", "x-request-id"]
)  # fmt: skip


def _scalars(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of everything inside a JSON document."""
    if path:
        yield path
    inner: dict[Any, Any] = document if isinstance(document, dict) else {}
    inner = dict(enumerate(document)) if isinstance(document, list) else inner
    for name, value in inner.items():
        yield from _scalars(value, (*path, name))


def _replaced(document: Any, place: int, value: Any) -> Any:
    """Return a JSON document with something else in one place, or as a whole."""
    places = [(), *_scalars(document)]
    path = places[place % len(places)]
    if not path:
        return value
    changed = copy.deepcopy(document)
    within = changed
    for name in path[:-1]:
        within = within[name]
    within[path[-1]] = value
    return changed


def _with_value_in_json(request: dict[str, Any], data: st.DataObject) -> None:
    try:
        document = json.loads(request.get("body") or "{}")
    except ValueError:
        document = {}
    place, value = data.draw(PLACES), data.draw(VALUE)
    request["body"] = json.dumps(_replaced(document, place, value))
    request["isBase64Encoded"] = False


def _with_any_body(request: dict[str, Any], data: st.DataObject) -> None:
    body: str | None = data.draw(st.none() | TEXT)
    request["body"] = body
    request["isBase64Encoded"] = False


def _with_damaged_body(request: dict[str, Any], data: st.DataObject) -> None:
    body = request.get("body") or ""
    content = (
        base64.b64decode(body)
        if request.get("isBase64Encoded")
        else body.encode(errors="surrogatepass")
    )
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 200)))
    damaged = content[:start] + data.draw(st.binary(max_size=20)) + content[end:]
    request["body"] = base64.b64encode(damaged).decode()
    request["isBase64Encoded"] = True


def _with_query(request: dict[str, Any], data: st.DataObject) -> None:
    pairs = [pair for pair in request["rawQueryString"].split("&") if pair]
    written = quote(data.draw(TEXT).encode(errors="surrogatepass"))
    replaces: bool = data.draw(st.booleans())
    if pairs and replaces:
        place = data.draw(PLACES) % len(pairs)
        pairs[place] = pairs[place].partition("=")[0] + "=" + written
    else:
        pairs.append(written)
    request["rawQueryString"] = "&".join(pairs)


def _with_path(request: dict[str, Any], data: st.DataObject) -> None:
    segments = request["rawPath"].split("/")
    # API Gateway has chosen the function by the beginning of the path.
    places = range(min(3, len(segments) - 1), len(segments))
    segments[places[data.draw(PLACES) % len(places)]] = data.draw(TEXT)
    path = "/".join(segments)
    request["rawPath"] = path
    request["requestContext"]["http"]["path"] = path


def _with_header(request: dict[str, Any], data: st.DataObject) -> None:
    name, value = data.draw(HEADERS), data.draw(TEXT)
    if name == "cookie":
        request["cookies"] = [value]
    request["headers"][name] = value


CHANGES = [
    _with_value_in_json,
    _with_any_body,
    _with_damaged_body,
    _with_query,
    _with_path,
    _with_header,
]


@given(data=st.data(), case=st.sampled_from(CASES))
def test_no_request_is_answered_with_a_mistake_of_ours(
    deployment: Deployment, data: st.DataObject, case: str
) -> None:
    """Bad input is the caller's: it is named in the documented shape, in something well-formed."""
    request = deployment.event(case)
    for change in data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3)):
        change(request, data)

    answer = deployment.invoke(case, **request)

    event(f"{case.partition('.')[0]} answers {answer['statusCode']}")
    assert answer["statusCode"] < 500, answer
    sent = json.dumps(answer)
    assert len(sent) < 6_291_456
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    for value in [*headers.values(), *answer.get("cookies", [])]:
        assert str(value).isprintable(), headers
        str(value).encode("ascii")
    if headers.get("content-type", "").startswith("application/json"):
        body = answer["body"]
        if answer.get("isBase64Encoded"):
            body = gzip.decompress(base64.b64decode(body))
        json.loads(body)


@pytest.mark.parametrize("case", CASES)
def test_no_function_answers_a_shapeless_body_with_a_mistake_of_ours(
    deployment: Deployment, case: str
) -> None:
    """Bytes that are no text, no JSON and no form."""
    body = base64.b64encode(bytes(range(256))).decode()

    answer = deployment.invoke(case, body=body, isBase64Encoded=True)

    assert answer["statusCode"] < 500, answer
