"""Everything that can go wrong, named by what has to happen next.

PostroomError
├── ProviderError               a provider (or our set-up of it) stands in the way
│   ├── Retryable               the same call may work later, not before `retry_after`
│   ├── ReauthRequired          the owner has to give consent again; data and cursor stay
│   ├── CursorExpired           "changes since" is gone; the sync unit has to be read anew
│   ├── MailboxUnavailable      the account has no usable mailbox (disabled, not licensed)
│   ├── Misconfigured           the operator has to act; no account is to blame
│   ├── Rejected                the provider refuses this very request for good
│   └── OutcomeUnknown          it may or may not have happened: ask before doing it again
├── ConnectionRefused           connecting a mailbox ended without an account
├── InvalidRequest              the caller has to change the request; names the field
├── Unauthenticated             no valid key or token came with the request
├── Forbidden                   the caller is known, but this is not for them
├── NotFound                    there is no such thing (or it belongs to somebody else)
├── Conflict                    it contradicts what is stored already
├── TooLarge                    the request or its answer does not fit
└── LeaseLost                   another worker holds the lease now: stop, write nothing more
"""

from datetime import timedelta


class PostroomError(Exception):
    """The root of all errors that Postroom raises on purpose."""


class ProviderError(PostroomError):
    """A provider did not do what was asked.

    `provider_code` and `provider_message` are the provider's own words, for the caller's
    `provider_error`; they never decide what happens.
    """

    def __init__(
        self, message: str, *, provider_code: str = "", provider_message: str = ""
    ) -> None:
        super().__init__(message)
        self.provider_code = provider_code
        self.provider_message = provider_message


class Retryable(ProviderError):
    """The same call may work later. `retry_after` is None when the provider gave no time."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        provider_code: str = "",
        provider_message: str = "",
    ) -> None:
        super().__init__(message, provider_code=provider_code, provider_message=provider_message)
        self.retry_after = retry_after


class ReauthRequired(ProviderError):
    """The account's consent is gone; only its owner can restore it."""


class CursorExpired(ProviderError):
    """The provider no longer knows the changes since this cursor."""


class MailboxUnavailable(ProviderError):
    """The account exists, but no mailbox can be read in it."""


class Misconfigured(ProviderError):
    """The provider config is missing or refused; the operator has to act."""


class Rejected(ProviderError):
    """The provider refuses this request and would refuse it again."""


class OutcomeUnknown(ProviderError):
    """The connection failed after the request left: it may have taken effect."""


class ConnectionRefused(PostroomError):
    """Connecting a mailbox ended without an account.

    `reason` is a documented word for the return address (`access_denied`, `scopes_missing`,
    `state_invalid`, …); the message is a sentence for the person in front of the browser.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidRequest(PostroomError):
    """The request cannot be served as it is. `field` names the part to change."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class Unauthenticated(PostroomError):
    """No valid key or token came with the request."""


class Forbidden(PostroomError):
    """The caller is known, but may not do this."""


class NotFound(PostroomError):
    """There is no such thing, or not for this caller."""


class Conflict(PostroomError):
    """The request contradicts what is stored already."""


class TooLarge(PostroomError):
    """The request, or its answer, does not fit through this way."""


class LeaseLost(PostroomError):
    """The lease expired and another worker may hold it: whatever comes now must not be written."""
