"""Calls of webhooks, against servers of the test's own that behave like strangers'."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postroom.domain.delivery import Answer, CallFailure
from postroom.network.webhook_calls import PublicWebhookCaller, _CheckedBackend

HOST = "hooks.example.com"
"""No DNS leads from it to this machine: who gets here has used the address that was checked."""

Speech = Callable[[socket.socket], None]


@contextmanager
def stranger(
    speak: Speech, *, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one connection after the other; gives the port, and what was heard of each request."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if done.is_set():
                        return
                    try:
                        with _secured(connection, tls) as spoken:
                            heard.append(_request(spoken))
                            speak(spoken)
                    except OSError:
                        continue  # the caller went away

        done = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield port, heard
        finally:
            done.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def _secured(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return connection.dup() if tls is None else tls.wrap_socket(connection, server_side=True)


def _request(connection: socket.socket) -> bytes:
    heard = b""
    while b"the end" not in heard:
        part = connection.recv(65_536)
        if not part:
            break
        heard += part
    return heard


def saying(text: str) -> Speech:
    """Answer something."""
    return lambda connection: connection.sendall(text.encode())


def caller(*addresses: str, limit_seconds: float = 10) -> PublicWebhookCaller:
    """Return a caller for whom the host is this machine, or wherever its DNS says."""
    found = addresses or ("127.0.0.1",)
    return PublicWebhookCaller(
        lambda _host: found, local_host=HOST, limit_seconds=limit_seconds, trusted=_no_trust()
    )


def _no_trust() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def call(port: int, with_: PublicWebhookCaller) -> Answer:
    """Post something to the stranger."""
    return with_(f"http://{HOST}:{port}/hook?a=b", b'{"the end": 1}', {"x-nylas-signature": "abc"})


@pytest.mark.parametrize("status", [200, 204, 404, 500])
def test_what_is_sent_arrives_and_the_status_comes_back(status: int) -> None:
    """At the address that was checked, under the host's own name."""
    with stranger(saying(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n")) as (port, heard):
        assert call(port, caller()) == Answer(status=status)

    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /hook?a=b http/1.1"
    assert f"host: {HOST}:{port}" in lines
    assert {"content-length: 14", "x-nylas-signature: abc"} <= set(lines)
    assert body == b'{"the end": 1}'


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    """It could lead into the private network, or give the event to somebody else."""
    elsewhere = saying(
        "HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    )
    with stranger(elsewhere) as (port, heard):
        assert call(port, caller()) == Answer(status=307)

    assert len(heard) == 1


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """The status is there with the first line."""

    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 x\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with stranger(pour) as (port, _):
        assert call(port, caller()) == Answer(status=200)


def test_a_body_that_does_not_come_changes_nothing() -> None:
    """Whoever says 200 has taken the event."""

    def stop(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nhalf")

    with stranger(stop) as (port, _):
        assert call(port, caller()) == Answer(status=200)


def test_an_answer_that_drips_does_not_hold_the_caller() -> None:
    """Each byte comes in time, and the whole of it never would."""

    def drip(connection: socket.socket) -> None:
        for letter in b"HTTP/1.1 200 " + b"x" * 10_000:
            connection.sendall(bytes([letter]))
            time.sleep(0.02)

    began = time.monotonic()
    with stranger(drip) as (port, _):
        assert call(port, caller(limit_seconds=0.4)) == Answer(failure=CallFailure.TOO_SLOW)
        assert time.monotonic() - began < 5


def test_silence_ends_as_well() -> None:
    """Nobody waits beyond the limit."""

    def say_nothing(connection: socket.socket) -> None:
        connection.recv(1)

    with stranger(say_nothing) as (port, _):
        assert call(port, caller(limit_seconds=0.3)) == Answer(failure=CallFailure.TOO_SLOW)


@pytest.mark.parametrize("answer", ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 x\r\nx: y"])
def test_what_is_no_answer_is_none(answer: str) -> None:
    """Nothing, another protocol, half a head."""
    with stranger(saying(answer)) as (port, _):
        assert call(port, caller()) == Answer(failure=CallFailure.NO_ANSWER)


def test_headers_without_end_are_no_answer() -> None:
    """They are not gathered in memory."""

    def boast(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 x\r\n")
        while True:
            connection.sendall(b"x-more: " + b"y" * 10_000 + b"\r\n")

    with stranger(boast) as (port, _):
        assert call(port, caller()) == Answer(failure=CallFailure.NO_ANSWER)


def test_nobody_there_is_no_connection() -> None:
    """A closed port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert call(port, caller()) == Answer(failure=CallFailure.NO_CONNECTION)


def test_another_address_of_the_host_is_tried() -> None:
    """Lambda reaches nobody by IPv6, and a host may have a dead machine."""
    with stranger(saying("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n")) as (port, _):
        assert call(port, caller("::1", "127.0.0.9", "127.0.0.1")) == Answer(status=200)


@pytest.mark.parametrize(
    ("addresses", "failure"),
    [
        ([], CallFailure.NO_ADDRESS),
        (["127.0.0.1"], CallFailure.PRIVATE_ADDRESS),
        (["169.254.169.254"], CallFailure.PRIVATE_ADDRESS),
        (["93.184.215.14", "10.0.0.7"], CallFailure.PRIVATE_ADDRESS),
        (["::ffff:10.0.0.7"], CallFailure.PRIVATE_ADDRESS),
    ],
)
def test_a_host_that_has_moved_inwards_is_not_called(
    addresses: list[str], failure: CallFailure
) -> None:
    """It was public when its webhook was saved. It is looked up once, so that it cannot change."""
    asked: list[str] = []

    def addresses_of(host: str) -> list[str]:
        asked.append(host)
        return addresses

    with stranger(saying("HTTP/1.1 200 x\r\n\r\n")) as (port, heard):
        answer = PublicWebhookCaller(addresses_of)(f"https://{HOST}:{port}/", b"the end", {})

    assert answer == Answer(failure=failure)
    assert (asked, heard) == ([HOST], [])


@pytest.mark.parametrize("url", ["http://93.184.215.14/", "http://127.0.0.1:1/", "gopher://x/"])
def test_plain_http_is_for_the_local_stack(url: str) -> None:
    """A webhook that somebody brought into the table otherwise is not called either."""
    nobody = PublicWebhookCaller(lambda host: [host], local_host="127.0.0.2")
    assert nobody(url, b"", {}).status is None


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        (HOST, Answer(status=200)),
        ("other.example.com", Answer(failure=CallFailure.NO_TRUST)),
    ],
)
def test_the_certificate_has_to_be_the_hosts(tmp_path: Path, named: str, answer: Answer) -> None:
    """The connection goes to an address; what is asked for is still the name."""
    file = tmp_path / "certificate.pem"
    file.write_bytes(_certificate(named))
    ours, theirs = _no_trust(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_verify_locations(file)
    theirs.load_cert_chain(file)
    trusting = PublicWebhookCaller(lambda _: [], trusted=ours)
    spoken = saying("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n")
    with stranger(spoken, tls=theirs) as (port, _):
        # Its address is this machine's, which the check before it would refuse.
        to_here = _CheckedBackend(["127.0.0.1"], time.monotonic() + 10)
        assert trusting._post(f"https://{HOST}:{port}/", b"the end", {}, to_here) == answer


def _certificate(host: str) -> bytes:
    """Return a key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
