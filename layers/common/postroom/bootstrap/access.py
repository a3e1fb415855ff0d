"""Who may come in: the authentication that every API function shares."""

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.domain.person import SESSION_PREFIX
from postroom.domain.principal import Principal
from postroom.storage.dynamodb.api_keys import DynamoApiKeyStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.sessions import DynamoSessionStore
from postroom.usecases import authenticate as usecase
from postroom.usecases.sign_in import SessionTools, authenticate_session


def session_tools() -> SessionTools:
    """Wire what sessions work with."""
    return SessionTools(
        sessions=DynamoSessionStore(aws.table()),
        api_keys=DynamoApiKeyStore(aws.table()),
        secrets=aws.deployment_secrets(),
        clock=clock,
    )


def authenticate(bearer: str) -> Principal:
    """Tell whom a bearer credential or a session stands for. Raises Unauthenticated."""
    if bearer.startswith(SESSION_PREFIX):
        return authenticate_session(token=bearer, tools=session_tools())
    return usecase.authenticate(
        bearer=bearer,
        secrets=aws.deployment_secrets(),
        api_keys=DynamoApiKeyStore(aws.table()),
        connections=DynamoConnectionStore(aws.table()),
        clock=clock,
    )
