"""The look-up of mail servers, against a name server of the test's own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Answer, Resolver

from postroom.providers.mail_servers import LOOKUP_LIMIT, mail_servers

ZONE = {
    "workspace.example.": ["20 alt.aspmx.example.", "5 aspmx.example.", "10 mid.example."],
    "null.example.": ["0 ."],
}


class NotingResolver(Resolver):
    """Notes how many seconds it is given for each look-up."""

    def __init__(self) -> None:
        super().__init__(configure=False)
        self.lifetimes: list[float] = []

    def resolve(self, *arguments: Any, **named: Any) -> Answer:
        """Look up as any resolver."""
        self.lifetimes.append(named["lifetime"])
        return super().resolve(*arguments, **named)


@contextmanager
def _name_server(*, silent: bool = False) -> Iterator[NotingResolver]:
    """A name server that knows the zone above and answers over UDP, or not at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, asker = server.recvfrom(4096)
                if not packet:
                    return
                query = dns.message.from_wire(packet)
                answer = dns.message.make_response(query)
                name = query.question[0].name.to_text()
                if name in ZONE:
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *ZONE[name]))
                else:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                if not silent:
                    server.sendto(answer.to_wire(), asker)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = NotingResolver()
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.getsockname()[1]
        try:
            yield resolver
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def test_servers_come_in_the_order_of_preference() -> None:
    """RFC 5321 section 5.1: the lowest number first."""
    with _name_server() as resolver:
        assert mail_servers("workspace.example", resolver=resolver) == [
            "aspmx.example.",
            "mid.example.",
            "alt.aspmx.example.",
        ]
        assert mail_servers("null.example", resolver=resolver) == ["."]


@pytest.mark.parametrize(
    "domain",
    ["nobody.example", "", "..", "a..b", "x" * 64 + ".example", "\ud800.example", "ü.example"],
)
def test_a_domain_without_an_answer_has_none(domain: str) -> None:
    """What does not exist, or cannot."""
    with _name_server() as resolver:
        assert mail_servers(domain, resolver=resolver) == []


def test_a_silent_name_server_costs_two_seconds_at_most() -> None:
    """A sign-in waits for this; dnspython counts the seconds that it is given."""
    with _name_server(silent=True) as resolver:
        assert mail_servers("workspace.example", resolver=resolver) == []
        assert resolver.lifetimes == [LOOKUP_LIMIT.total_seconds()] == [2]
