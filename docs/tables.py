"""Write the tables of docs/ from the template and the code; `--check` only compares."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from docs.openapi.document import Route, apis
from docs.openapi.document import routes as routes_of
from postroom.web.error_kinds import INTERNAL, KINDS, OAUTH_ERRORS, REFUSALS
from postroom.web.schemas.fields import unserved

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "api.md", ROOT / "docs" / "errors.md")


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short functions as plain values."""


_Template.add_multi_constructor(
    "!", lambda loader, _suffix, node: getattr(loader, f"construct_{node.id}")(node)
)


def routes() -> str:
    """Every route of the API with the function that serves it, in the template's order."""
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Template)  # noqa: S506 - SafeLoader's child
    rows = ["| route | served by |", "|---|---|"]
    for resource in template["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            place = event.get("Properties", {})
            if event["Type"] == "HttpApi" and place.get("Path"):
                folder = Path(resource["Properties"]["CodeUri"]).name
                rows.append(f"| `{place['Method'].upper()} {place['Path']}` | `{folder}` |")
    return "\n".join(rows)


def errors() -> str:
    """Every `error.type` with its status, cause and remedy."""
    rows = ["| status | `error.type` | cause | remedy |", "|---|---|---|---|"]
    kinds = {
        (kind.status, kind.type, kind.cause, kind.remedy) for kind in (*KINDS.values(), INTERNAL)
    }
    rows += [
        f"| {status} | `{name}` | {cause} | {remedy} |"
        for status, name, cause, remedy in sorted(kinds)
    ]
    return "\n".join(rows)


def refusals() -> str:
    """Every reason why a mailbox is not connected."""
    rows = ["| `error` | cause | remedy |", "|---|---|---|"]
    rows += [f"| `{name}` | {kind.cause} | {kind.remedy} |" for name, kind in REFUSALS.items()]
    return "\n".join(rows)


def oauth_errors() -> str:
    """Every `error` of the token routes."""
    rows = ["| status | `error` | `error_code` | cause | remedy |", "|---|---|---|---|---|"]
    for name, kind in OAUTH_ERRORS.items():
        statuses = ", ".join(str(status) for status in kind.statuses)
        rows.append(f"| {statuses} | `{name}` | {kind.code} | {kind.cause} | {kind.remedy} |")
    return "\n".join(rows)


def left_out() -> str:
    """Every field of the contract that is refused once it asks for something, and where."""
    places: dict[tuple[str, str], list[str]] = {}
    for app in apis().values():
        for route in routes_of(app):
            for refused in _refused_at(route):
                places.setdefault(refused, []).append(f"`{route.method.upper()} {route.path}`")
    rows = ["| field | of | instead |", "|---|---|---|"]
    rows += [
        f"| `{field}` | {'<br>'.join(dict.fromkeys(of))} | {sentence}. |"
        for (field, sentence), of in places.items()
    ]
    return "\n".join(rows)


def _refused_at(route: Route) -> Iterator[tuple[str, str]]:
    """Return the fields that a route refuses, with what to do without them."""
    for model in (*route.queries, route.documentation.body):
        if model is not None:
            yield from _refused_in(model)


def _refused_in(model: type[BaseModel], within: str = "") -> Iterator[tuple[str, str]]:
    for name, mark in unserved(model).items():
        yield f"{within}{name}", mark.sentence
    for name, field in model.model_fields.items():
        for each in (field.annotation, *get_args(field.annotation)):
            if isinstance(each, type) and issubclass(each, BaseModel):
                yield from _refused_in(each, f"{within}{field.alias or name}.")


TABLES = {
    "left out": left_out,
    "routes": routes,
    "errors": errors,
    "refusals": refusals,
    "oauth errors": oauth_errors,
}


def written(text: str) -> str:
    """Return a page with its tables as they should be."""
    for name, table in TABLES.items():
        text = re.sub(
            rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)",
            lambda match, table=table: f"{match[1]}\n{table()}\n\n{match[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def main() -> int:
    """Write, or tell whether there is something to write."""
    stale = [page for page in PAGES if page.read_text() != written(page.read_text())]
    for page in stale:
        if sys.argv[1:] == ["--check"]:
            print(f"docs/{page.name} is not what the code says: run `make format`.")
        else:
            page.write_text(written(page.read_text()))
    return int(bool(stale) and sys.argv[1:] == ["--check"])


if __name__ == "__main__":
    sys.exit(main())
