"""The document of the API as the deployment shows it, and what it is asked: which methods are."""

import base64
import gzip
import hashlib
import json
import re
from html import unescape
from typing import Any

import pytest

from docs.openapi.__main__ import GOLDEN
from tests.functions.conftest import Deployment


def body_of(answer: dict[str, Any]) -> str:
    """Return an answer's text, which travels compressed."""
    assert answer["statusCode"] == 200, answer
    assert answer["isBase64Encoded"]
    return gzip.decompress(base64.b64decode(answer["body"])).decode()


@pytest.fixture(scope="module")
def page(deployment: Deployment) -> dict[str, Any]:
    """The answer to a browser that asks for the page, without any key."""
    answer: dict[str, Any] = deployment.invoke("console.docs")
    return answer


def test_the_document_is_served_as_it_stands_in_the_repository(deployment: Deployment) -> None:
    """Nobody is asked who they are, and tools read it as JSON."""
    answer = deployment.invoke("console.openapi")
    assert body_of(answer) == GOLDEN.read_text(encoding="utf-8")
    assert answer["headers"]["Content-Type"] == "application/json"


def test_the_page_shows_every_route_and_model(page: dict[str, Any]) -> None:
    """With its method, its path and an anchor to link to."""
    document, text = json.loads(GOLDEN.read_text(encoding="utf-8")), unescape(body_of(page))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in text
            assert f'id="{operation["operationId"]}"' in text
    for name in document["components"]["schemas"]:
        assert f'id="model-{name}"' in text


def test_every_link_of_the_page_leads_to_a_place_on_it(page: dict[str, Any]) -> None:
    """But for the one to the document itself."""
    text = body_of(page)
    places = set(re.findall(r'id="([^"]+)"', text))
    for link in re.findall(r'href="([^"]+)"', text):
        assert link == "openapi.json" or link.removeprefix("#") in places, link


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page: dict[str, Any]) -> None:
    """Its policy allows its own style and no more, so it works without a network beyond ours."""
    text = body_of(page)
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    policy = page["headers"]["Content-Security-Policy"]

    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{style_hash}';")
    assert "unsafe" not in policy
    assert not re.findall(r"<script|<link|<img|\sstyle=|\son\w+=|\ssrc=|@import|url\(", text)


def test_a_wrong_method_is_told_the_right_ones(deployment: Deployment) -> None:
    """405 with `Allow`, as HTTP has it; an address that there is not stays 404."""
    answer = deployment.invoke("not_found.wrong_method")
    assert answer["statusCode"] == 405
    assert answer["headers"]["Allow"] == "GET"
    error = json.loads(answer["body"])["error"]
    assert error["type"] == "method_not_allowed_error"
    assert "GET" in error["message"]
