"""How programs are pointed at the local AWS instead of the real one."""

import os
from typing import Any

REGION = "us-east-1"
LOOPBACK = "127.0.0.1,localhost"


def environment(endpoint_url: str, region: str = REGION) -> dict[str, str]:
    """Our environment with everything about a real AWS account replaced.

    A profile or a key of the person who runs the stack must never reach it, and no proxy stands
    between the parts of it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def client_options(endpoint_url: str, region: str = REGION) -> dict[str, Any]:
    """Keyword arguments for `boto3.client` that point it at the local AWS."""
    return {
        "endpoint_url": endpoint_url,
        "region_name": region,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
