"""/v3/grants/{grant_id}/messages/{message_id}/view and /frame."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws, mail_stores
from postroom.bootstrap.providers import mailboxes
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, ContentStore, MessageStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.usecases.mailboxes import Mailboxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    messages: MessageStore
    contents: ContentStore
    mailboxes: Mailboxes
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    stores = mail_stores.mail_stores()
    return Services(
        accounts=DynamoAccountStore(aws.table()),
        messages=stores.messages,
        contents=stores.contents,
        mailboxes=mailboxes(),
        authenticate=access.authenticate,
    )
