"""EventBridge, every minute: the sweep. Calls workers for accounts that are due and lost sends."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import scheduled_sync as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.wake_due_accounts import wake_due_accounts
from postroom.usecases.wake_overdue_sends import wake_overdue_sends


@logger.inject_lambda_context
@counted()
@unexpected_logged()
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Answer for how many accounts and sends workers were called; nobody reads it but people."""
    services = bootstrap.services()
    # Sends first: they are few, and waited long.
    sends = wake_overdue_sends(outbox=services.outbox, work=services.work, clock=services.clock)
    woken = wake_due_accounts(
        sync_states=services.sync_states, work=services.work, clock=services.clock
    )
    logger.info("sweep_finished", extra={"woken": woken, "sends": sends})
    return {"woken": woken, "sends": sends}
