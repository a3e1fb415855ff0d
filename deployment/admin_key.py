"""`make admin-key`: print the administrator's first API key of a deployed stack."""

import argparse
import sys
import tomllib
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

CONFIG_FILE = Path(__file__).resolve().parent.parent / "samconfig.toml"


def main() -> int:
    """Read the secret that the deployment made, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", default="dev", help="a section of samconfig.toml")
    parser.add_argument("--stack", help="name of the stack; else the environment's")
    options = parser.parse_args()
    config = tomllib.loads(CONFIG_FILE.read_text())
    saved = config.get(options.environment, {}).get("deploy", {}).get("parameters", {})
    stack = options.stack or saved.get("stack_name")
    if not stack:
        sys.stderr.write(f"samconfig.toml has no environment {options.environment!r}.\n")
        return 2
    try:
        secrets = boto3.client("secretsmanager", region_name=saved.get("region"))
        key = secrets.get_secret_value(SecretId=f"postroom/{stack}/admin-key")["SecretString"]
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"The key of the stack {stack!r} could not be read: {error}\n")
        return 1
    sys.stdout.write(f"{key}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
