"""The bootstrap finds uv's wheel in any package index, and believes none without a checksum."""

import base64
import hashlib
import io
import platform
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local.bootstrap import CannotGoOn, chosen_wheel, fetched_wheel, pip_settings, uv_of_wheel

TAGS = (
    f"macosx_11_0_{platform.machine()}"
    if sys.platform == "darwin"
    else f"manylinux_2_17_{platform.machine()}.manylinux2014_{platform.machine()}"
    if platform.libc_ver()[0] == "glibc"
    else f"musllinux_1_1_{platform.machine()}"
)
CHECKSUM = "0" * 64


def link(version: str, tags: str = TAGS, fragment: str = f"#sha256={CHECKSUM}") -> str:
    return f"../../files/uv-{version}-py3-none-{tags}.whl{fragment}"


def test_newest_wheel_for_this_machine_is_chosen() -> None:
    """Versions are compared as numbers, other machines' wheels and other files are passed over."""
    links = [link("0.9.30"), link("0.13.8"), link("0.14.0", "win_amd64"), "uv-0.15.0.tar.gz"]

    address, checksum = chosen_wheel("https://index.example/simple/uv/", links)

    assert address == f"https://index.example/files/uv-0.13.8-py3-none-{TAGS}.whl"
    assert checksum == CHECKSUM


def test_wheel_without_checksum_is_not_taken() -> None:
    """An index that gives no sha256 gives nothing that we run."""
    with pytest.raises(LookupError):
        chosen_wheel("https://index.example/simple/uv/", [link("0.13.8", fragment="")])


def test_pip_settings_come_from_files_and_environment(tmp_path: Path) -> None:
    """The environment wins over pip's own file, as it does in pip."""
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://file.example/simple\nproxy = http://p:1\n")
    environment = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": str(config),
        "PIP_INDEX_URL": "https://environment.example/simple",
    }

    settings = pip_settings(environment)

    assert settings["index-url"] == "https://environment.example/simple"
    assert settings["proxy"] == "http://p:1"


def test_program_is_taken_out_of_the_wheel() -> None:
    """A wheel keeps programs among its data scripts."""
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("uv/__init__.py", "")
        archive.writestr("uv-0.13.8.data/scripts/uvx", "other")
        archive.writestr("uv-0.13.8.data/scripts/uv", "program")

    assert uv_of_wheel(wheel.getvalue()) == b"program"


class PrivateIndex(BaseHTTPRequestHandler):
    """A package index with one wheel, for one user."""

    def do_GET(self) -> None:
        """Answer the user, and refuse everybody else."""
        user = "Basic " + base64.b64encode(b"ada:s3c/ret").decode()
        wheel = b"the wheel"
        page = link("0.13.8", fragment=f"#sha256={hashlib.sha256(wheel).hexdigest()}")
        self.send_response(200 if self.headers["Authorization"] == user else 401)
        self.end_headers()
        is_page = self.path == "/simple/uv/"
        self.wfile.write(f'<a href="{page}">uv</a>'.encode() if is_page else wheel)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
        """Write nothing."""


@contextmanager
def private_index() -> Iterator[str]:
    """Run the index; gives its host and port."""
    with HTTPServer(("127.0.0.1", 0), PrivateIndex) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set pip's environment; the machine's own settings have no say."""
    for name in ("PIP_PROXY", "PIP_EXTRA_INDEX_URL", "PIP_CERT"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return monkeypatch


def test_an_index_is_told_the_password_of_its_address(pip: pytest.MonkeyPatch) -> None:
    """The address went to the connection as it was, which took the password for a port."""
    with private_index() as host:
        pip.setenv("PIP_INDEX_URL", f"http://ada:s3c%2Fret@{host}/simple")
        assert fetched_wheel() == b"the wheel"


@pytest.mark.parametrize("host", ["127.0.0.1:port", "127.0.0.1:1", "[127", "a b", "\u2100"])
def test_a_password_is_in_no_error(pip: pytest.MonkeyPatch, host: str) -> None:
    """An index that cannot be asked printed its whole address, password included."""
    pip.setenv("PIP_INDEX_URL", f"http://ada:s3cret@{host}/simple")
    with pytest.raises(CannotGoOn) as reason:
        fetched_wheel()
    assert "s3cret" not in str(reason.value)
