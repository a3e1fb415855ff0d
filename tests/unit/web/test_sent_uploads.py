"""Files that a request names by the ids of their uploads."""

import base64
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import UploadedFile
from postroom.domain.upload import UploadId
from postroom.web.sending import read_send
from tests.unit.web.conftest import event

NOTE = {"filename": "note.txt", "content_type": "text/plain", "content": "aGVsbG8="}


def _files(*attachments: dict[str, Any]) -> tuple[OutgoingAttachment | UploadedFile, ...]:
    body = {"to": [{"email": "charles@example.org"}], "attachments": attachments}
    request = event("POST", "/send", body=json.dumps(body), content_type="application/json")
    return read_send(APIGatewayProxyEventV2(request))[1]


def test_an_upload_is_named_by_its_id() -> None:
    """Among other files, in their order; its own name stands unless another is given."""
    files = _files(
        NOTE,
        {"id": "film"},
        {"id": "logo", "filename": "l.png", "content_id": "cid-1", "size": 150_000_000},
    )

    note, film, logo = files
    assert isinstance(note, OutgoingAttachment)
    assert film == UploadedFile(upload_id=UploadId("film"), field="attachments.1.id")
    assert logo == UploadedFile(
        upload_id=UploadId("logo"),
        field="attachments.2.id",
        filename="l.png",
        content_id="cid-1",
        is_inline=True,
    )


def test_content_counts_more_than_an_id() -> None:
    """Who sends on what came with a message sends its id along, which means nothing here."""
    (file,) = _files({**NOTE, "id": "of-a-message"})

    assert isinstance(file, OutgoingAttachment)
    assert file.content == b"hello"


@pytest.mark.parametrize("empty", [{}, {"id": ""}, {"id": None}, {"content": None}])
def test_a_file_has_content_or_an_id(empty: dict[str, Any]) -> None:
    """One without either is named."""
    with pytest.raises(InvalidRequest) as refused:
        _files(NOTE, {"filename": "a", **empty})

    assert refused.value.field == "attachments.1.content"


def test_too_large_a_request_is_told_the_way() -> None:
    """From four megabytes on it is the uploads' business; those that it names do not count."""
    content = base64.b64encode(bytes(4_000_001)).decode()

    with pytest.raises(TooLarge, match="attachment-uploads"):
        _files({**NOTE, "content": content})
    assert len(_files({"id": "film", "size": 150_000_000})) == 1
