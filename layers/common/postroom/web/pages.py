"""The pages that people see where connecting a mailbox does not go on by itself.

They come in the reader's language, as the console does; what they say stands in one file for each,
`templates/strings.<language>.json`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from postroom.domain.errors import InvalidRequest
from postroom.web.error_kinds import KINDS
from postroom.web.errors import Problem, contract_error
from postroom.web.languages import language_of

_TEMPLATES = Path(__file__).parent / "templates"
_FOR_DEVELOPERS = KINDS[InvalidRequest].type
_LABELS = {"google": "Google", "microsoft": "Microsoft (Outlook, Hotmail, Microsoft 365)"}

_SECURITY_HEADERS = {
    # Nothing but the page's own style; nobody may frame it or take a form elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'sha256-{style_hash}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def error_page(problem: Problem, event: APIGatewayProxyEventV2) -> Response[str]:
    """Render a page for the person in front of the browser.

    What an application got wrong is for its developers, in the words of the API.
    """
    texts = _texts(language_of(event))
    page = _page(
        event,
        heading="refused.title",
        sentences=(
            f"error.{problem.type}" if f"error.{problem.type}" in texts else "error.other",
            "refused.again",
        ),
        for_developers=problem.message if problem.type == _FOR_DEVELOPERS else "",
        request_id=problem.request_id,
        status=problem.status,
    )
    page.headers.update(problem.headers)
    return page


def error_page_for_browsers(problem: Problem, event: APIGatewayProxyEventV2) -> Response[str]:
    """Render a page for browsers, and the contract's shape for programs."""
    if wants_page(event):
        return error_page(problem, event)
    return contract_error(problem, event)


def security_headers(style: str) -> dict[str, str]:
    """Return the headers of a page that has this style and no script."""
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {name: value.format(style_hash=style_hash) for name, value in _SECURITY_HEADERS.items()}


def wants_page(event: APIGatewayProxyEventV2) -> bool:
    """Whether somebody sits in front of a browser."""
    return "text/html" in event.headers.get("accept", "").lower()


def choice_page(
    providers: Sequence[str], event: APIGatewayProxyEventV2, *, request_id: str
) -> Response[str]:
    """Render the choice of a provider; each leads to the same route, with its answer."""
    asked = event.query_string_parameters or {}
    return _page(
        event,
        heading="choice.title",
        sentences=("choice.text",),
        links=tuple(
            (_LABELS.get(each, each.capitalize()), "?" + urlencode({**asked, "provider": each}))
            for each in providers
        ),
        request_id=request_id,
        status=200,
    )


def allowed_page(event: APIGatewayProxyEventV2, *, request_id: str) -> Response[str]:
    """Render what an administrator sees who has allowed the application for an organisation."""
    return _page(
        event,
        heading="allowed.title",
        sentences=("allowed.text", "allowed.close"),
        request_id=request_id,
        status=200,
    )


def _page(
    event: APIGatewayProxyEventV2,
    *,
    heading: str,
    sentences: tuple[str, ...],
    request_id: str,
    status: int,
    for_developers: str = "",
    links: tuple[tuple[str, str], ...] = (),
) -> Response[str]:
    """Render a page in the reader's language; `heading` and `sentences` are keys of its strings."""
    language = language_of(event)
    texts = _texts(language)
    template, style = _template()
    return Response(
        status_code=status,
        content_type="text/html; charset=utf-8",
        body=template.render(
            language=language,
            heading=texts[heading],
            sentences=[texts[each] for each in sentences],
            for_developers=for_developers,
            links=links,
            reference=texts["reference"].format(request_id=request_id),
        ),
        headers=dict(security_headers(style)),
    )


@lru_cache
def _texts(language: str) -> Mapping[str, str]:
    content = (_TEMPLATES / f"strings.{language}.json").read_text(encoding="utf-8")
    texts: dict[str, str] = json.loads(content)
    return texts


@lru_cache
def _template() -> tuple[Template, str]:
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("page.html.j2", globals={"style": style})
    return template, style
