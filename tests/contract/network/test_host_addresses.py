"""The look-up of a host's addresses, against a name server of the test's own."""

import socket
import threading

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver

from postroom.network.host_addresses import host_addresses


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("hooks.example.com", {"93.184.215.14", "2001:db8::7"}),
        ("nobody.example.com", set()),
        ("10.0.0.1", {"10.0.0.1"}),
        ("::1", {"::1"}),
        ("a..b", set()),
        ("\ud800", set()),
    ],
)
def test_hosts_are_where_the_dns_says(host: str, found: set[str]) -> None:
    """Both kinds of addresses; an address is its own; nobody is nowhere."""
    records = {"A": "93.184.215.14", "AAAA": "2001:db8::7"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, asker = server.recvfrom(4096)
                if not packet:
                    return
                answer = dns.message.make_response(dns.message.from_wire(packet))
                question = answer.question[0]
                if question.name.to_text() == "hooks.example.com.":
                    kind = dns.rdatatype.to_text(question.rdtype)
                    answer.answer.append(
                        dns.rrset.from_text(question.name, 60, "IN", kind, records[kind])
                    )
                else:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                server.sendto(answer.to_wire(), asker)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        try:
            assert set(host_addresses(host, resolver=resolver)) == found
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()
