"""Write the tables of docs/api.md from the template and the code; `--check` only compares."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from postroom.web.errors import INTERNAL, KINDS

ROOT = Path(__file__).parents[1]
API = ROOT / "docs" / "api.md"


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
    """Every `error.type` with its status and cause."""
    rows = ["| status | `error.type` | cause |", "|---|---|---|"]
    kinds = dict.fromkeys(
        (kind.status, kind.type, kind.cause) for kind in (*KINDS.values(), INTERNAL)
    )
    rows += [f"| {status} | `{name}` | {cause} |" for status, name, cause in sorted(kinds)]
    return "\n".join(rows)


def written(text: str) -> str:
    """Return the page with its tables as they should be."""
    for name, table in (("routes", routes()), ("errors", errors())):
        text = re.sub(
            rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end -->)",
            lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def main() -> int:
    """Write, or tell whether there is something to write."""
    old, new = API.read_text(), written(API.read_text())
    if sys.argv[1:] == ["--check"]:
        if old != new:
            print("docs/api.md is not what the code says: run `make format`.")
        return int(old != new)
    API.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
