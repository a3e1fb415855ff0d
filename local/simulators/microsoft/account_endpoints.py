"""`/me` and `/users/{id}`: the account itself, which may have no mailbox.

https://learn.microsoft.com/en-us/graph/api/resources/user
"""

from typing import Final

from local.simulators.microsoft.graph_call import GraphCall, Json
from local.simulators.microsoft.odata import selection

_USUAL: Final = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
_WHEN_SELECTED: Final = ("proxyAddresses", "otherMails", "accountEnabled", "userType")


def get_user(call: GraphCall) -> Json:
    """`GET /me`."""
    mailbox = call.mailbox
    given, _, family = mailbox.name.rpartition(" ")
    aliases = [f"smtp:{alias}" for alias in mailbox.aliases]
    known: Json = {
        "businessPhones": [],
        "displayName": mailbox.name or mailbox.address,
        "givenName": given or None,
        "jobTitle": None,
        "mail": mailbox.address if mailbox.mail_enabled else None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": family or None,
        "userPrincipalName": mailbox.address,
        "id": mailbox.user_id,
        "proxyAddresses": [f"SMTP:{mailbox.address}", *aliases] if mailbox.mail_enabled else [],
        "otherMails": [],
        "accountEnabled": True,
        "userType": "Member",
    }
    selected = selection(call.argument("$select"), _USUAL + _WHEN_SELECTED, "user")
    context = f"{call.base_url}/$metadata#users/$entity"
    return {"@odata.context": context, **{name: known[name] for name in selected or _USUAL}}
