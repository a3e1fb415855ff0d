"""Write the document of the API, or tell whether there is something to write."""

import json
import sys
from pathlib import Path

import postroom.web
from docs.openapi.document import document

GOLDEN = Path(postroom.web.__file__).parent / "openapi.json"


def main() -> int:
    """Write, or with `--check` only compare."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] != ["--check"]:
        GOLDEN.write_text(text, encoding="utf-8")
        return 0
    if not GOLDEN.exists() or GOLDEN.read_text(encoding="utf-8") != text:
        print(
            "layers/common/postroom/web/openapi.json is not what the code says: run `make format`."
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
