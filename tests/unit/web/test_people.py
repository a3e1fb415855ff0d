"""Addresses that are asked for."""

import pytest
from pydantic import ValidationError

from postroom.web.schemas.people import PersonIn, is_address


@pytest.mark.parametrize("domain", ["faß.de", "bücher.example", "mail_1.example", "mail.example"])
def test_an_address_stays_as_it_is_written(domain: str) -> None:
    """It is shown so again; only a provider is given the form of the DNS."""
    assert PersonIn(email=f"zoë@{domain}").to_domain().email == f"zoë@{domain}"


@pytest.mark.parametrize("domain", ["i❤.example", "ü..example", "-ü.example", f"{'x' * 64}.de"])
def test_a_domain_that_cannot_be_is_refused_by_name(domain: str) -> None:
    """What has no form in the DNS gets no mail, and the caller learns which field to change."""
    with pytest.raises(ValidationError) as refusal:
        PersonIn(email=f"ana@{domain}")
    assert refusal.value.errors()[0]["loc"] == ("email",)
    assert not is_address(f"ana@{domain}")
