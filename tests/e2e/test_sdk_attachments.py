"""Attachments through the official Python SDK: described, downloaded, streamed."""

import uuid
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for

LARGE = b"postroom" * 625_000
"""More than one answer of the API can carry."""


def test_attachments_are_described_and_downloaded(
    postroom: Client, provider: SimulatedProvider, connect: Callable[[SimulatedProvider, str], str]
) -> None:
    """A small file from the API, a large one from where the SDK is sent on to."""
    address = provider.address(f"attachments-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ana@elsewhere.example", address, "Two files"
    mail.set_content("See below.")
    mail.add_attachment(b"%PDF-1.4 ...", "application", "pdf", filename="preços.pdf")
    mail.add_attachment(LARGE, "application", "octet-stream", filename="large.bin")
    provider.deliver(address, mail.as_bytes())
    grant = connect(provider, address)
    (message,) = wait_for(lambda: postroom.messages.list(grant).data)
    files = {file.filename: file for file in message.attachments}
    query = {"message_id": message.id}

    price_list = postroom.attachments.find(grant, files["preços.pdf"].id, query).data
    assert (price_list.filename, price_list.content_type) == ("preços.pdf", "application/pdf")
    assert (price_list.size, price_list.is_inline) == (12, False)
    assert price_list.grant_id == grant
    for file, content in ((price_list, b"%PDF-1.4 ..."), (files["large.bin"], LARGE)):
        assert postroom.attachments.download_bytes(grant, file.id, query) == content
        with postroom.attachments.download(grant, file.id, query) as stream:
            assert b"".join(stream.iter_content(100_000)) == content

    for call in (postroom.attachments.find, postroom.attachments.download_bytes):
        with pytest.raises(NylasApiError) as gone:
            call(grant, "none", query)
        assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")
    postroom.grants.destroy(grant)
