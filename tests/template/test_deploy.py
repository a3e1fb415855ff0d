"""What `make deploy` tells SAM."""

import tomllib

import pytest

from deployment.deploy import UnknownEnvironment, plan
from tests.template.conftest import PROJECT

SHIPPED = tomllib.loads((PROJECT / "samconfig.toml").read_text())
for environment in ("dev", "prod"):  # an owner's own answers may be saved in it already
    SHIPPED[environment]["deploy"]["parameters"].pop("region", None)
SAVED = {
    "dev": {
        "deploy": {
            "parameters": {
                "stack_name": "postroom-dev",
                "region": "eu-central-1",
                "parameter_overrides": 'Runtime="python3.13" Architecture="x86_64" PublicUrl=""',
            }
        }
    }
}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_first_deployment_asks(environment: str) -> None:
    """As the repository ships, no region is saved, so SAM asks for everything it needs."""
    deployment = plan(SHIPPED, environment=environment, architecture="arm64")

    assert "--guided" in deployment.arguments
    assert deployment.arguments[-2:] == ("--parameter-overrides", "Architecture=arm64")


def test_later_deployments_keep_the_architecture_that_was_saved() -> None:
    """The layer of another architecture would break every function of the stack."""
    deployment = plan(SAVED, environment="dev", architecture="arm64")

    template = deployment.arguments[deployment.arguments.index("--template-file") + 1]
    assert template.endswith(".aws-sam/build/x86_64/template.yaml")
    assert not {"--guided", "--parameter-overrides"} & set(deployment.arguments)


def test_an_unknown_environment_is_named() -> None:
    """A typing error in ENV says so, instead of deploying a stack with SAM's default name."""
    with pytest.raises(UnknownEnvironment, match=r"no \[staging\.deploy\.parameters\]"):
        plan(SHIPPED, environment="staging", architecture="arm64")
