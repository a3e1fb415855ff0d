"""EventBridge, every minute: the sweep. Calls a worker for each account that is due."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import scheduled_sync as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.wake_due_accounts import wake_due_accounts


@logger.inject_lambda_context
@counted()
@unexpected_logged()
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Answer how many accounts were called; nobody reads it but people."""
    services = bootstrap.services()
    woken = wake_due_accounts(
        sync_states=services.sync_states, work=services.work, clock=services.clock
    )
    logger.info("sweep_finished", extra={"woken": woken})
    return {"woken": woken}
