"""The session's cookie, and whose requests it is good for."""

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.errors import Forbidden
from postroom.domain.person import SESSION_PREFIX
from postroom.web.sessions import (
    credential_of,
    ended_cookie,
    session_cookie,
    session_token,
)
from tests.unit.web.conftest import event

TOKEN = SESSION_PREFIX + "secret"
OURS = {"x_postroom_console": "1", "sec_fetch_site": "same-origin"}


def _request(method: str = "GET", *cookies: str, **headers: str) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2({**event(method, **headers), "cookies": list(cookies)})


def test_the_cookie_is_for_this_host_alone() -> None:
    """Scripts, other hosts and plain http never see it; it comes back from a provider's site."""
    name, *attributes = str(session_cookie(TOKEN, is_secure=True)).split("; ")
    assert name == f"__Host-postroom_session={TOKEN}"
    assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert "Max-Age=0" in str(ended_cookie(is_secure=True))


def test_plain_http_has_a_cookie_of_its_own() -> None:
    """What was planted without the prefix counts for nothing where https is spoken."""
    assert "Secure" not in str(session_cookie(TOKEN, is_secure=False))
    plain = f"postroom_session={TOKEN}"
    assert session_token(_request("GET", plain)) == ""
    assert session_token(_request("GET", plain, x_forwarded_proto="http")) == TOKEN
    prefixed = f"theme=dark; __Host-postroom_session={TOKEN}".split("; ")
    assert session_token(_request("GET", *prefixed)) == TOKEN
    assert session_token(_request("GET", *prefixed, x_forwarded_proto="http")) == ""
    assert session_token(_request("GET", "__Host-postroom_session=other")) == ""


def test_a_key_goes_before_the_cookie() -> None:
    """Programs say whom they mean; a session's token is no bearer token."""
    cookie = f"__Host-postroom_session={TOKEN}"
    assert credential_of(_request("POST", cookie), "key") == "key"
    assert credential_of(_request("GET", cookie), "") == TOKEN
    assert credential_of(_request("GET", cookie), TOKEN) == ""
    assert credential_of(_request("GET"), "") == ""


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        {"x_postroom_console": "1", "origin": "https://postroom.example"},
        {"x_postroom_console": "1"},
    ],
)
def test_our_own_page_may_change_things(headers: dict[str, str]) -> None:
    """Its header is one that no other site may send; old browsers say less about themselves."""
    request = _request(
        "POST", f"__Host-postroom_session={TOKEN}", host="postroom.example", **headers
    )
    assert credential_of(request, "") == TOKEN


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"x_postroom_console": "1", "sec_fetch_site": "cross-site"},
        {"x_postroom_console": "1", "sec_fetch_site": "same-site"},
        {"x_postroom_console": "1", "sec_fetch_site": "none"},
        {"x_postroom_console": "1", "origin": "https://evil.example"},
        {"x_postroom_console": "1", "origin": "null"},
    ],
)
def test_other_pages_may_not(method: str, headers: dict[str, str]) -> None:
    """Whatever else they send."""
    request = _request(
        method, f"__Host-postroom_session={TOKEN}", host="postroom.example", **headers
    )
    with pytest.raises(Forbidden):
        credential_of(request, "")
