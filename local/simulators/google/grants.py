"""Codes, tokens and consents of the OAuth server."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

ACCESS_TOKEN_MS = 3_600_000
CODE_MS = 600_000
MAX_REFRESH_TOKENS = 100
"""Live refresh tokens per account and client; one more silently kills the oldest.
https://developers.google.com/identity/protocols/oauth2#expiration"""


@dataclass(frozen=True)
class Code:
    """An authorization code and what it was given for."""

    client_id: str
    redirect_uri: str
    address: str
    scopes: frozenset[str]
    challenge: str
    challenge_method: str
    nonce: str
    gives_refresh_token: bool
    expires_ms: int


@dataclass
class Token:
    """An access or a refresh token; a refresh token has no `expires_ms`."""

    client_id: str
    address: str
    scopes: frozenset[str]
    expires_ms: int | None = None


@dataclass
class Grants:
    """All that owners have allowed. Not locked: the simulator does that."""

    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, Token] = field(default_factory=dict)
    refresh_tokens: dict[str, Token] = field(default_factory=dict)
    consents: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Scopes by client id and address."""

    def add_code(self, code: Code) -> str:
        """Keep a new code."""
        text = f"4/0A{secrets.token_urlsafe(48)}"
        self.codes[text] = code
        return text

    def add_access_token(
        self, client_id: str, address: str, scopes: frozenset[str], now_ms: int
    ) -> str:
        """Keep a new access token, and drop those that have run out."""
        for old in [
            t for t, token in self.access_tokens.items() if (token.expires_ms or 0) < now_ms
        ]:
            del self.access_tokens[old]
        text = f"ya29.a0{secrets.token_urlsafe(60)}"
        self.access_tokens[text] = Token(client_id, address, scopes, now_ms + ACCESS_TOKEN_MS)
        return text

    def add_refresh_token(self, client_id: str, address: str, scopes: frozenset[str]) -> str:
        """Keep a new refresh token; beyond a hundred the oldest dies."""
        same = [t for t, token in self.refresh_tokens.items() if _is_of(token, client_id, address)]
        for oldest in same[: len(same) + 1 - MAX_REFRESH_TOKENS]:
            del self.refresh_tokens[oldest]
        text = f"1//0{secrets.token_urlsafe(60)}"
        self.refresh_tokens[text] = Token(client_id, address, scopes)
        return text

    def bearer(self, text: str, now_ms: int) -> Token | None:
        """Return the live access token with this text."""
        token = self.access_tokens.get(text)
        return token if token and (token.expires_ms or 0) > now_ms else None

    def revoke(self, text: str) -> bool:
        """End the whole grant that a token belongs to; false when there is none."""
        token = self.access_tokens.get(text) or self.refresh_tokens.get(text)
        if token is None:
            return False
        for tokens in (self.access_tokens, self.refresh_tokens):
            for each in [t for t, k in tokens.items() if _is_of(k, token.client_id, token.address)]:
                del tokens[each]
        self.consents.pop((token.client_id, token.address), None)
        return True

    def expire(self, tokens: dict[str, Token], addresses: Iterable[str]) -> None:
        """End the tokens of some mailboxes."""
        ended = set(addresses)
        for each in [text for text, token in tokens.items() if token.address in ended]:
            del tokens[each]


def _is_of(token: Token, client_id: str, address: str) -> bool:
    return token.client_id == client_id and token.address == address
