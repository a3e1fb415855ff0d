"""Microsoft's own client registers for notifications, renews and ends that."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.subscription import Subscription
from werkzeug import Request, Response

from tests.simulators.conftest import Running

WithSdk = Callable[[Callable[[Any], Awaitable[Any]]], Any]


def receiver(environ: Any, start_response: Any) -> Any:
    """Shake hands with Graph."""
    token = Request(environ).args.get("validationToken", "")
    return Response(token, mimetype="text/plain")(environ, start_response)


@pytest.fixture
def receiver_url(running: Running) -> Iterator[str]:
    with running(receiver) as url:
        yield url


def test_subscription_over_its_life(with_sdk: WithSdk, receiver_url: str) -> None:
    """Made, read, renewed, reauthorized and deleted, times are times and a lost one is an error."""
    end = datetime.now(UTC) + timedelta(days=6)

    async def work(client: Any) -> tuple[Subscription, Subscription, list[Subscription], str]:
        wanted = Subscription(
            change_type="created,updated,deleted",
            notification_url=f"{receiver_url}/notifications",
            lifecycle_notification_url=f"{receiver_url}/lifecycle",
            resource="me/messages",
            expiration_date_time=end,
            client_state="a secret",
        )
        made = await client.subscriptions.post(wanted)
        one = client.subscriptions.by_subscription_id(made.id)
        renewal = Subscription(expiration_date_time=end - timedelta(days=1))
        renewed = await one.patch(renewal)
        await one.reauthorize.post()
        listed = (await client.subscriptions.get()).value
        await one.delete()
        with pytest.raises(ODataError) as lost:
            await one.get()
        return made, renewed, listed, str(lost.value.error.code)

    made, renewed, listed, code = with_sdk(work)

    assert made.expiration_date_time is not None
    assert abs(made.expiration_date_time - end) < timedelta(seconds=1)
    assert renewed.expiration_date_time is not None
    assert made.expiration_date_time - renewed.expiration_date_time == timedelta(days=1)
    assert [each.id for each in listed] == [made.id]
    assert code == "ResourceNotFound"
