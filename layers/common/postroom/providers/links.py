"""Addresses that come with an answer, read before they are called."""

import httpx


def parsed_link(link: str) -> httpx.URL | None:
    """Read an address as the client will that calls it, so that no two readings differ.

    None for what is no address, and for one that holds a user's name.
    """
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, TypeError):
        return None
    return None if url.userinfo else url


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return what tells one server from another (RFC 6454)."""
    return url.scheme, url.host, url.port


def is_served_by(url: httpx.URL, *domains: str) -> bool:
    """Whether an address is that of a host below one of these domains, over TLS."""
    named = url.host.endswith(tuple(f".{domain}" for domain in domains))
    return named and url.scheme == "https" and url.port is None
