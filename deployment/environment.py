"""The variables that template.yaml gives every function, with values that reach nothing."""

from samtranslator.yaml_helper import yaml_parse

from deployment.layer import PROJECT

# Port 1 is closed everywhere: whatever calls AWS fails at once.
_NOWHERE = "http://127.0.0.1:1"


def harmless_environment() -> dict[str, str]:
    """Return an environment in which a function starts, and every call to AWS is refused."""
    template = yaml_parse((PROJECT / "template.yaml").read_text())
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    values = dict.fromkeys(variables, "test")
    values |= {name: value for name, value in variables.items() if isinstance(value, str)}
    values |= {name: f"{_NOWHERE}/queue" for name in variables if name.endswith("_QUEUE_URL")}
    return values | {
        "POSTROOM_PUBLIC_URL": "https://mail.example.com",
        "POSTROOM_GOOGLE_SIMULATOR_URL": "",
        "POSTROOM_MICROSOFT_SIMULATOR_URL": "",
        "POSTROOM_LOCAL_WEBHOOK_HOST": "",
        "POSTROOM_SECRET_PREFIX": "postroom/test/",
        "POSTROOM_GMAIL_UNITS_PER_MINUTE": "6000",
        "POSTROOM_GMAIL_UNITS_PER_DAY": "80000000",
        "POSTROOM_POLL_INTERVAL_SECONDS": "300",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": _NOWHERE,
        "AWS_MAX_ATTEMPTS": "1",
    }
