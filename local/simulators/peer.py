"""Hands mail to the other simulator, for addresses that are not known here."""

from urllib.parse import quote

import httpx


def deliver_to_peer(
    peer_url: str, address: str, raw: bytes, transport: httpx.BaseTransport | None
) -> None:
    """Deliver through the peer's control interface.

    Unknown addresses vanish there, as bounces are not simulated; a peer that does not answer
    loses the message, as a dead server would.
    """
    url = f"{peer_url.rstrip('/')}/_sim/mailboxes/{quote(address)}/messages"
    with httpx.Client(transport=transport, timeout=10, trust_env=False) as client:
        try:
            client.post(url, content=raw, headers={"Content-Type": "message/rfc822"})
        except httpx.TransportError:
            print(f"no answer from the other simulator at {peer_url}", flush=True)
