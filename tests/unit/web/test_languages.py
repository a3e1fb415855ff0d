"""Which language a page comes in."""

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.web.languages import language_of
from tests.unit.web.conftest import event


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr", "fr"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de-CH, de;q=0.9, es-419;q=0.5, en;q=0.3", "es"),
        ("en;q=0.2, FR-ca;q=0.7", "fr"),
        ("fr;q=0, es;q=0.1", "es"),
        ("de,it", "en"),
        ("*", "en"),
        ("fr;q=two,,;=", "en"),
        ("", "en"),
    ],
)
def test_the_browser_says_what_its_owner_reads(accepted: str, language: str) -> None:
    """The dearest of those that there are; English for whoever reads none."""
    assert language_of(APIGatewayProxyEventV2(event(accept_language=accepted))) == language


@pytest.mark.parametrize(("chosen", "language"), [("es", "es"), ("xx", "fr"), ("", "fr")])
def test_a_choice_comes_first(chosen: str, language: str) -> None:
    """Unless it is none of those that there are."""
    asked = event(accept_language="fr") | {"cookies": ["a=b", f"postroom_language={chosen}"]}
    assert language_of(APIGatewayProxyEventV2(asked)) == language
