"""Id tokens of ours: whose they are, and until when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import ConnectionRefused
from postroom.web.identity_tokens import IdentityTokens
from tests.builders import ACCOUNT_ID, NOW, make_account

OURS = IdentityTokens(
    issuer="https://postroom.example", audience="the-application", signing_key=b"k" * 32
)
HOUR = timedelta(hours=1)


def test_a_token_tells_whose_it_is_until_its_end() -> None:
    """To the second, as the wire has it."""
    token = OURS.make(make_account(), issued_at=NOW, lifetime=HOUR)
    assert OURS.read(token, now=NOW) == (ACCOUNT_ID, NOW, NOW + HOUR)
    OURS.read(token, now=NOW + HOUR - timedelta(seconds=1))
    with pytest.raises(ConnectionRefused):
        OURS.read(token, now=NOW + HOUR + timedelta(seconds=1))


@pytest.mark.parametrize(
    "another",
    [
        replace(OURS, signing_key=b"x" * 32),
        replace(OURS, audience="another-application"),
        replace(OURS, issuer="https://another.example"),
    ],
)
def test_a_token_of_another_deployment_is_none_of_ours(another: IdentityTokens) -> None:
    """Neither with another key, nor for another application, nor from another place."""
    token = another.make(make_account(), issued_at=NOW, lifetime=HOUR)
    with pytest.raises(ConnectionRefused) as refusal:
        OURS.read(token, now=NOW)
    assert refusal.value.reason == "invalid_request"


@pytest.mark.parametrize(
    "text", ["", ".", "a.b.c", "x" * 5_000, "\ud800", "eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    """Whatever somebody sends."""
    with pytest.raises(ConnectionRefused):
        OURS.read(text, now=NOW)
