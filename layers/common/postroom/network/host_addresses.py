"""Where a host can be reached, asked of the DNS."""

import ipaddress
from collections.abc import Sequence
from datetime import timedelta

import dns.exception
import dns.name
from dns.resolver import Resolver

LOOKUP_LIMIT = timedelta(seconds=2)


def host_addresses(host: str, *, resolver: Resolver | None = None) -> Sequence[str]:
    """Return the addresses of a name, or the address that it is; none without an answer in time."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        # Absolute: the search list of a network would lead into it.
        name = dns.name.from_text(host, dns.name.root)
        answers = (resolver or Resolver()).resolve_name(name, lifetime=LOOKUP_LIMIT.total_seconds())
        return list(answers.addresses())
    except (dns.exception.DNSException, OSError, UnicodeError):
        return []
