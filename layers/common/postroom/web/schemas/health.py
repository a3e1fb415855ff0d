"""Whether the deployment answers."""

from typing import Literal

from postroom.web.schemas.fields import Output


class HealthOut(Output):
    """That it does."""

    status: Literal["ok"] = "ok"
    version: str
