"""Domains of mail addresses, in the form in which the DNS knows them (RFC 5890)."""

import idna

_LONGEST_LABEL, _LONGEST_DOMAIN = 63, 253
"""RFC 1035, 2.3.4, the dot at the end and the length of the first label not counted."""


def encode_domain(domain: str) -> str:
    """Return a domain in ASCII, its other labels as `xn--…`; one in ASCII stays as it is.

    By IDNA 2008, after the mapping of UTS 46: `faß.de` and `fass.de` have two owners, and the codec
    of the standard library (IDNA 2003) makes the second one of both. Raises ValueError.
    """
    if not domain.isascii():
        if len(domain) > _LONGEST_DOMAIN:
            raise ValueError("too long a domain")
        return idna.encode(domain, uts46=True).decode()
    labels = domain.removesuffix(".").split(".")
    if not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise ValueError("a label that is empty or too long")
    if len(domain.removesuffix(".")) > _LONGEST_DOMAIN:
        raise ValueError("too long a domain")
    return domain
