"""Watches of a Gmail mailbox: Gmail publishes to a Pub/Sub topic that something has changed.

https://developers.google.com/workspace/gmail/api/guides/push

There is one watch per mailbox and project of an OAuth client, for seven days. It names no labels:
with some, changes of the others would not be told. The history id that a watch answers with is not
used: a sync goes on from its own cursor, which may be older.
"""

from datetime import UTC, datetime
from typing import Any

from postroom.domain.errors import Misconfigured, NotFound, ProviderError, Rejected
from postroom.domain.sync import Watch
from postroom.providers.google.client import GmailClient
from postroom.providers.google.errors import PreconditionFailed
from postroom.providers.refusals import ServerFailed


class Watches:
    """The watch of one mailbox. Without a topic there is none."""

    def __init__(self, client: GmailClient, topic_name: str) -> None:
        self._client = client
        self._topic_name = topic_name

    def start(self) -> Watch | None:
        """Watch the whole mailbox, or nothing without a topic. Raises Misconfigured."""
        if not self._topic_name:
            return None
        try:
            return self._watch()
        except PreconditionFailed:
            # What Gmail says, too, of a mailbox that is still watched for another topic.
            self._client.do("stop")
        try:
            return self._watch()
        except PreconditionFailed as error:
            raise _topic_refused(error) from error

    def renew(self) -> Watch:
        """Watch for seven days more, which is the same call."""
        watch = self.start()
        if watch is None:
            raise NotFound("there is no topic any more")
        return watch

    def stop(self) -> None:
        """Watch no more. There is one watch at most, so that it needs no name."""
        self._client.do("stop")

    def _watch(self) -> Watch:
        try:
            answer: Any = self._client.change("watch", {"topicName": self._topic_name})
        except (NotFound, Rejected) as error:
            raise _topic_refused(error) from error
        try:
            expires_at = datetime.fromtimestamp(int(answer["expiration"]) / 1000, UTC)
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise ServerFailed("Gmail did not say how long it watches the mailbox") from error
        return Watch(id="", expires_at=expires_at)


def _topic_refused(error: NotFound | ProviderError) -> Misconfigured:
    """The topic is not there, not in the project of the OAuth client, or closed to Gmail.

    https://developers.google.com/workspace/gmail/api/guides/push#grant_publish_rights_on_your_topic
    """
    given = error if isinstance(error, ProviderError) else None
    return Misconfigured(
        "Gmail cannot publish to the topic of the provider's settings; it has to exist in the "
        "project of the OAuth client and to let gmail-api-push@system.gserviceaccount.com publish",
        provider_code=given.provider_code if given else "",
        provider_message=given.provider_message if given else "",
    )
