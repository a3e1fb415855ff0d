"""What Graph's and Entra's refusals mean for us: three tables.

The mail API, the token endpoint, and the way back from the consent page. Sources:
https://learn.microsoft.com/en-us/graph/errors
https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsecode
https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from postroom.domain.errors import (
    ConfigFlaw,
    CursorExpired,
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    PostroomError,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
    SendingLimitReached,
    Throttled,
)
from postroom.providers.answers import json_object, retry_after, text
from postroom.providers.refusals import (
    AccessTokenRefused,
    InsufficientScope,
    Refusal,
    ServerFailed,
    TimedOut,
    row,
)


class AccessDenied(MailboxUnavailable):
    """The organisation's rules forbid the call: maybe this one alone, maybe all (`access`)."""

    def of_this_alone(self, sentence: str) -> Rejected:
        """Return the same as the refusal of one thing, which says nothing of the mailbox."""
        return Rejected(
            sentence, provider_code=self.provider_code, provider_message=self.provider_message
        )


class Conflicting(Rejected):
    """There is such a thing already: of a subscription, one for the same changes."""


_SENDING_LIMIT = "ErrorExceededMessageLimit ErrorSubmissionQuotaExceeded"
"""The day's messages, or recipients, are used up: reading and all else goes on."""

_SENDING_LIMIT_WAIT = timedelta(hours=1)
"""Where Outlook gives no time: the limit is of the last 24 hours, so that some is free again soon.
https://learn.microsoft.com/en-us/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
"""

_API = (
    # The first row that fits decides. Words: error.code and the codes inside it.
    row(
        (400, 599),
        _SENDING_LIMIT,
        SendingLimitReached,
        "Outlook lets this mailbox send no more for now",
    ),
    row((429, 429), "", Throttled, "Outlook asks for fewer calls"),
    row(
        (400, 599),
        "ApplicationThrottled TooManyRequests",
        Throttled,
        "Outlook asks for fewer calls",
    ),
    row((504, 504), "", TimedOut, "Outlook needed too long for the call"),
    row(
        (400, 499),
        "MailboxNotEnabledForRESTAPI MailboxNotSupportedForRESTAPI ErrorNonExistentMailbox "
        "ErrorAccountDisabled OrganizationFromTenantGuidNotFound",
        MailboxUnavailable,
        "this account has no mailbox in Exchange Online (inactive, not licensed, or kept on the "
        "organisation's own servers)",
    ),
    row(
        (400, 599),
        "ErrorMailboxMoveInProgress ErrorMailboxStoreUnavailable MailboxStoreUnavailable "
        "ErrorServerBusy ErrorTimeoutExpired ErrorInternalServerTransientError",
        ServerFailed,
        "Outlook cannot reach the mailbox now",
    ),
    row((401, 401), "", AccessTokenRefused, "Outlook does not accept the access token"),
    row((410, 410), "", CursorExpired, "Outlook does not know any more what has changed since"),
    row(
        (400, 499),
        "SyncStateNotFound SyncStateInvalid ResyncRequired ErrorInvalidSyncStateData",
        CursorExpired,
        "Outlook does not know any more what has changed since",
    ),
    row(
        (403, 403),
        "Authorization_RequestDenied ErrorInsufficientPermissionsInAccessToken",
        InsufficientScope,
        "the owner has not allowed this kind of access",
    ),
    row(
        (400, 499),
        "ErrorSendAsDenied",
        Rejected,
        "the mailbox may not send from this address; add it as an alias first",
    ),
    row((400, 599), "ErrorQuotaExceeded", Rejected, "the mailbox is full"),
    row((413, 413), "", Rejected, "Outlook says that this is too large"),
    row((400, 599), "ErrorMessageSizeExceeded", Rejected, "Outlook says that this is too large"),
    row(
        (400, 499),
        "ErrorFolderExists",
        Rejected,
        "there is a folder of this name in the same place already",
    ),
    row(
        (403, 403),
        "ErrorAccessDenied",
        AccessDenied,
        "the organisation does not allow access to this mailbox",
    ),
    row((404, 404), "", NotFound, "Outlook has no such thing"),
    row(
        (409, 412),
        "ErrorIrresolvableConflict",
        ServerFailed,
        "somebody else was changing the same thing",
    ),
    row((409, 409), "", Conflicting, "Outlook has such a thing already"),
    row((408, 408), "", ServerFailed, "Outlook did not finish the call"),
    row((423, 424), "", ServerFailed, "Outlook did not finish the call"),
    row((500, 999), "", ServerFailed, "Outlook failed"),
    row((400, 499), "", Rejected, "Outlook refuses the request"),
    row((0, 399), "", ServerFailed, "Outlook gave an unexpected answer"),
)

_PASSES = frozenset({50196, 90033, 90055})
"""A request loop, and two kinds of busy."""

_LOOP = 50196
_LOOP_WAIT = timedelta(minutes=5)
"""Entra counts equal requests over five minutes and refuses all of them until they stop."""

