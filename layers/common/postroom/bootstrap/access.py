"""Who may come in: the authentication that every API function shares."""

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.domain.principal import Principal
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.usecases import authenticate as usecase


def authenticate(bearer: str) -> Principal:
    """Tell whom a bearer credential stands for. Raises Unauthenticated."""
    return usecase.authenticate(
        bearer=bearer,
        secrets=aws.deployment_secrets(),
        connections=DynamoConnectionStore(aws.table()),
        clock=clock,
    )
