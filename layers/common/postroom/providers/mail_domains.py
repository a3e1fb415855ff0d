"""Which provider serves a domain's mail: well-known domains, and names of mail servers.

The names of providers are the contract's; some of them Postroom cannot connect, and says so.
"""

from collections.abc import Callable, Mapping, Sequence

_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "google": ("gmail.com", "googlemail.com"),
    # https://support.microsoft.com/office/f3bfcf3f-4eb3-4e1d-a4ef-9f5d3bca1a91
    "microsoft": (
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "passport.com",
        "windowslive.com",
        "hotmail.co.uk",
        "hotmail.com.br",
        "hotmail.de",
        "hotmail.es",
        "hotmail.fr",
        "hotmail.it",
        "live.ca",
        "live.co.uk",
        "live.com.au",
        "live.com.mx",
        "live.de",
        "live.dk",
        "live.fr",
        "live.it",
        "live.nl",
        "live.no",
        "live.se",
        "outlook.com.br",
        "outlook.de",
        "outlook.es",
        "outlook.fr",
        "outlook.it",
        "outlook.jp",
        "outlook.pt",
    ),
    "icloud": ("icloud.com", "me.com", "mac.com"),
    "yahoo": (
        "yahoo.com",
        "ymail.com",
        "rocketmail.com",
        "aol.com",
        "yahoo.ca",
        "yahoo.co.in",
        "yahoo.co.uk",
        "yahoo.com.au",
        "yahoo.com.br",
        "yahoo.de",
        "yahoo.es",
        "yahoo.fr",
        "yahoo.it",
    ),
}
_OF_DOMAIN = {domain: name for name, domains in _DOMAINS.items() for domain in domains}


def personal_domains(name: str) -> frozenset[str]:
    """Return a provider's domains for people, as far as they are known."""
    return frozenset(_DOMAINS[name])


_SERVERS: Mapping[str, str] = {
    # https://support.google.com/a/answer/174125
    "google.com": "google",
    "googlemail.com": "google",
    # https://learn.microsoft.com/en-us/microsoft-365/enterprise/external-domain-name-system-records
    "mail.protection.outlook.com": "microsoft",
    "mx.microsoft": "microsoft",
    "olc.protection.outlook.com": "microsoft",
    # https://support.apple.com/102374
    "mail.icloud.com": "icloud",
    "yahoodns.net": "yahoo",
}


class KnownMailDomains:
    """The port `MailDomains`; `mail_servers` tells who takes a domain's mail, the best first."""

    def __init__(self, mail_servers: Callable[[str], Sequence[str]]) -> None:
        self._mail_servers = mail_servers

    def provider_of(self, domain: str) -> str | None:
        """Return the provider by its own domains, or else by the servers of the domain."""
        known = _OF_DOMAIN.get(domain.casefold())
        if known is not None:
            return known
        for server in self._mail_servers(domain):
            name = server.casefold().rstrip(".")
            for suffix, provider in _SERVERS.items():
                if name.endswith(f".{suffix}"):
                    return provider
        return None
