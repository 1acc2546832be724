from __future__ import annotations

import ipaddress

import msgspec

from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.request import RequestView
from portcullis.mounts.reverse_proxy.peer import Peer
from portcullis.testing import FakeTransport
from portcullis.testing.playbook import LISTENER

BEHIND = msgspec.structs.replace(LISTENER, trusted_proxies=(ipaddress.ip_network("192.0.2.0/24"),))
REPORT = {b"x-forwarded-for": b"203.0.113.9", b"x-forwarded-proto": b"https"}


class Head(msgspec.Struct):
    """The head of a request."""

    headers: dict[bytes, bytes] = {}
    method: str = "GET"
    target: str = "/"
    host: str = "shop"


def asked(peer: Peer, headers: dict[bytes, bytes]) -> RequestView:
    return peer.request(Head(headers), (), headers, has_body=False)


def test_who_is_not_trusted_speaks_for_himself():
    peer = Peer(FakeTransport(), LISTENER)
    assert (peer.address, peer.trusted) == ("192.0.2.1", False)
    request = asked(peer, REPORT)
    assert (request.scheme, request.client) == ("http", "192.0.2.1")
    assert (request.method, request.target, request.host, request.has_body) == ("GET", "/", "shop", False)


def test_a_trusted_proxy_says_who_is_behind_it_and_by_which_scheme():
    peer = Peer(FakeTransport(), BEHIND)
    request = asked(peer, REPORT)
    assert (request.scheme, request.client) == ("https", "203.0.113.9")
    assert asked(peer, {b"x-forwarded-proto": b"gopher"}).scheme == "http"


def test_what_is_for_one_connection_is_not_in_the_request():
    head = Head({**REPORT, b"connection": b"x-a", b"x-a": b"1"})
    fields = ((b"accept", b"a"),)
    request = Peer(FakeTransport(), BEHIND).request(head, fields, dict(fields), has_body=True)
    assert (request.fields, request.headers, request.has_body) == (fields, {b"accept": b"a"}, True)
    assert request.client == "203.0.113.9"


def test_a_socket_without_a_name_has_no_address():
    transport = FakeTransport()
    transport._extra = {}
    assert Peer(transport, BEHIND).address == ""


def test_the_certificate_is_the_connections_own():
    transport = FakeTransport()
    certificate = PeerCertificate(b"der", lambda: [b"der"])
    transport._extra["client_certificate"] = certificate
    assert asked(Peer(transport, LISTENER), {}).certificate is certificate
    assert asked(Peer(FakeTransport(), LISTENER), {}).certificate is None


def test_only_what_a_trusted_proxy_reports_counts_where_the_listener_reads_it():
    listener = msgspec.structs.replace(BEHIND, reads_certificate=True)
    transport = FakeTransport()
    transport._extra["client_certificate"] = PeerCertificate(b"proxy", list)
    assert asked(Peer(transport, listener), {}).certificate is None


def test_services_are_told_by_which_protocol_a_request_came():
    peer = Peer(FakeTransport(), LISTENER, b"via: 2.0 portcullis\r\n")
    request = RequestView("GET", "/", (), {b"host": b"shop"}, scheme="http", client=peer.address)
    fields = peer.forwarding_fields(request)
    assert fields.startswith(b"forwarded: for=192.0.2.1;host=shop;proto=http\r\n")
    assert fields.endswith(b"\r\nvia: 2.0 portcullis\r\n")
    assert peer.forwarding_fields(request) is fields
    request.headers = {b"host": b"other"}
    assert b"host=other" in peer.forwarding_fields(request)
