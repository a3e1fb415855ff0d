"""Which error is which status and `error.type`: the only place that knows.

`KINDS`, `REFUSALS` and `OAUTH_ERRORS` are the tables of docs/errors.md. They stand apart from
`errors` for functions that answer without Powertools' event handler.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postroom.domain import errors as domain


class UnsupportedMediaType(domain.PostroomError):
    """The body is of a kind that this route does not read."""


class MethodNotAllowed(domain.PostroomError):
    """There is such an address, but not with this method. `allowed` are those that it has."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"Use {' or '.join(allowed)} here.")
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the documented table."""

    status: int
    type: str
    """`error.type`: stable, for programs."""
    cause: str
    """What a reader of the documentation is told."""
    remedy: str
    """What that reader can do about it."""
    oauth_error: str = "invalid_request"
    """The word on the OAuth routes (RFC 6749 sections 4.1.2.1 and 5.2)."""


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """Why a mailbox was not connected, or no token was given."""

    cause: str
    remedy: str
    code: int = 0
    """The number that the contract wants beside each word of RFC 6749: ours, and stable."""
    statuses: tuple[int, ...] = (400,)
    """How it is answered: RFC 6749 section 5.2; where there are several, the first as a rule."""


KINDS: Mapping[type[Exception], ErrorKind] = {
    domain.InvalidRequest: ErrorKind(
        400,
        "invalid_request_error",
        "A part of the request is wrong; the message names it.",
        "Correct the part that the message names. Repeating the same request does not help.",
    ),
    domain.Unauthenticated: ErrorKind(
        401,
        "unauthorized",
        "No valid API key or access token came along.",
        "Send `Authorization: Bearer <key>`; refresh an access token that is older than an hour.",
        "invalid_client",
    ),
    domain.Forbidden: ErrorKind(
        403,
        "insufficient_scopes",
        "The key or token does not reach this far.",
        "Use an API key that was made with the scope that the message names.",
    ),
    domain.NotFound: ErrorKind(
        404,
        "not_found_error",
        "There is no such thing, or not for you.",
        "Check the id, and whether the key or token may see it; what was deleted stays away.",
    ),
    MethodNotAllowed: ErrorKind(
        405,
        "method_not_allowed_error",
        "There is such an address, but not with this method.",
        "Use a method that the message and the header `Allow` name.",
    ),
    domain.Conflict: ErrorKind(
        409,
        "conflict_error",
        "It exists already, or an Idempotency-Key means another request.",
        "Read what is there; use a new Idempotency-Key for a new request.",
    ),
    domain.TooLarge: ErrorKind(
        413,
        "request_too_large_error",
        "The request, or its answer, does not fit.",
        "Send less, or ask for less with `select`; the message says which, and another way.",
    ),
    UnsupportedMediaType: ErrorKind(
        415,
        "unsupported_media_type_error",
        "The Content-Type is not one that is read here.",
        "Send the Content-Type that the message names.",
    ),
    domain.ReauthRequired: ErrorKind(
        401,
        "grant.reauth_required",
        "The mailbox owner has to give consent again.",
        "Send the owner through `/v3/connect/auth` again; the grant keeps its id and its mail.",
    ),
    domain.MailboxUnavailable: ErrorKind(
        403,
        "grant.mailbox_unavailable",
        "The account has no usable mailbox at its provider.",
        "Its owner or their administrator has to look there: a licence or the mailbox is missing.",
    ),
    domain.Rejected: ErrorKind(
        400,
        "provider_error",
        "The provider refuses this request.",
        "Read `provider_error`, which has the provider's own words, and change the request.",
    ),
    domain.Misconfigured: ErrorKind(
        500,
        "provider_misconfigured",
        "The connector is missing or refused; its administrator has to act.",
        "`POST /v3/connectors/{provider}/verify` says in sentences what is wrong with it.",
        "server_error",
    ),
    domain.OutcomeUnknown: ErrorKind(
        504,
        "outcome_unknown_error",
        "The provider may or may not have done it.",
        "Repeat with the same Idempotency-Key, or look before repeating what has none.",
        "temporarily_unavailable",
    ),
    domain.Throttled: ErrorKind(
        429,
        "rate_limit_error",
        "The provider wants to be asked less, or its quota for this mailbox is used up.",
        "Repeat after the seconds that `Retry-After` names.",
        "temporarily_unavailable",
    ),
    domain.SendingLimitReached: ErrorKind(
        429,
        "rate_limit_error",
        "The mailbox has sent as much as its provider allows in a minute or a day.",
        "Repeat after the seconds that `Retry-After` names, or send later with `send_at`.",
        "temporarily_unavailable",
    ),
    domain.Retryable: ErrorKind(
        503,
        "provider_unavailable_error",
        "The provider is busy or unreachable.",
        "Repeat after Retry-After.",
        "temporarily_unavailable",
    ),
    domain.LeaseLost: ErrorKind(
        503,
        "provider_unavailable_error",
        "The account is being worked on.",
        "Repeat after Retry-After.",
        "temporarily_unavailable",
    ),
}

INTERNAL = ErrorKind(
    500,
    "internal_error",
    "A mistake of ours.",
    "Repeat it once; if it stays, name the `request_id` to whoever runs the deployment.",
    "server_error",
)

REFUSALS: Mapping[str, RefusalKind] = {
    "access_denied": RefusalKind(
        "The person, or their organisation, said no.",
        "Ask them again when they are willing.",
    ),
    "admin_consent_required": RefusalKind(
        "Their organisation's administrator has to allow the application first.",
        "Give the administrator the address in the description, and connect again afterwards.",
    ),
    "account_not_allowed": RefusalKind(
        "The account belongs to another organisation, or its organisation's rules forbid it.",
        "Use another account, or widen the connector's `tenant`.",
    ),
    "account_changing": RefusalKind(
        "The same mailbox was connected or removed at the same moment.", "Connect again."
    ),
    "account_of_another_person": RefusalKind(
        "In the console, the mailbox belongs to another person.",
        "Sign out, and sign in with that mailbox itself.",
    ),
    "account_deleting": RefusalKind(
        "The same mailbox is being removed right now.", "Connect again after some minutes."
    ),
    "code_invalid": RefusalKind(
        "The provider did not accept its own code any more.", "Connect again."
    ),
    "identity_invalid": RefusalKind(
        "The provider's answer does not prove whose mailbox it is.",
        "Connect again; to `/v3/connect/custom`, send a token that was asked for with "
        "`openid email profile` by the connector's own client.",
    ),
    "mailbox_unavailable": RefusalKind(
        "The account has no usable mailbox.", "Use an account with a mailbox that is set up."
    ),
    "not_invited": RefusalKind(
        "In the console, only invited people may sign up, and this is nobody's invitation.",
        "Ask an administrator to invite the address, its domain, or to send a link.",
    ),
    "offline_access_missing": RefusalKind(
        "The provider gave no refresh token.", "Connecting again helps."
    ),
    "provider_error": RefusalKind(
        "The provider answered with an error that is none of these.", "Connect again later."
    ),
    "provider_misconfigured": RefusalKind(
        "The provider refuses the client id, secret or tenant of the connector.",
        "`POST /v3/connectors/{provider}/verify` says in sentences what is wrong.",
    ),
    "provider_unavailable": RefusalKind(
        "The provider did not answer, or not as expected.", "Connect again later."
    ),
    "scopes_missing": RefusalKind(
        "A permission was not ticked; the description names it.",
        "Connect again, and tick all permissions.",
    ),
    "state_invalid": RefusalKind(
        "The sign-in was finished already, took too long, or began in another browser.",
        "Go back to the application and begin again.",
    ),
}
"""Why a mailbox was not connected: `error` at the return address, `error.type` elsewhere."""

OAUTH_ERRORS: Mapping[str, RefusalKind] = {
    "invalid_request": RefusalKind(
        "A parameter is missing or wrong; the description names it.",
        "Correct that parameter.",
        25000,
        (400, 413, 415),
    ),
    "invalid_grant": RefusalKind(
        "The code or refresh token is unknown, used, expired or revoked, or not for this "
        "`redirect_uri` or `code_verifier`.",
        "Send the owner through `/v3/connect/auth` again; a code is good once, for ten minutes.",
        25001,
    ),
    "invalid_client": RefusalKind(
        "The `client_id` is not this application's, or `client_secret` is no valid API key.",
        "`GET /v3/applications` names the client id; the secret is an API key.",
        25002,
        (401,),
    ),
    "unsupported_grant_type": RefusalKind(
        "`grant_type` is none that is served.",
        "Use `authorization_code`, `refresh_token` or `client_credentials`.",
        25003,
    ),
    "temporarily_unavailable": RefusalKind(
        "Something is busy or unreachable, or took too long.",
        "Repeat after Retry-After.",
        25004,
        (503, 504),
    ),
    "server_error": RefusalKind(
        "A mistake of ours.",
        "Repeat it once; if it stays, name the `request_id` to whoever runs the deployment.",
        25005,
        (500,),
    ),
    "unauthorized_client": RefusalKind(
        "The API key lacks a scope that tokens need; the description names it.",
        "Use an API key that was made with it.",
        25006,
    ),
}
"""The words of RFC 6749 sections 4.1.2.1 and 5.2, as the routes of tokens answer them."""


def type_of_consequence(consequence: str) -> str:
    """Return the `error.type` of what `consequence_of` an error has named."""
    kind = getattr(domain, consequence, domain.PostroomError)
    return next((KINDS[each] for each in kind.__mro__ if each in KINDS), INTERNAL).type


def kind_of(error: Exception) -> ErrorKind:
    """Return the row for an error; what has none is a mistake of ours."""
    if isinstance(error, domain.ConnectionRefused):
        known = OAUTH_ERRORS.get(error.reason)
        status = known.statuses[0] if known else 400
        return ErrorKind(status, error.reason, "", "", error.reason)
    return next((KINDS[each] for each in type(error).__mro__ if each in KINDS), INTERNAL)
