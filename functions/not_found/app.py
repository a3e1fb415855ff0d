"""$default: what no other function answers; and GET /health."""

import re
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from postroom import __version__
from postroom.web.api_document import methods_of
from postroom.web.documented import documented, flat
from postroom.web.error_kinds import MethodNotAllowed
from postroom.web.errors import error_of_path
from postroom.web.resolver import json_answer, lambda_handler, make_resolver, redirect
from postroom.web.schemas.fields import wire
from postroom.web.schemas.health import HealthOut

app = make_resolver(admit=None, render_error=error_of_path)


@app.get("/health")
@documented(flat(HealthOut))
def health() -> Response[str]:
    """Say that the deployment answers, and nothing else."""
    return json_answer(wire(HealthOut(version=__version__)))


@app.not_found
def answer_unknown(error: NotFoundError) -> Response[str]:
    """Send SDKs whose base address ends in a slash on to the path they mean."""
    path = app.current_event.raw_path
    if "//" not in path:
        allowed = methods_of(path)
        return app.rendered(MethodNotAllowed(allowed) if allowed else error)
    # The path came decoded. One leading slash only: `//host` would be another site's address.
    collapsed = quote(re.sub(r"/{2,}", "/", path), safe="/@:+,;=&$!*'()~")
    query = app.current_event.raw_query_string
    return redirect(f"{collapsed}?{query}" if query else collapsed, status=308)


handler = lambda_handler(app)
