"""What the contracts of every provider are tried with."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus" / "malformed"
OWN_SAMPLES = {
    "empty": b"",
    "only headers": b"Subject: x",
    "broken base64": b"Content-Transfer-Encoding: base64\r\n\r\n!!!!=",
    "raw bytes in headers": b"Subject: caf\xe9 \x00\r\nFrom: \xff\r\n\r\nx",
    "very deep": b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(500)
    ),
    "endless references": b"References: " + b"<a@b> " * 20_000 + b"\r\n\r\nx",
}


@pytest.fixture(params=["own samples", "corpus"])
def malformed(request: pytest.FixtureRequest) -> dict[str, bytes]:
    if request.param == "own samples":
        return OWN_SAMPLES
    files = sorted(CORPUS.glob("*.eml"))
    if not files:
        pytest.skip("../shared/corpus is not on this machine")
    return {path.name: path.read_bytes() for path in files}
