"""`sam deploy` into the local AWS, skipped when this very build is already deployed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

from local import local_aws
from local.build import ARCHITECTURE, RUNTIME, empty_sam_config, run_sam
from local.gateway.routes import RouteTable, routes_of_template

# What is deployed is written on the stack itself, so it can never disagree with the stack: after a
# crash the local AWS comes back with an older state, and an older tag.
_FINGERPRINT_TAG = "postroom-local-fingerprint"


@dataclass(frozen=True)
class Deployment:
    """One stack in the local AWS: where it is, and the parameters that it gets."""

    endpoint_url: str
    stack_name: str
    parameters: Mapping[str, str]

    def fingerprint(self, sources_fingerprint: str) -> str:
        """Name this build with these parameters."""
        parameters = sorted(self.parameters.items())
        return hashlib.sha256(f"{sources_fingerprint}{parameters}".encode()).hexdigest()

    def is_current(self, sources_fingerprint: str) -> bool:
        """Whether exactly this build stands deployed."""
        try:
            [stack] = self._cloudformation().describe_stacks(StackName=self.stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return False
            raise
        tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
        complete = stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return complete and tags.get(_FINGERPRINT_TAG) == self.fingerprint(sources_fingerprint)

    def deploy(self, template: Path, sources_fingerprint: str) -> None:
        """Deploy a built template. Raises StackFailed with SAM's words."""
        parameters = {**self.parameters, "Runtime": RUNTIME, "Architecture": ARCHITECTURE}
        run_sam(
            "deploy",
            *("--template-file", str(template), "--stack-name", self.stack_name),
            *("--config-file", str(empty_sam_config())),
            *("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--tags", f"{_FINGERPRINT_TAG}={self.fingerprint(sources_fingerprint)}"),
            *("--parameter-overrides", *(f'{k}="{v}"' for k, v in parameters.items())),
            environment=local_aws.environment(self.endpoint_url) | {"SAM_CLI_POLL_DELAY": "0.5"},
        )

    def routes(self) -> RouteTable:
        """Read the routes of the deployed API, which the local AWS itself does not make."""
        cloudformation = self._cloudformation()
        body: Any = cloudformation.get_template(
            StackName=self.stack_name, TemplateStage="Processed"
        )["TemplateBody"]
        template = yaml.safe_load(body) if isinstance(body, str) else body
        resources = cloudformation.describe_stack_resources(StackName=self.stack_name)
        functions = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources["StackResources"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }
        return routes_of_template(template, functions)

    def admin_key(self) -> str:
        """Read the administrator's first key."""
        secrets = boto3.client("secretsmanager", **local_aws.client_options(self.endpoint_url))
        name = f"postroom/{self.stack_name}/admin-key"
        return secrets.get_secret_value(SecretId=name)["SecretString"]

    def _cloudformation(self) -> Any:
        return boto3.client("cloudformation", **local_aws.client_options(self.endpoint_url))
