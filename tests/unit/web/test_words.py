"""What people read when a request is wrong: sentences about their request, not about our code."""

import re
from typing import Any

import pytest
from pydantic import BaseModel

from postroom.domain.errors import InvalidRequest
from postroom.web.bodies import validated
from postroom.web.schemas.accounts import GrantListQuery
from postroom.web.schemas.application import ApplicationChangeIn, RedirectUriIn
from postroom.web.schemas.messages import MessageChangeIn, MessageListQuery, MessageQuery
from postroom.web.schemas.oauth import AuthQuery
from postroom.web.schemas.provider_configs import ConnectorIn
from postroom.web.schemas.sending import SendBody

OUR_INSIDES = re.compile(
    r"In\b(?! )|\bInput\b|\bdictionary\b|validation|pattern|\^|\\|\[|pydantic|integer|instance"
)
SETTINGS = {"client_id": "id", "client_secret": "secret"}
AUTH = {"client_id": "id", "redirect_uri": "https://app.example.com"}
CASES: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (SendBody, {"to": ["charles@example.org"]}, "to.0: Send an object."),
    (SendBody, {"to": "charles@example.org"}, "to: Send a list."),
    (SendBody, {"to": [{}]}, "to.0.email: This is required."),
    (SendBody, {"subject": 7}, "subject: Send a text."),
    (SendBody, {"subject": "x" * 999}, "subject: Use at most 998 characters."),
    (SendBody, {"subject": "\ud800"}, "subject: A text has half of a character in it."),
    (SendBody, {"is_plaintext": "maybe"}, "is_plaintext: Send true or false."),
    (
        SendBody,
        {"attachments": [{"content": "", "filename": "x" * 256}]},
        "attachments.0.filename: Use at most 255 characters.",
    ),
    (
        SendBody,
        {"custom_headers": [{"name": "X A", "value": ""}]},
        "custom_headers.0.name: This is no header name, or a header that is written for you.",
    ),
    (
        SendBody,
        {"custom_headers": [{"name": "X-A", "value": ""}] * 51},
        "custom_headers: Send at most 50 of these.",
    ),
    (MessageListQuery, {"limit": "many"}, "limit: Send a whole number."),
    (MessageListQuery, {"limit": "9" * 5_000}, "limit: Send a whole number."),
    (MessageListQuery, {"limit": 0}, "limit: Use 1 or more."),
    (MessageListQuery, {"limit": 201}, "limit: Use 200 or less."),
    (MessageListQuery, {"in": ["x"] * 21}, "in: Send at most 20 of these."),
    (MessageListQuery, {"received_after": "now"}, "received_after: Give a time in Unix seconds."),
    (
        MessageQuery,
        {"fields": "all"},
        (
            "fields: Use 'standard', 'include_headers', 'include_basic_headers', "
            "'include_tracking_options' or 'raw_mime'."
        ),
    ),
    (MessageChangeIn, {"folders": [7]}, "folders.0: Send a text."),
    (MessageChangeIn, {"metadata": 7}, "metadata: Send an object of texts."),
    (GrantListQuery, {"since": "today"}, "since: Give a time in Unix seconds."),
    (GrantListQuery, {"ip": "203.0.113.7"}, "ip: "),
    (GrantListQuery, {"page_token": "abc"}, "page_token: "),
    (AuthQuery, {**AUTH, "access_type": "x"}, "access_type: Use 'online' or 'offline'."),
    (AuthQuery, {**AUTH, "client_id": ""}, "client_id: This is required."),
    (RedirectUriIn, {"url": ""}, "url: This must not be empty."),
    (AuthQuery, {**AUTH, "client_id": "x" * 2049}, "client_id: Use at most 2048 characters."),
    (
        ConnectorIn,
        {"provider": "google", "settings": {**SETTINGS, "client_secret": "a b"}},
        "settings.client_secret: Use plain ASCII characters without spaces.",
    ),
    (
        ConnectorIn,
        {"provider": "google", "settings": {**SETTINGS, "topic_name": "mail"}},
        "settings.topic_name: Send the topic's full name: projects/<project>/topics/<topic>.",
    ),
    (
        ConnectorIn,
        {"provider": "google", "settings": {**SETTINGS, "tenant": "a b"}},
        "settings.tenant: Use common, organizations, consumers, or the id or a domain of a tenant.",
    ),
    (
        ConnectorIn,
        {"provider": "google", "settings": SETTINGS, "scope": ["openid email"]},
        "scope.0: Send each scope by itself, without spaces and quotes.",
    ),
    (ConnectorIn, {"provider": "google", "settings": 7}, "settings: Send an object."),
    (ApplicationChangeIn, {"branding": 7}, "branding: Send an object."),
    (
        ApplicationChangeIn,
        {"hosted_authentication": {"spacing": 1.5}},
        "hosted_authentication.spacing: Send a whole number.",
    ),
    (RedirectUriIn, {"url": "u", "settings": 7}, "settings: Send an object."),
]


@pytest.mark.parametrize(("model", "values", "said"), CASES)
def test_errors_speak_of_the_request(
    model: type[BaseModel], values: dict[str, Any], said: str
) -> None:
    """A person read `PersonIn`, a regular expression, and `256 items after validation` of a text.

    An error is a sentence that names the field and says what to send.
    """
    with pytest.raises(InvalidRequest) as refusal:
        validated(model, values)
    message = str(refusal.value)
    assert message.startswith(said)
    assert message.endswith((".", ")"))
    assert not OUR_INSIDES.search(message), message


@pytest.mark.parametrize("nothing", ["", "None", "undefined", "null"])
def test_what_sdks_write_for_nothing_is_nothing(nothing: str) -> None:
    """A parameter that asks for nothing is not refused."""
    assert GrantListQuery.model_validate({"page_token": nothing, "ip": nothing}).ip is None


TENANT_ID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@pytest.mark.parametrize(
    "tenant",
    ["common", "organizations", "consumers", TENANT_ID, "contoso.com", "a-b.onmicrosoft.com", ""],
)
def test_a_tenant_is_a_word_an_id_or_a_domain(tenant: str) -> None:
    """All that the provider documents; empty means the usual one."""
    given = validated(
        ConnectorIn, {"provider": "microsoft", "settings": {**SETTINGS, "tenant": f" {tenant} "}}
    )
    assert given.settings.tenant == tenant


@pytest.mark.parametrize(
    "tenant",
    ["contoso", "../evil", "a/b", "contoso.com/x", "x?y.z", ".com", "a..b", TENANT_ID[:-1], "1.2"],
)
def test_a_tenant_never_leads_to_another_address(tenant: str) -> None:
    """It becomes a part of the provider's addresses, to which the client secret goes."""
    with pytest.raises(InvalidRequest, match=r"settings\.tenant"):
        validated(
            ConnectorIn, {"provider": "microsoft", "settings": {**SETTINGS, "tenant": tenant}}
        )
