"""Guessing the provider of an address."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import InvalidRequest
from postroom.providers.mail_domains import KnownMailDomains
from postroom.usecases.detect_provider import detect_provider
from tests.world import World

MX = {
    "workspace.example": ["alt1.aspmx.l.google.com.", "aspmx.l.google.com."],
    "older.example": ["ASPMX2.GOOGLEMAIL.COM."],
    "m365.example": ["m365-example.mail.protection.outlook.com."],
    "dnssec.example": ["m365-example.k-v1.mx.microsoft."],
    "apple.example": ["mx01.mail.icloud.com."],
    "own.example": ["mail.own.example.", "notgoogle.com."],
    "evil.example": ["google.com.evil.example.", "evilgoogle.com."],
    "null.example": ["."],
}


def _detect(world: World, email: str, *, all_providers: bool = False) -> str | None:
    return detect_provider(
        email=email,
        all_providers=all_providers,
        domains=KnownMailDomains(lambda domain: MX.get(domain.lower(), [])),
        configs=world.configs,
    )


@pytest.mark.parametrize(
    ("email", "provider"),
    [
        ("ada@gmail.com", "google"),
        (" Ada+b@GMail.com ", "google"),
        ("ada@googlemail.com.", "google"),
        ("ada@hotmail.co.uk", "microsoft"),
        ('"a@b"@outlook.com', "microsoft"),
        ("ada@workspace.example", "google"),
        ("ada@Older.Example", "google"),
        ("ada@m365.example", "microsoft"),
        ("ada@dnssec.example", "microsoft"),
        ("ada@me.com", "icloud"),
        ("ada@apple.example", "icloud"),
        ("ada@yahoo.co.uk", "yahoo"),
        ("ada@own.example", None),
        ("ada@evil.example", None),
        ("ada@null.example", None),
        ("ada@nowhere.example", None),
    ],
)
def test_domains_and_mail_servers_tell(email: str, provider: str | None) -> None:
    """Well-known domains by themselves, others by who takes their mail."""
    world = World(provider=ProviderName.GOOGLE)
    assert _detect(world, email, all_providers=True) == provider


def test_only_what_can_be_connected_is_named_unless_all_are_wanted(world: World) -> None:
    """An application that offers one provider is not told about the other."""
    addresses = {"google": "ada@gmail.com", "microsoft": "ada@outlook.com", "icloud": "a@me.com"}
    for name, address in addresses.items():
        assert _detect(world, address) == (name if name == world.provider else None)
        assert _detect(world, address, all_providers=True) == name


@pytest.mark.parametrize(
    "email", ["ada", "@gmail.com", "ada@", "ada@localhost", "ada@" + "x." * 200 + "com", "a@."]
)
def test_what_is_no_address_is_named(world: World, email: str) -> None:
    """Nobody asks the DNS about it."""
    with pytest.raises(InvalidRequest) as refusal:
        _detect(world, email)
    assert refusal.value.field == "email"
