"""The bootstrap finds uv's wheel in any package index, and believes none without a checksum."""

import io
import platform
import sys
import zipfile
from pathlib import Path

import pytest

from local.bootstrap import chosen_wheel, pip_settings, uv_of_wheel

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
