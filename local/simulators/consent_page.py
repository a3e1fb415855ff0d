"""The page where a mailbox's owner chooses an account and sees, or ticks, what to allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment
from werkzeug import Response

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
<title>Sign in - simulated {{ vendor }}</title><meta name="viewport" content="width=device-width">
<style>{{ style|safe }}</style><main><small>Simulated {{ vendor }} account</small>
<h1>{{ client }} wants access to your account</h1>
<form method="post" action="{{ action }}"><input type="hidden" name="q" value="{{ query }}">
<fieldset><legend>Choose an account</legend>
{% for mailbox in mailboxes %}<label><input type="radio" name="address" required
value="{{ mailbox.address }}"{% if mailbox.address == hint %} checked{% endif %}>
{{ mailbox.name or mailbox.address }} <small>{{ mailbox.address }}</small></label>
{% else %}<p>There is no mailbox yet.</p>{% endfor %}</fieldset>
<fieldset><legend>What it may access</legend>
{% for each in permissions %}<label>{% if each.fixed %}
<input type="checkbox" checked disabled>
<input type="hidden" name="scope" value="{{ each.scope }}">{% else %}
<input type="checkbox" name="scope" value="{{ each.scope }}" checked>{% endif %}
{{ each.meaning }}</label>{% endfor %}</fieldset>
<button name="answer" value="allow">Allow</button>
<button name="answer" value="cancel" formnovalidate>Cancel</button></form></main></html>""")
_ERROR = _TEMPLATES.from_string("""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Error - simulated {{ vendor }}</title><style>{{ style|safe }}</style><main>
<h1>Access blocked: Authorization Error</h1><p>{{ message }}</p>
<p><b>Error {{ status }}: {{ code }}</b></p></main></html>""")


@dataclass(frozen=True)
class Permission:
    """One line of the page; a `fixed` one cannot be unticked."""

    scope: str
    meaning: str
    fixed: bool


@dataclass(frozen=True)
class ConsentPage:
    """What to ask. `query` is the authorize address's own, handed back with the answer."""

    vendor: str
    action: str
    client_id: str
    query: str
    login_hint: str
    mailboxes: Sequence[tuple[str, str]]
    """Addresses and names."""
    permissions: Sequence[Permission]

    def response(self) -> Response:
        """Return the page; it posts `q`, `address`, `scope`s and `answer` (allow, cancel)."""
        page = _PAGE.render(
            style=_STYLE,
            vendor=self.vendor,
            action=self.action,
            client=self.client_id,
            query=self.query,
            hint=self.login_hint,
            mailboxes=[{"address": address, "name": name} for address, name in self.mailboxes],
            permissions=self.permissions,
        )
        return Response(page, mimetype="text/html")


def error_page(vendor: str, status: int, code: str, message: str) -> Response:
    """Return what a vendor shows when it cannot send the visitor back."""
    page = _ERROR.render(style=_STYLE, vendor=vendor, status=status, code=code, message=message)
    return Response(page, status, mimetype="text/html")
