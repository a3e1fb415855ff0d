"""The document of the API."""

from typing import Any

from postroom.web.schemas.fields import Output


class ApiDocumentOut(Output):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
