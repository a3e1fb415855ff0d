"""Bring uv and the locked dependencies, with nothing but Python's standard library.

    uv in PATH, new enough ──────────────────────────────────► use it
      └─ no ─► `pip install --target .local/uv`  ── works ────► use that
                 └─ no pip, or pip fails ─► the wheel from the package index, checksum checked

`--target` also works where the system's pip refuses to install (PEP 668), and needs no venv.
Then `uv sync --locked` makes .venv.
"""

import base64
import configparser
import hashlib
import http.client
import importlib.util
import io
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

PROJECT = Path(__file__).resolve().parent.parent
OWN_UV = PROJECT / ".local" / "uv"
UV_LINK = PROJECT / ".local" / "bin" / "uv"
# The first that reads the lock file's format and knows every option that is used here.
OLDEST_UV = (0, 8)
_SECONDS = 60


class CannotGoOn(Exception):
    """What is missing, in one sentence for the person at the terminal."""


def main() -> int:
    """Bring uv, then the dependencies."""
    try:
        uv = found_uv() or installed_uv()
        UV_LINK.parent.mkdir(parents=True, exist_ok=True)
        UV_LINK.unlink(missing_ok=True)
        UV_LINK.symlink_to(uv)
        synchronise(uv)
    except CannotGoOn as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


def synchronise(uv: Path) -> None:
    """Install the locked dependencies into .venv. Raises CannotGoOn."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV")}
    command = [str(uv), "sync", "--locked", "--quiet"]
    if not (PROJECT / ".venv" / "bin" / "python").exists():
        command += ["--python", sys.executable]
    started = time.monotonic()
    print("  dependencies, into .venv ...", flush=True)
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
    if done.returncode != 0:
        raise CannotGoOn(
            "The locked dependencies could not be installed: uv says above what it could not "
            "reach or build."
        )
    (PROJECT / ".venv" / "synced").touch()
    print(f"  {'dependencies':<44}{time.monotonic() - started:6.1f} s", flush=True)


def found_uv() -> Path | None:
    """Find a uv that works and is new enough: in PATH, or brought here earlier."""
    own = OWN_UV / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(own) if own.exists() else None):
        if candidate and _version(Path(candidate)) >= OLDEST_UV:
            return Path(candidate)
    return None


def _version(uv: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([str(uv), "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    number = re.search(r"(\d+)\.(\d+)", said.stdout)
    return tuple(map(int, number.groups())) if number else ()


def installed_uv() -> Path:
    """Install uv into .local/uv, with pip when it can, else from its wheel. Raises CannotGoOn."""
    print("uv is missing: installing it into .local/uv", flush=True)
    shutil.rmtree(OWN_UV, ignore_errors=True)
    uv = OWN_UV / "bin" / "uv"
    if not (_pip_installed() and _version(uv)):
        shutil.rmtree(OWN_UV, ignore_errors=True)
        uv.parent.mkdir(parents=True)
        uv.write_bytes(uv_of_wheel(fetched_wheel()))
        uv.chmod(0o755)
    if not _version(uv):
        raise CannotGoOn("uv was installed into .local/uv but does not run on this machine.")
    return uv


def _pip_installed() -> bool:
    if importlib.util.find_spec("pip") is None:
        return False
    oldest = ".".join(map(str, OLDEST_UV))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(OWN_UV)]
    # --target leaves the system alone, so settings that protect it need not stop us.
    environment = os.environ | {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}
    done = subprocess.run(
        [*command, f"uv>={oldest}"], env=environment, stderr=subprocess.PIPE, check=False
    )
    return done.returncode == 0


# ------------------------------------------------------------------ from the index, without pip


class _Links(HTMLParser):
    """The files that a simple-index page (PEP 503) offers."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the address of each link that is not yanked (PEP 592)."""
        attributes = dict(attrs)
        if tag == "a" and "data-yanked" not in attributes and attributes.get("href"):
            self.addresses.append(str(attributes["href"]))


def pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Read pip's settings: its files, from the most general to the most special, then PIP_*."""
    home = Path(environment.get("HOME", "/"))
    files = [
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(environment.get("XDG_CONFIG_HOME", home / ".config")) / "pip" / "pip.conf",
    ]
    if own := environment.get("PIP_CONFIG_FILE"):
        files.append(Path(own))
    settings: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        parser.read(file)
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= dict(parser.items(section))
    for name, value in environment.items():
        if name.startswith("PIP_"):
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def fetched_wheel() -> bytes:
    """Fetch uv's newest wheel for this machine and check its sha256. Raises CannotGoOn."""
    settings = pip_settings(os.environ)
    indexes = [settings.get("index-url", "https://pypi.org/simple")]
    indexes += settings.get("extra-index-url", "").split()
    failures = []
    for number, index in enumerate(indexes, start=1):
        try:
            address, authorization = without_userinfo(index)
            opener = _opener(settings, _Authorization(address, authorization))
            page = _page(opener, f"{address.rstrip('/')}/uv/")
            address, checksum = chosen_wheel(*page)
            wheel = _fetch(opener, address)
        except (OSError, LookupError) as error:
            failures.append(f"{urlsplit(index).hostname or 'a local index'}: {error}")
            continue
        except (http.client.HTTPException, ValueError) as error:
            # Their text may hold the whole address, and a password in it.
            failures.append(f"index {number}: {type(error).__name__}")
            continue
        if hashlib.sha256(wheel).hexdigest() != checksum:
            raise CannotGoOn("The uv wheel that the package index gave has a wrong checksum.")
        return wheel
    raise CannotGoOn(
        "uv is missing and could not be fetched from the package index "
        f"({'; '.join(failures)}): install uv yourself (https://docs.astral.sh/uv/) and try again."
    )


def without_userinfo(address: str) -> tuple[str, str]:
    """Take `user:password@` out of an address; returns it as an Authorization header (RFC 7617).

    The header is empty when the address has none. Raises ValueError for what is no address.
    """
    parts = urlsplit(address)
    userinfo, _, host = parts.netloc.rpartition("@")
    if not userinfo:
        return parts._replace(netloc=host).geturl(), ""
    credentials = base64.b64encode(unquote(userinfo).encode()).decode()
    return parts._replace(netloc=host).geturl(), f"Basic {credentials}"


class _Authorization(urllib.request.BaseHandler):
    """Tells the index who asks, and no other host that it leads to."""

    def __init__(self, index: str, authorization: str) -> None:
        self._origin = urlsplit(index)[:2]
        self._authorization = authorization

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the header to a request to the index, redirected ones included."""
        if self._authorization and urlsplit(request.full_url)[:2] == self._origin:
            request.add_unredirected_header("Authorization", self._authorization)
        return request

    https_request = http_request


def _opener(
    settings: Mapping[str, str], authorization: _Authorization
) -> urllib.request.OpenerDirector:
    authorities = settings.get("cert") or os.environ.get("SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=authorities)
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPSHandler(context=context),
        authorization,
    ]
    if proxy := settings.get("proxy"):
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    return urllib.request.build_opener(*handlers)


def _page(opener: urllib.request.OpenerDirector, address: str) -> tuple[str, list[str]]:
    if address.startswith("file:"):
        address += "index.html"
    links = _Links()
    links.feed(_fetch(opener, address).decode())
    return address, links.addresses


def _fetch(opener: urllib.request.OpenerDirector, address: str) -> bytes:
    with opener.open(address, timeout=_SECONDS) as response:
        content: bytes = response.read()
    return content


def chosen_wheel(page: str, links: list[str]) -> tuple[str, str]:
    """Choose the newest wheel for this machine: its address and sha256. Raises LookupError."""
    candidates = sorted(_wheels(links), reverse=True)
    if not candidates:
        raise LookupError("it has no uv wheel with a checksum for this machine")
    _, link, checksum = candidates[0]
    return urljoin(page, link), checksum


def _wheels(links: list[str]) -> Iterator[tuple[tuple[int, ...], str, str]]:
    for link in links:
        name = urlsplit(link).path.rsplit("/", 1)[-1]
        found = re.fullmatch(r"uv-(\d+)\.(\d+)\.(\d+)-py3-none-(.+)\.whl", name)
        checksum = re.fullmatch(r"sha256=([0-9a-f]{64})", urlsplit(link).fragment)
        if found and checksum and _fits(found[4]):
            yield tuple(map(int, found.groups()[:3])), link.split("#")[0], checksum[1]


def _fits(platform_tags: str) -> bool:
    machine = platform.machine()
    if sys.platform == "darwin":
        return "macosx" in platform_tags and machine in platform_tags
    family = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return any(tag.startswith(family) and tag.endswith(machine) for tag in platform_tags.split("."))


def uv_of_wheel(wheel: bytes) -> bytes:
    """Take the program out of uv's wheel."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".data/scripts/uv")]
        return archive.read(name)


if __name__ == "__main__":
    sys.exit(main())
