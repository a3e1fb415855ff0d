"""The pages that people see when connecting a mailbox cannot go on."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from postroom.web.errors import Problem, contract_error

_SECURITY_HEADERS = {
    # Nothing but the page's own style; nobody may frame it or take a form elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'sha256-{style_hash}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def error_page(problem: Problem, _event: APIGatewayProxyEventV2) -> Response[str]:
    """Render a page for the person in front of the browser."""
    template, style_hash = _template()
    body = template.render(message=problem.message, request_id=problem.request_id)
    headers = {
        name: value.format(style_hash=style_hash) for name, value in _SECURITY_HEADERS.items()
    }
    return Response(
        status_code=problem.status,
        content_type="text/html; charset=utf-8",
        body=body,
        headers={**headers, **problem.headers},
    )


def error_page_for_browsers(problem: Problem, event: APIGatewayProxyEventV2) -> Response[str]:
    """Render a page for browsers, and the contract's shape for programs."""
    if "text/html" in event.headers.get("accept", "").lower():
        return error_page(problem, event)
    return contract_error(problem, event)


@lru_cache
def _template() -> tuple[Template, str]:
    folder = Path(__file__).parent / "templates"
    style = (folder / "page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("error.html.j2", globals={"style": style})
    return template, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
