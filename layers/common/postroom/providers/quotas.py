"""What the providers allow.

Gmail: https://developers.google.com/workspace/gmail/api/reference/quota. A project may use 6,000
units a minute for each mailbox (one that is older than May 2026 may have 15,000) and 80,000,000 a
day in all, beyond which it is to be paid for. Google's days begin at midnight in California; here,
all year, at eight in the morning of UTC.

Outlook: https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits. 10,000
requests in ten minutes for each mailbox, and four at the same time. There is no daily limit. The
four are split, not counted: of background work the present makes two calls at once and the backfill
one (`microsoft/units.py`), which leaves one to a person. Two people at once in a mailbox whose two
lanes are at work may get one of them refused for some seconds.
"""

from collections.abc import Mapping
from datetime import timedelta

from postroom.domain.account import ProviderName
from postroom.domain.quota import Quota
from postroom.domain.sending_limit import Counted, SendingLimit, SendingLimits
from postroom.providers.mail_domains import personal_domains


def quotas(*, gmail_units_a_minute: int, gmail_units_a_day: int) -> Mapping[ProviderName, Quota]:
    """Return the quotas of all providers; no `gmail_units_a_day` (0) is no limit."""
    return {
        ProviderName.GOOGLE: Quota(
            limit=gmail_units_a_minute,
            window=timedelta(minutes=1),
            block=100,  # five messages
            daily_limit=gmail_units_a_day,
            day_begins_at=timedelta(hours=8),
        ),
        ProviderName.MICROSOFT: Quota(limit=10_000, window=timedelta(minutes=10), block=20),
    }


def _at_most(limit: int, counted: Counted, *, within: timedelta) -> SendingLimit:
    return SendingLimit(counted=counted, quota=Quota(limit=limit, window=within, block=1))


_DAY = timedelta(days=1)
_OUTLOOK_PER_MINUTE = _at_most(30, Counted.MESSAGES, within=timedelta(minutes=1))

SENDING_LIMITS: Mapping[ProviderName, SendingLimits] = {
    # https://support.google.com/a/answer/166852 and https://support.google.com/mail/answer/22839
    ProviderName.GOOGLE: SendingLimits(
        personal_domains=personal_domains("google"),
        personal=[
            _at_most(500, Counted.MESSAGES, within=_DAY),
            _at_most(500, Counted.RECIPIENTS, within=_DAY),
        ],
        organisational=[
            _at_most(2_000, Counted.MESSAGES, within=_DAY),
            _at_most(10_000, Counted.RECIPIENTS, within=_DAY),
        ],
    ),
    # https://learn.microsoft.com/en-us/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
    # and https://support.microsoft.com/office/279ee200-594c-40f0-9ec8-bb6af7735c2e
    ProviderName.MICROSOFT: SendingLimits(
        personal_domains=personal_domains("microsoft"),
        personal=[_OUTLOOK_PER_MINUTE, _at_most(5_000, Counted.RECIPIENTS, within=_DAY)],
        organisational=[_OUTLOOK_PER_MINUTE, _at_most(10_000, Counted.RECIPIENTS, within=_DAY)],
    ),
}
"""What each provider lets a mailbox send; sliding windows, as both describe them."""
