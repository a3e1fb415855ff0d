"""Calling webhooks: strangers' servers, which may be anything, and whose names may lead anywhere.

A host is looked up once, its addresses are checked, and the connection is made to one of those: a
name that leads elsewhere at the next look-up (DNS rebinding) changes nothing. TLS asks for the
certificate of the name, as always. No proxy, no redirect, no cookie; of the answer only the status
counts, and all of it has to come within `CALL_LIMIT`, however slowly it drips.
"""

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from postroom.domain.delivery import CALL_LIMIT, Answer, CallFailure
from postroom.domain.errors import InvalidRequest
from postroom.domain.webhook import checked_addresses
from postroom.ports import HostAddresses

_MOST_READ_BYTES = 16_384
"""Of an answer's body, so that its sender is not cut off in the middle of a word; for nothing."""

_PIECE_BYTES = 16_384

_Options = Iterable[Any]


class PublicWebhookCaller:
    """Calls public addresses, and the local stack's own machine where there is one."""

    def __init__(
        self,
        host_addresses: HostAddresses,
        *,
        local_host: str = "",
        limit_seconds: float = CALL_LIMIT.total_seconds(),
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._host_addresses = host_addresses
        self._local_host = local_host
        self._limit_seconds = limit_seconds
        self._trusted = trusted or httpcore.default_ssl_context()

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post something to an address that is checked once more."""
        deadline = time.monotonic() + self._limit_seconds
        addresses: Sequence[str] = ()

        def looked_up(host: str) -> Sequence[str]:
            nonlocal addresses
            addresses = self._host_addresses(host)
            return addresses

        try:
            checked_addresses(url, addresses=looked_up, local_host=self._local_host)
        except InvalidRequest:
            failure = CallFailure.PRIVATE_ADDRESS if addresses else CallFailure.NO_ADDRESS
            return Answer(failure=failure)
        return self._post(url, body, headers, _CheckedBackend(addresses, deadline))

    def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], backend: "_CheckedBackend"
    ) -> Answer:
        # Said here, since httpcore takes the brackets off an IPv6 address.
        named = [("host", urlsplit(url).netloc), *headers.items()]
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._trusted, network_backend=backend, http1=True, http2=False
                ) as pool,
                pool.stream("POST", url, headers=named, content=body) as response,
            ):
                _read_a_little(response)
                return Answer(status=response.status)
        except httpcore.TimeoutException:
            return Answer(failure=CallFailure.TOO_SLOW)
        except _NoTrust:
            return Answer(failure=CallFailure.NO_TRUST)
        except httpcore.ConnectError:
            return Answer(failure=CallFailure.NO_CONNECTION)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return Answer(failure=CallFailure.NO_ANSWER)


def _read_a_little(response: httpcore.Response) -> None:
    read = 0
    # What becomes of the body changes nothing.
    with suppress(httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        for part in response.iter_stream():
            read += len(part)
            if read >= _MOST_READ_BYTES:
                return


class _NoTrust(Exception):
    """The other side cannot prove who it is."""


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, whatever host is asked for, until the deadline."""

    def __init__(self, addresses: Sequence[str], deadline: float) -> None:
        # Lambda outside a VPC reaches nobody by IPv6, so that comes last.
        self._addresses = sorted(addresses, key=lambda each: ip_address(each).version)
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - has been looked up
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline stands
        local_address: str | None = None,
        socket_options: _Options | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; each gets its share of the time left."""
        problem: Exception = httpcore.ConnectTimeout()
        for place, address in enumerate(self._addresses):
            share = _left(self._deadline) / (len(self._addresses) - place)
            try:
                stream = self._sockets.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                return _HurriedStream(stream, self._deadline)
        raise problem


class _HurriedStream(httpcore.NetworkStream):
    """A connection on which nothing waits beyond the deadline of the whole call."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what comes, until the deadline."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all of it, until the deadline."""
        # In pieces: the time of a write begins anew whenever the other side takes a byte.
        for start in range(0, len(buffer), _PIECE_BYTES):
            self._stream.write(buffer[start : start + _PIECE_BYTES], _left(self._deadline))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Agree on TLS, until the deadline; the certificate has to be the host's."""
        left = _left(self._deadline)
        try:
            secured = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise _NoTrust from error
            raise
        return _HurriedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Tell about the connection."""
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole call is over")
    return left
