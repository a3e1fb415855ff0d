"""The document of the API, as `docs/openapi` wrote it: served, and asked about routes."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

CACHING = {"Cache-Control": "public, max-age=300"}
"""It changes with a deployment only."""

_METHODS = ("get", "post", "put", "patch", "delete")


def api_document() -> Response[str]:
    """Answer the document itself."""
    return Response(
        status_code=200,
        content_type="application/json",
        body=_text(),
        headers=dict(CACHING),
        compress=True,
    )


def methods_of(path: str) -> Sequence[str]:
    """Return the methods that an address has, in capitals; none when there is no such address."""
    fitting = [
        template
        for template in document()["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    if not fitting:
        return []
    # As API Gateway decides: what is named in a route comes first.
    operations = document()["paths"][min(fitting, key=lambda template: template.count("{"))]
    return [method.upper() for method in _METHODS if method in operations]


@lru_cache
def _text() -> str:
    return (Path(__file__).parent / "openapi.json").read_text(encoding="utf-8")


@lru_cache
def document() -> Mapping[str, Any]:
    """Return the document."""
    read: Mapping[str, Any] = json.loads(_text())
    return read