_CLIENT_REFUSED = (ConfigFlaw.CLIENT_REFUSED, "Microsoft does not accept the OAuth client")
_SCOPE_UNKNOWN = (
    ConfigFlaw.SCOPE_UNKNOWN,
    "Microsoft does not know a scope of the connector",
)
_NEEDS_OPERATOR: Mapping[int, tuple[ConfigFlaw, str]] = {
    7000215: (
        ConfigFlaw.SECRET_WRONG,
        "Microsoft does not accept the client secret; it wants the secret's value, not its id",
    ),
    7000222: (
        ConfigFlaw.SECRET_EXPIRED,
        "the client secret has expired at Microsoft; a new one is needed",
    ),
    700016: (
        ConfigFlaw.CLIENT_UNKNOWN,
        "Microsoft does not know the client id, or not in this tenant",
    ),
    700027: _CLIENT_REFUSED,
    90002: (ConfigFlaw.TENANT_UNKNOWN, "Microsoft does not know the tenant"),
    50194: (
        ConfigFlaw.SINGLE_TENANT,
        "the OAuth client is registered for one organisation only; the connector needs its tenant",
    ),
    650053: _SCOPE_UNKNOWN,
    70011: _SCOPE_UNKNOWN,
}
"""What is wrong, in a word and a sentence."""

_NEEDS_CONSENT = frozenset(
    {
        700082,  # not used for 90 days
        70008,
        50173,  # withdrawn: password reset, "sign out everywhere"
        700084,  # lives a day: the redirect address is registered for a page, not for the web
        50076,  # a second factor; 50079: … to be set up first; 50158: … of another provider
        50079,
        50158,
        53003,  # the organisation's conditional access
        70043,
        65001,  # consent withdrawn
        50057,  # the account is disabled; 50034: gone; 50020: not of this tenant
        50034,
        50020,
    }
)

_OPERATOR_WORDS = frozenset(
    {"invalid_client", "invalid_scope", "unauthorized_client", "unsupported_grant_type"}
)
_CONSENT_WORDS = frozenset({"consent_required", "interaction_required", "invalid_grant"})

_CODE = re.compile(r"AADSTS(\d{4,8})\b")


def api_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> PostroomError:
    """Return the error that an answer of Graph means."""
    problem = json_object(content).get("error")
    details = problem if isinstance(problem, dict) else {}
    words, wait = _words(details), retry_after(headers, now=now)
    if wait is None and not {each.lower() for each in words}.isdisjoint(
        _SENDING_LIMIT.lower().split()
    ):
        wait = _SENDING_LIMIT_WAIT
    refusal = Refusal(
        status=status, words=words, message=text(details.get("message")), retry_after=wait
    )
    return refusal.means(_API)


def token_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> ProviderError:
    """Return the error that an answer of the token endpoint means.

    ReauthRequired when the consent (or the code) is not good any more, Misconfigured when the
    client is not, and Retryable for all else: a busy server must never cost an account its consent.
    `provider_code` is Entra's number where there is one.
    """
    answer = json_object(content)
    word = text(answer.get("error"))
    message = text(answer.get("error_description"))
    numbers = _numbers(answer)
    code = str(numbers[0]) if numbers else word or str(status)
    codes = frozenset(numbers)
    if status < 500 and status != 429 and not codes & _PASSES:
        flawed = next((each for each in numbers if each in _NEEDS_OPERATOR), None)
        if flawed or (not codes & _NEEDS_CONSENT and word in _OPERATOR_WORDS):
            flaw, sentence = _NEEDS_OPERATOR[flawed] if flawed else _CLIENT_REFUSED
            return Misconfigured(
                sentence,
                flaw=flaw,
                provider_code=code,
                provider_message=message,
            )
        if codes & _NEEDS_CONSENT or word in _CONSENT_WORDS:
            return ReauthRequired(
                "Microsoft says that the consent has ended",
                provider_code=code,
                provider_message=message,
            )
    wait = retry_after(headers, now=now)
    return Retryable(
        "Microsoft's token endpoint cannot answer now",
        retry_after=_LOOP_WAIT if wait is None and _LOOP in codes else wait,
        provider_code=code,
        provider_message=message,
    )


def code_in(description: str) -> str:
    """Return Entra's number in an `error_description`; an empty text when there is none.

    On the way back from the consent page it stands nowhere else: `error` there is one of OAuth's
    few words, and `error_codes` is a thing of the token endpoint.
    """
    found = _CODE.match(description.lstrip())
    return found[1] if found else ""


def _words(problem: Mapping[str, Any]) -> list[str]:
    """Return `error.code`, and those of the `innerError`s inside it (OData nests them)."""
    words: list[str] = []
    inner: object = problem
    while isinstance(inner, dict) and len(words) < 5:
        words.append(text(inner.get("code")))
        inner = inner.get("innerError") or inner.get("innererror")
    return [word for word in words if word]


def _numbers(answer: Mapping[str, Any]) -> list[int]:
    """Return `error_codes`, or the one in the text where an answer has no such list."""
    listed = answer.get("error_codes")
    numbers = [each for each in listed if isinstance(each, int)] if isinstance(listed, list) else []
    if numbers:
        return numbers
    code = code_in(text(answer.get("error_description")))
    return [int(code)] if code else []
