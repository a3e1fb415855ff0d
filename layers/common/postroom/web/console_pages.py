"""The console's page and its files: a shell that never changes, a script, a style and an icon.

The address of a file holds a hash of all files, so browsers keep them for ever. Nothing comes from
elsewhere, and nothing runs that is not a file. Every language has a script of its own, with the
strings of that language alone: what the modules import as `strings.js`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response

from postroom.domain.errors import NotFound
from postroom.web.languages import LANGUAGES, VARIES
from postroom.web.modules import one_script

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' {upload_address}; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class _Files:
    version: str
    content: dict[str, str]


def console_page(
    folder: Path, *, language: str, upload_address: str, known_etag: str
) -> Response[str]:
    """Answer the shell in a language; a browser that has it is told so.

    Beside the deployment itself the page may talk to where large files are uploaded, alone.
    """
    files = _files(folder)
    etag = f"{files.version}-{language}"
    headers = {
        **PAGE_HEADERS,
        "Content-Security-Policy": _POLICY.format(upload_address=upload_address),
        "Cache-Control": _ASK_AGAIN,
        "ETag": f'"{etag}"',
        "Vary": VARIES,
    }
    if etag in known_etag:
        return Response(status_code=304, content_type=_TYPES[".html"], body="", headers=headers)
    return Response(
        status_code=200,
        content_type=_TYPES[".html"],
        body=files.content["index.html"]
        .replace("{version}", files.version)
        .replace("{language}", language),
        headers=headers,
        compress=True,
    )


def console_file(folder: Path, version: str, name: str) -> Response[str]:
    """Answer a file of the console. Raises NotFound.

    An old page that is still open gets what there is now: the names stay.
    """
    files = _files(folder)
    content = files.content.get(name)
    if content is None or name == "index.html":
        raise NotFound("There is no such file.")
    return Response(
        status_code=200,
        content_type=_TYPES[Path(name).suffix],
        body=content,
        headers={"Cache-Control": _FOR_EVER if version == files.version else _ASK_AGAIN},
        compress=True,
    )


def console_script(modules: Mapping[str, str], language: str) -> str:
    """Return what the console's page runs in a language. Raises MalformedModule."""
    strings = modules[f"strings.{language}.js"]
    return one_script({**modules, "strings.js": strings}, entry="app.js")


@lru_cache
def _files(folder: Path) -> _Files:
    content = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    }
    modules = {name: content.pop(name) for name in [*content] if name.endswith(".js")}
    content |= {
        f"console.{language}.js": console_script(modules, language) for language in LANGUAGES
    }
    digest = hashlib.sha256("\0".join(f"{name}\0{text}" for name, text in content.items()).encode())
    return _Files(digest.hexdigest()[:16], content)
