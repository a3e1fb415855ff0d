"""Which servers take a domain's mail (RFC 5321 section 5.1), asked of the DNS."""

from collections.abc import Sequence
from datetime import timedelta

import dns.exception
import dns.name
from dns.resolver import Resolver

LOOKUP_LIMIT = timedelta(seconds=2)
"""Somebody waits for the answer, and a sign-in can begin without it."""


def mail_servers(domain: str, *, resolver: Resolver | None = None) -> Sequence[str]:
    """Return the servers' names, the preferred first; none when the DNS has no answer in time."""
    try:
        # Absolute: the search list of a network would lead to servers of its own.
        name = dns.name.from_text(domain, dns.name.root)
        asked = resolver or Resolver()
        answer = asked.resolve(name, "MX", lifetime=LOOKUP_LIMIT.total_seconds())
    except (dns.exception.DNSException, OSError, UnicodeError):
        return []
    ranked = sorted((record.preference, str(record.exchange)) for record in answer)
    return [server for _, server in ranked]
