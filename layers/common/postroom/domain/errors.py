"""Everything that can go wrong, named by what has to happen next.

PostroomError
├── ProviderError               a provider (or our set-up of it) stands in the way
│   ├── Retryable               the same call may work later, not before `retry_after`
│   │   ├── Throttled           the provider wants to be left alone, by all of our functions
│   │   ├── BudgetSpent         we have no part left for this purpose; the provider was not asked
│   │   │   └── SendingLimitReached  the account has sent as much as its provider allows
│   │   └── NotYet              something of our own has to settle first
│   ├── ReauthRequired          the owner has to give consent again; data and cursor stay
│   ├── CursorExpired           "changes since" is gone; the sync unit has to be read anew
│   ├── MailboxUnavailable      the account has no usable mailbox (disabled, not licensed)
│   ├── Misconfigured           the operator has to act; no account is to blame
│   ├── Rejected                the provider refuses this very request for good
│   └── OutcomeUnknown          it may or may not have happened: ask before doing it again
├── ConnectionRefused           connecting a mailbox ended without an account
├── InvalidRequest              the caller has to change the request; names the field
│   └── ProviderUndecided       nothing tells which provider is meant: somebody has to choose
├── Unauthenticated             no valid key or token came with the request
├── Forbidden                   the caller is known, but this is not for them
├── NotFound                    there is no such thing (or it belongs to somebody else)
├── Conflict                    it contradicts what is stored already
├── TooLarge                    the request or its answer does not fit
└── LeaseLost                   another worker holds the lease now: stop, write nothing more
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum


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


class Throttled(Retryable):
    """Too many calls: nobody's fault, and no reason to suspect the message asked for."""


class BudgetSpent(Retryable):
    """The part of the quota is used up that this purpose has. Others may go on: nothing pauses."""


class SendingLimitReached(BudgetSpent):
    """The account has sent as much as its provider allows in a minute or a day."""


class NotYet(Retryable):
    """We are waiting for ourselves: it says nothing of the provider, and pauses nobody."""


class ReauthRequired(ProviderError):
    """The account's consent is gone; only its owner can restore it."""


class CursorExpired(ProviderError):
    """The provider no longer knows the changes since this cursor."""


class MailboxUnavailable(ProviderError):
    """The account exists, but no mailbox can be read in it."""


class ConfigFlaw(StrEnum):
    """What is wrong with a provider config: stable words, for programs."""

    CLIENT_REFUSED = "client_refused"
    """The client id or its secret; the provider does not say which."""
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_DISABLED = "client_disabled"
    SECRET_WRONG = "secret_wrong"  # noqa: S105 - the name of a flaw
    SECRET_EXPIRED = "secret_expired"  # noqa: S105 - the same
    SECRET_MISSING = "secret_missing"  # noqa: S105 - the same
    TENANT_UNKNOWN = "tenant_unknown"
    SINGLE_TENANT = "single_tenant"
    """The client is for one organisation, and the config is for all."""
    SCOPE_UNKNOWN = "scope_unknown"
    REDIRECT_URI_UNKNOWN = "redirect_uri_unknown"
    REGISTRATION_REFUSED = "registration_refused"
    """Something of how the client is registered at the provider."""
    NOT_ALLOWED = "not_allowed"
    """An organisation does not allow the client."""
    NO_RETURN_ADDRESS = "no_return_address"
    """The application has none registered here."""
    OTHER = "other"
    """Only the sentence says what."""


class Misconfigured(ProviderError):
    """The provider config is missing or refused; the operator has to act. `flaw` says why."""

    def __init__(
        self,
        message: str,
        *,
        flaw: ConfigFlaw = ConfigFlaw.OTHER,
        provider_code: str = "",
        provider_message: str = "",
    ) -> None:
        super().__init__(message, provider_code=provider_code, provider_message=provider_message)
        self.flaw = flaw


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
        self.field = field


class ProviderUndecided(InvalidRequest):
    """Several providers could be meant. `choices` are their names."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__(f"Say which one to connect: {', '.join(choices)}.", field="provider")
        self.choices = tuple(choices)


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


def consequence_of(error: PostroomError) -> str:
    """Return what an error means in a word that can be kept: the name of its class here."""
    return next(each.__name__ for each in type(error).__mro__ if each.__module__ == __name__)
