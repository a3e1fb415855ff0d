"""Codes, tokens and consents of an OAuth server."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["used", "expired", "revoked"]


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
    """An access or a refresh token; one without `expires_ms` lasts until it is ended."""

    client_id: str
    address: str
    scopes: frozenset[str]
    expires_ms: int | None = None

    def lives(self, now_ms: int) -> bool:
        """Return whether it has not run out."""
        return self.expires_ms is None or self.expires_ms > now_ms


@dataclass(frozen=True)
class TokenStyle:
    """How a vendor's codes and tokens begin, and how many refresh tokens it lets live."""

    code: str
    access_token: str
    refresh_token: str
    most_refresh_tokens: int | None = None
    """Of one account and client; one more silently kills the oldest."""


@dataclass
class Grants:
    """All that owners have allowed. Not locked: the simulator does that."""

    style: TokenStyle
    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, Token] = field(default_factory=dict)
    refresh_tokens: dict[str, Token] = field(default_factory=dict)
    consents: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Scopes by client id and address; by client id and tenant where an administrator agreed."""
    ended: dict[str, Ending] = field(default_factory=dict)
    """What became of codes and refresh tokens that work no more."""
    access_tokens_issued: int = 0

    def add_code(self, code: Code) -> str:
        """Keep a new code."""
        text = f"{self.style.code}{secrets.token_urlsafe(48)}"
        self.codes[text] = code
        return text

    def take_code(self, text: str) -> Code | None:
        """Return a code, which is used up by that."""
        code = self.codes.pop(text, None)
        if code is not None:
            self.ended[text] = "used"
        return code

    def add_access_token(self, token: Token, now_ms: int) -> str:
        """Keep a new access token, and drop those that have run out."""
        for old in [text for text, each in self.access_tokens.items() if not each.lives(now_ms)]:
            del self.access_tokens[old]
        text = f"{self.style.access_token}{secrets.token_urlsafe(60)}"
        self.access_tokens[text] = token
        self.access_tokens_issued += 1
        return text

    def add_refresh_token(self, token: Token) -> str:
        """Keep a new refresh token."""
        if self.style.most_refresh_tokens is not None:
            same = self._of(self.refresh_tokens, token.client_id, token.address)
            for oldest in same[: len(same) + 1 - self.style.most_refresh_tokens]:
                del self.refresh_tokens[oldest]
        text = f"{self.style.refresh_token}{secrets.token_urlsafe(60)}"
        self.refresh_tokens[text] = token
        return text

    def bearer(self, text: str, now_ms: int) -> Token | None:
        """Return the live access token with this text."""
        token = self.access_tokens.get(text)
        return token if token and token.lives(now_ms) else None

    def revoke(self, text: str) -> bool:
        """End the whole grant that a token belongs to; false when there is none."""
        token = self.access_tokens.get(text) or self.refresh_tokens.get(text)
        if token is None:
            return False
        for each in self._of(self.access_tokens, token.client_id, token.address):
            del self.access_tokens[each]
        for each in self._of(self.refresh_tokens, token.client_id, token.address):
            self.end_refresh_token(each, "revoked")
        self.consents.pop((token.client_id, token.address), None)
        return True

    def end_refresh_token(self, text: str, ending: Ending) -> None:
        """Make a refresh token worthless, and remember why."""
        if self.refresh_tokens.pop(text, None) is not None:
            self.ended[text] = ending

    def expire(self, tokens: dict[str, Token], addresses: Iterable[str]) -> None:
        """End the access or the refresh tokens of some mailboxes."""
        ended = set(addresses)
        for text in [text for text, token in tokens.items() if token.address in ended]:
            if tokens is self.refresh_tokens:
                self.end_refresh_token(text, "expired")
            else:
                del tokens[text]

    def withdraw(self, addresses: Iterable[str]) -> None:
        """Take back every consent of some mailboxes' owners, and their refresh tokens with it."""
        ended = set(addresses)
        for text in [t for t, token in self.refresh_tokens.items() if token.address in ended]:
            self.end_refresh_token(text, "revoked")
        for key in [key for key in self.consents if key[1] in ended]:
            del self.consents[key]

    @staticmethod
    def _of(tokens: dict[str, Token], client_id: str, address: str) -> list[str]:
        return [
            text
            for text, token in tokens.items()
            if token.client_id == client_id and token.address == address
        ]
