"""Messages in MIME through the official Python SDK: sent as they were written. Node has no call."""

import base64
import uuid
from collections.abc import Callable
from functools import partial

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError
from nylas.models.messages import Message

from tests.e2e.conftest import SimulatedProvider, wait_for

Connect = Callable[[SimulatedProvider, str], str]


def _letter(author: str, reader: str, *, hidden: str) -> str:
    return (
        "Message-ID: <notes-1@their.app>\r\n"
        f"From: Ada Lovelace <{author}>\r\nTo: Charles Babbage <{reader}>\r\nBcc: {hidden}\r\n"
        "Subject: =?utf-8?q?Notes_on_the_engine_=E2=80=94_s=C3=A9?=\r\n"
        "Date: Sat, 21 Nov 2026 09:30:00 +0000\r\n"
        "X-Priority: 1\r\nImportance: high\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        "\r\nIt   has no pretensions\r\nto originate anything — sé.\r\n"
    )


def _raw_messages(postroom: Client, grant: str) -> list[Message]:
    listed: list[Message] = postroom.messages.list(grant, {"fields": "raw_mime"}).data
    return listed


def test_a_message_in_mime_arrives_as_it_was_written(
    postroom: Client, http: httpx.Client, provider: SimulatedProvider, connect: Connect
) -> None:
    """With its own Message-ID and fields, also to who is in Bcc, which nobody sees; and once."""
    # Given three people
    ada, charles, mary = (
        provider.address(f"{name}-{uuid.uuid4().hex[:6]}") for name in ("ada", "charles", "mary")
    )
    grants = {}
    for address in (ada, charles, mary):
        provider.call("POST", "mailboxes", json={"address": address})
        grants[address] = connect(provider, address)
    letter = _letter(ada, charles, hidden=mary)

    # When one writes to the others, and says so twice under one key
    key = {"headers": {"Idempotency-Key": uuid.uuid4().hex}}
    sent = postroom.messages.send_raw_mime(grants[ada], {"mime": letter}, overrides=key)
    again = postroom.messages.send_raw_mime(grants[ada], {"mime": letter}, overrides=key)

    # Then the answer is the message that has left
    assert sent.data.subject == "Notes on the engine — sé"
    assert sent.data.to == [{"email": charles, "name": "Charles Babbage"}]
    assert again.data.id == sent.data.id
    assert postroom.messages.find(grants[ada], sent.data.id).data.subject == sent.data.subject

    # And both get it as it was written, but for Bcc
    header, body = letter.encode().split(b"\r\n\r\n", 1)
    shown = [line for line in header.split(b"\r\n") if not line.startswith(b"Bcc")]
    for address in (charles, mary):
        grant = grants[address]
        wait_for(partial(provider.messages, address))
        http.post(f"/v3/grants/{grant}/sync", json={"mode": "incremental"})
        (arrived,) = wait_for(partial(_raw_messages, postroom, grant))
        raw = base64.urlsafe_b64decode(arrived.raw_mime + "==")
        assert raw.endswith(b"\r\n\r\n" + body)
        assert [line for line in shown if line not in raw] == []
        assert mary.encode() not in raw
    for grant in grants.values():
        postroom.grants.destroy(grant)


def test_what_cannot_be_sent_is_refused_and_nobody_gets_it(
    postroom: Client, provider: SimulatedProvider, connect: Connect
) -> None:
    """Each of them is 400, or 413, and says that it is about `mime`."""
    ada, charles = (provider.address(f"{name}-{uuid.uuid4().hex[:6]}") for name in ("ada", "ch"))
    for address in (ada, charles):
        provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, ada)
    letter = _letter(ada, charles, hidden=charles)
    refused = {
        "": 400,
        "nonsense": 400,
        letter.replace(f"From: Ada Lovelace <{ada}>\r\n", ""): 400,
        letter.replace(f"<{ada}>", f"<{charles}>"): 400,
        f"From: {ada}\r\n\r\nTo: {charles}\r\n\r\n": 400,
        letter.replace("X-Priority: 1\r\n", "X-Priority: 1\nBcc: x@elsewhere.example\r\n"): 400,
        letter.replace(charles, "nobody"): 400,
        letter + "x" * 4_000_000: 413,
    }
    for content, status in refused.items():
        with pytest.raises(NylasApiError) as refusal:
            postroom.messages.send_raw_mime(grant, {"mime": content})
        assert refusal.value.status_code == status, content[:200]
        assert "mime" in str(refusal.value)
    assert provider.messages(charles) == []
    assert provider.messages(ada) == []
    postroom.grants.destroy(grant)
