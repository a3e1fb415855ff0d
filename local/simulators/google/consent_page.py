"""The page where a mailbox's owner chooses an account and ticks what to allow."""

from jinja2 import Environment
from werkzeug import Response

from local.simulators.google.scopes import COMPOSE, FULL, METADATA, MODIFY, READONLY, SEND

_MEANINGS = {
    FULL: "Read, compose, send and permanently delete all your email",
    MODIFY: "Read, compose and send emails, and manage your labels",
    READONLY: "View your email messages and settings",
    COMPOSE: "Manage drafts and send emails",
    SEND: "Send email on your behalf",
    METADATA: "View message metadata such as labels and headers",
}
_UNTICKABLE = frozenset({"openid", "email", "profile"})
_TEMPLATES = Environment(autoescape=True)
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#f4f6fa;color:#1d2433;margin:0}
main{max-width:30rem;margin:8vh auto;background:#fff;border-radius:1rem;padding:2rem;
box-shadow:0 1px 4px #0002} h1{font-size:1.35rem;margin-top:0} small{color:#5a6478}
fieldset{border:0;padding:0;margin:1.2rem 0} legend{font-weight:600}
label{display:flex;gap:.5rem;align-items:baseline;padding:.35rem 0}
input{flex:none} button{font:inherit;padding:.55rem 1.4rem;border-radius:2rem;
border:1px solid #1a56db;background:#fff;color:#1a56db;margin-right:.5rem;cursor:pointer}
button[value=allow]{background:#1a56db;color:#fff}
"""
_PAGE = _TEMPLATES.from_string("""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Sign in - simulated Google</title><meta name="viewport" content="width=device-width">
<style>{{ style|safe }}</style><main><small>Simulated Google account</small>
<h1>{{ client }} wants access to your account</h1>
<form method="post" action="/o/oauth2/v2/auth"><input type="hidden" name="q" value="{{ query }}">
<fieldset><legend>Choose an account</legend>
{% for mailbox in mailboxes %}<label><input type="radio" name="address" required
value="{{ mailbox.address }}"{% if mailbox.address == hint %} checked{% endif %}>
{{ mailbox.name or mailbox.address }} <small>{{ mailbox.address }}</small></label>
{% else %}<p>There is no mailbox yet.</p>{% endfor %}</fieldset>
<fieldset><legend>Select what it may access</legend>
{% for scope, meaning, fixed in scopes %}<label>{% if fixed %}
<input type="checkbox" checked disabled>
<input type="hidden" name="scope" value="{{ scope }}">{% else %}<input type="checkbox" name="scope"
value="{{ scope }}" checked>{% endif %} {{ meaning }}</label>{% endfor %}</fieldset>
<button name="answer" value="allow">Allow</button>
<button name="answer" value="cancel" formnovalidate>Cancel</button></form></main></html>""")
_ERROR = _TEMPLATES.from_string("""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Error - simulated Google</title><style>{{ style|safe }}</style><main>
<h1>Access blocked: Authorization Error</h1><p>{{ message }}</p>
<p><b>Error {{ status }}: {{ code }}</b></p></main></html>""")


def consent_page(
    client_id: str, query: str, hint: str, mailboxes: list[tuple[str, str]], scopes: list[str]
) -> Response:
    """Return the page; `query` is the authorize address's own, handed back with the answer."""
    return _html(
        _PAGE.render(
            style=_STYLE,
            client=client_id,
            query=query,
            hint=hint,
            mailboxes=[{"address": address, "name": name} for address, name in mailboxes],
            scopes=[(s, _MEANINGS.get(s, f"Permission: {s}"), s in _UNTICKABLE) for s in scopes],
        ),
        200,
    )


def error_page(status: int, code: str, message: str) -> Response:
    """Return what Google shows when it cannot send the visitor back."""
    return _html(_ERROR.render(style=_STYLE, status=status, code=code, message=message), status)


def _html(page: str, status: int) -> Response:
    return Response(page, status, mimetype="text/html")
