"""The document of the API as a page: no script, nothing from elsewhere."""

import html
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from postroom.web.api_document import CACHING, document
from postroom.web.pages import security_headers


def documentation_page() -> Response[str]:
    """Answer the page."""
    body, style = _page()
    return Response(
        status_code=200,
        content_type="text/html; charset=utf-8",
        body=body,
        headers={**security_headers(style), **CACHING},
        compress=True,
    )


@lru_cache
def _page() -> tuple[str, str]:
    """Render the page once in a process's life; answers it with its style."""
    folder = Path(__file__).parent / "templates"
    style = (folder / "api.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "prose": _prose,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "resolved": _resolved,
        "model_name": lambda reference: reference.rpartition("/")[2],
    }
    shown = document()
    groups = {
        tag["name"]: [
            (path, method, operation)
            for path, operations in shown["paths"].items()
            for method, operation in operations.items()
            if tag["name"] in operation["tags"]
        ]
        for tag in shown["tags"]
    }
    page = environment.get_template("api.html.j2").render(
        document=shown,
        groups=groups,
        style=Markup(style),  # noqa: S704 - a file of ours
    )
    return page, style


def _resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference inside the document."""
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Any = document()
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    resolved: Mapping[str, Any] = found
    return resolved


def _prose(text: str) -> Markup:
    """Show the Markdown that our texts use: paragraphs, `code` and **bold**."""
    shown = html.escape(text)
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", shown)
    shown = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", shown)
    paragraphs = [each.strip() for each in re.split(r"\n{2,}", shown) if each.strip()]
    return Markup("".join(f"<p>{each}</p>" for each in paragraphs))  # noqa: S704 - escaped above
