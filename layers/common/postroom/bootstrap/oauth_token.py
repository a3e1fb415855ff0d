"""POST /v3/connect/token and what belongs to it."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.api_keys import DynamoApiKeyStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.usecases.issue_tokens import TokenTools
from postroom.web.identity_tokens import IdentityTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: TokenTools
    identity_tokens: IdentityTokens


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        tools=TokenTools(
            application_id=settings().application_id,
            connections=DynamoConnectionStore(aws.table()),
            accounts=DynamoAccountStore(aws.table()),
            api_keys=DynamoApiKeyStore(aws.table()),
            secrets=aws.deployment_secrets(),
            clock=clock,
        ),
        identity_tokens=IdentityTokens(
            issuer=aws.public_url(),
            audience=settings().application_id,
            signing_key=aws.deployment_secrets().signing_key(),
        ),
    )
