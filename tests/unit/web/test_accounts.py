"""How a grant shows the sync of its mailbox."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import (
    CursorExpired,
    Misconfigured,
    PostroomError,
    ReauthRequired,
    Throttled,
    consequence_of,
)
from postroom.domain.sync import SyncState, Watch
from postroom.providers.google.errors import PreconditionFailed
from postroom.providers.refusals import ServerFailed
from postroom.web.schemas.accounts import SyncOut
from tests.builders import ACCOUNT_ID, NOW, make_account

STATE = SyncState(account_id=ACCOUNT_ID)
WATCH = Watch(id="subscription", expires_at=NOW + timedelta(days=7), secret_hash="f00d")


def shown(state: SyncState) -> SyncOut:
    """Render a state."""
    return SyncOut.from_domain(make_account(), state)


def test_end_of_the_watch_is_told() -> None:
    """In Unix seconds; null for a mailbox that is polled. Nothing of its secret is told."""
    assert shown(STATE).watch_expires_at is None
    told = shown(replace(STATE, watch=WATCH))
    assert told.watch_expires_at == int((NOW + timedelta(days=7)).timestamp())
    assert "f00d" not in told.model_dump_json()
    assert "subscription" not in told.model_dump_json()


def test_trouble_with_the_watch_is_told_unless_there_is_worse() -> None:
    """A mailbox that is polled against the administrator's will says why; other trouble first."""
    assert shown(STATE).last_error is None
    polled = replace(STATE, watch_problem="no such topic")
    assert shown(polled).last_error == "no such topic"
    assert shown(polled).last_error_type == "watch_error"
    assert shown(replace(polled, last_error="it is down")).last_error == "it is down"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Throttled("slower"), "rate_limit_error"),
        (ServerFailed("down"), "provider_unavailable_error"),
        (ReauthRequired("again"), "grant.reauth_required"),
        (PreconditionFailed("off"), "grant.mailbox_unavailable"),
        (Misconfigured("no client"), "provider_misconfigured"),
        (CursorExpired("gone"), "internal_error"),
    ],
)
def test_an_error_of_the_sync_has_the_type_of_all_errors(error: PostroomError, kind: str) -> None:
    """Beside its sentence; finer errors of a provider count as what they mean."""
    failed = replace(STATE, last_error=str(error), last_consequence=consequence_of(error))
    assert shown(failed).last_error_type == kind


def test_an_error_of_an_earlier_version_has_a_type_too() -> None:
    """It was stored with its sentence alone."""
    assert shown(STATE).last_error_type is None
    assert shown(replace(STATE, last_error="it is down")).last_error_type == "internal_error"
