"""What schemathesis cannot read from the document (loaded by its `hooks` setting)."""

from collections.abc import Mapping
from typing import Any

import schemathesis


@schemathesis.hook
def filter_query(context: Any, query: Mapping[str, Any] | None) -> bool:
    """Leave out empty values, which ask for nothing and violate no type for that (docs/api.md)."""
    return "" not in (query or {}).values()
