"""How the console's page is told who is signed in."""

from collections.abc import Sequence

from postroom.domain.account import Account, AccountStatus
from postroom.domain.person import Session, SignUp
from postroom.domain.sync import SyncState
from postroom.web.schemas.accounts import GrantOut
from postroom.web.schemas.console import ConsoleSessionOut


def shown_session(
    session: Session | None,
    mailboxes: Sequence[tuple[Account, SyncState]],
    *,
    providers: Sequence[str],
    sign_up: SignUp,
    undo_seconds: int,
) -> ConsoleSessionOut:
    """Render a session, or that there is none."""
    return ConsoleSessionOut(
        is_administrator=session is not None and session.key is not None,
        is_person=session is not None and session.person_id is not None,
        mailboxes=[
            GrantOut.from_domain(account, state)
            for account, state in mailboxes
            if account.status is not AccountStatus.DELETING
        ],
        providers=list(providers),
        sign_up=sign_up,
        undo_seconds=undo_seconds,
    )
