"""The cookie that ties a connection to its browser."""

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.web.cookies import connection_cookie, read_connection_cookie, spent_cookie, state_of
from tests.unit.web.conftest import event


def _read(cookies: list[str], state: str) -> str:
    request = APIGatewayProxyEventV2({**event(), "cookies": cookies})
    return read_connection_cookie(request, state, is_secure=True)


def test_the_cookie_is_for_this_host_alone() -> None:
    """Scripts, other hosts and plain http never see it; it comes back from the provider's site."""
    text = str(connection_cookie("state", "secret", is_secure=True))
    name, *attributes = text.split("; ")
    assert name.startswith("__Host-postroom_connect_")
    assert set(attributes) == {"Path=/", "Max-Age=600", "HttpOnly", "Secure", "SameSite=Lax"}


def test_plain_http_has_no_prefix() -> None:
    """The local stack speaks http, where a browser would refuse a Secure cookie."""
    text = str(connection_cookie("state", "secret", is_secure=False))
    assert text.startswith("postroom_connect_")
    assert "Secure" not in text


def test_two_tabs_do_not_disturb_each_other() -> None:
    """Each connection finds its own cookie among all, and ends only its own."""
    made = [connection_cookie(state, f"secret-{state}", is_secure=True) for state in ("one", "two")]
    cookies = ["theme=dark", *(str(cookie).split(";")[0] for cookie in made)]
    assert _read(cookies, "one") == "secret-one"
    assert _read(cookies, "two") == "secret-two"
    assert _read(cookies, "three") == ""
    spent = str(spent_cookie("one", is_secure=True))
    assert spent.split("=")[0] == cookies[1].split("=")[0]
    assert "Max-Age=0" in spent


def test_the_state_is_read_from_the_consent_page() -> None:
    """It may hold anything; the address escapes it."""
    assert state_of("https://accounts.example/auth?x=1&state=a%2Bb%26c&y=2") == "a+b&c"
