"""$default: what no other function answers; and GET /health."""

import re
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from postroom import __version__
from postroom.web.resolver import json_answer, lambda_handler, make_resolver, redirect

app = make_resolver(admit=None)


@app.get("/health")
def health() -> Response[str]:
    """Say that the deployment answers, and nothing else."""
    return json_answer({"status": "ok", "version": __version__})


@app.not_found
def answer_unknown(error: NotFoundError) -> Response[str]:
    """Send SDKs whose base address ends in a slash on to the path they mean."""
    path = app.current_event.raw_path
    if "//" not in path:
        return app.rendered(error)
    # The path came decoded. One leading slash only: `//host` would be another site's address.
    collapsed = quote(re.sub(r"/{2,}", "/", path), safe="/@:+,;=&$!*'()~")
    query = app.current_event.raw_query_string
    return redirect(f"{collapsed}?{query}" if query else collapsed, status=308)


handler = lambda_handler(app)
