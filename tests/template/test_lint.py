"""cfn-lint on the translated template, where it sees what it cannot see before the transform."""

import json

from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from tests.template.conftest import Template, read_template, translate


def findings(translated: Template) -> list[str]:
    """Return cfn-lint's errors and warnings as `rule message`."""
    matches = lint(json.dumps(translated), config=ManualArgs(regions=["us-east-1"]))
    return [f"{match.rule.id} {match.message}" for match in matches]


def test_translated_template_has_no_findings(translated: Template) -> None:
    """CloudFormation would accept what the transform makes of the template."""
    assert findings(translated) == []


def test_a_function_that_refers_to_the_api_is_found() -> None:
    """Such a circle passes `sam validate --lint` and fails at deployment: here it shows."""
    template = read_template()
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    variables["POSTROOM_PUBLIC_URL"] = {"Fn::Sub": "https://${HttpApi}.example.com"}

    found = findings(translate(template))

    assert any(finding.startswith("E3004 ") for finding in found)
