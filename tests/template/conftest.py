"""The template as it is written, and as CloudFormation gets it from the SAM transform."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template.yaml"

Template = dict[str, Any]


def read_template() -> Template:
    """Return template.yaml with short intrinsics (`!Ref`) in their long form."""
    parsed: Template = yaml_parse(TEMPLATE.read_text())
    return parsed


def translate(template: Template) -> Template:
    """Return what the SAM transform makes of a template. Code is taken to be in S3 already."""
    packaged = copy.deepcopy(template)
    for resource in packaged["Resources"].values():
        for uri in ("CodeUri", "ContentUri"):
            if uri in resource.get("Properties", {}):
                resource["Properties"][uri] = "s3://artefacts/code.zip"
    defaults = {
        name: str(parameter["Default"]) for name, parameter in packaged["Parameters"].items()
    }
    translated: Template = Translator({}, Parser()).translate(packaged, defaults)
    return translated


@pytest.fixture(autouse=True, scope="session")
def region() -> Iterator[None]:
    """The transform asks for a region, to name the partition."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture(scope="session")
def template() -> Template:
    return read_template()


@pytest.fixture(scope="session")
def translated(template: Template, region: None) -> Template:
    return translate(template)


def of_type(template: Template, resource_type: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == resource_type
    }
