from __future__ import annotations

import ipaddress
import re

import msgspec
from rows import rows

from portcullis.engine.operation import UNROUTED
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.tls import CLIENT_CERTIFICATE
from portcullis.testing import FakeTransport, Playbook, settle
from portcullis.testing.playbook import LISTENER

GET = b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n"


async def test_a_kept_connection_serves_one_request_after_another(play):
    p = play()
    for _ in range(3):
        p.client_sends(GET)
        await settle()
        p.service_gets(b"GET /a HTTP/1.1\r\nhost: 127.0.0.1:9000\r\n")
        p.service_sends(OK)
        p.client_gets(b"HTTP/1.1 200 OK\r\n", b"content-length: 2\r\n\r\nok")
    assert len(p.service_connections) == 1
    p.client_is("")


async def test_a_pipelined_request_waits_for_the_answer_before_it(play):
    p = play()
    p.client_sends(GET + GET.replace(b"/a", b"/a?second"))
    await settle()
    p.service_gets(b"GET /a HTTP/1.1")
    p.service_sends(OK)
    p.client_gets(b"200 OK")
    await settle()
    p.service_gets(b"GET /a?second HTTP/1.1")


async def test_a_client_that_pipelines_without_end_is_not_read_any_more(play):
    p = play()
    p.client_sends(GET)
    for _ in range(80):
        p.client_sends(GET * 30)
    assert not p.client_transport.reading
    await settle()
    p.service_sends(OK)
    assert p.client_transport.reading


@rows("cut", range(1, len(GET)))
async def test_a_head_may_arrive_in_any_two_pieces(play, cut):
    p = play()
    p.client_sends(GET[:cut])
    p.client_sends(GET[cut:])
    await settle()
    p.service_gets(b"GET /a HTTP/1.1")


@rows("cut", range(1, len(POST) + 5))
async def test_a_body_may_arrive_in_any_two_pieces(play, cut):
    p = play()
    data = POST + b"hello"
    p.client_sends(data[:cut])
    await settle()
    p.client_sends(data[cut:])
    await settle()
    p.service_gets(b"POST /a HTTP/1.1", b"content-length: 5\r\n\r\nhello")


async def test_malformed_bytes_are_answered_400_and_the_connection_is_closed(play):
    p = play()
    p.client_sends(b"GET /a HTTP/1.1\r\nHost : shop\r\n\r\n")
    p.client_gets(b"HTTP/1.1 400 Bad Request\r\n", b"connection: close\r\n", b"guard.malformed_request")
    p.client_is("closed")
    assert [record.code for record in p.records] == ["guard.malformed_request"]


async def test_a_slow_head_is_answered_408_and_a_silent_connection_is_just_closed(play):
    p = play()
    p.client_sends(GET[:10])
    p.wait(9)
    p.client_gets()
    p.client_sends(GET[10:12])
    p.wait(2)
    p.client_gets(b"HTTP/1.1 408 Request Timeout\r\n", b"guard.request_timeout")
    p.client_is("closed")
    p.connect()
    p.wait(11)
    p.client_gets()
    p.client_is("closed")


async def test_a_slow_body_is_answered_408(play):
    p = play()
    p.client_sends(POST + b"he")
    await settle()
    p.wait(31)
    p.client_gets(b"HTTP/1.1 408", b"connection: close")


async def test_an_idle_kept_connection_is_closed_at_its_deadline(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"200")
    p.wait(74)
    p.client_is("")
    p.wait(2)
    p.client_is("closed")


async def test_a_client_that_does_not_take_the_answer_is_cut_off_at_its_deadline(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
    p.client.pause_writing()
    assert not p.service[1].reading
    p.wait(31)
    p.client_is("aborted")


async def test_a_client_that_takes_it_in_time_gets_the_rest(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
    p.client.pause_writing()
    p.wait(20)
    p.client.resume_writing()
    assert p.service[1].reading
    p.service_sends(b"whole")
    p.client_gets(b"half.whole")


async def test_a_client_that_never_takes_its_last_answer_is_cut_off(play):
    p = play()
    p.client_sends(b"nonsense\r\n\r\n")
    p.client_is("closed")
    p.wait(29)
    p.client_is("closed")
    p.wait(2)
    p.client_is("aborted")


async def test_http_1_0_is_answered_and_closed_unless_it_asks_to_be_kept(play):
    p = play()
    p.client_sends(b"GET /a HTTP/1.0\r\nHost: shop\r\n\r\n")
    await settle()
    p.service_sends(OK)
    p.client_gets(b"HTTP/1.1 200 OK", b"connection: close", b"ok")
    p.client_is("closed")
    p.connect()
    p.client_sends(b"GET /a HTTP/1.0\r\nHost: shop\r\nConnection: keep-alive\r\n\r\n")
    await settle()
    p.service_sends(OK)
    p.client_gets(b"connection: keep-alive", b"ok")
    p.client_is("")


async def test_an_answer_of_unknown_length_is_chunked_for_1_1_and_ends_with_the_connection_for_1_0(play):
    for version, expected in (
        (b"1.1", b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        (b"1.0", b"connection: close\r\n\r\nabc"),
    ):
        p = play()
        p.client_sends(b"GET /a HTTP/%b\r\nHost: shop\r\n\r\n" % version)
        await settle()
        p.service_sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
        p.client_gets(expected)
        p.service_goes()
        if version == b"1.1":
            p.client_gets(b"0\r\n\r\n")
        else:
            p.client_gets()
            p.client_is("closed")


@rows(("field", "status"), [(b"Connection: Upgrade\r\nUpgrade: h2c", b"400"), (b"Expect: miracles", b"417")])
async def test_what_is_not_offered_is_refused(play, field, status):
    p = play()
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n%b\r\n\r\n" % field)
    p.client_gets(b"HTTP/1.1 " + status)
    p.client_is("closed")


async def test_100_continue_is_sent_when_the_service_is_about_to_get_the_body(play):
    p = play()
    p.client_sends(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    p.client_gets(b"HTTP/1.1 100 Continue\r\n\r\n")
    await settle()
    p.client_sends(b"hello")
    p.service_gets(b"content-length: 5\r\n\r\nhello")


async def test_the_rest_of_a_small_refused_body_is_dropped_and_the_connection_kept(play):
    p = play()
    p.client_sends(POST.replace(b"/a", b"/b") + b"he")
    p.client_gets(b"HTTP/1.1 404")
    p.client_is("")
    p.client_sends(b"llo" + GET)
    await settle()
    p.service_gets(b"GET /a HTTP/1.1")


async def test_the_rest_of_a_large_refused_body_is_not_waited_for(play):
    p = play()
    p.client_sends(b"POST /b HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\nxx")
    p.client_gets(b"HTTP/1.1 404", b"connection: close")
    assert p.client_transport.ended
    p.client_is("")
    p.client_sends(b"x" * 1000)
    p.client_gets()
    p.wait(3)
    p.client_is("closed")


async def test_draining_closes_idle_connections_at_once_and_busy_ones_after_their_answer(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.gateway.drain()
    p.client_is("")
    p.service_sends(OK)
    p.client_gets(b"connection: close\r\n", b"ok")
    p.client_is("closed")
    p = play()
    p.gateway.drain()
    p.client_is("closed")


async def test_the_forwarding_fields_follow_the_host_of_each_request(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_gets(b"forwarded: for=192.0.2.1;host=shop;proto=http\r\n")
    p.service_sends(OK)
    p.client_gets(b"ok")
    p.client_sends(GET.replace(b"Host: shop", b"Host: shop:81"))
    p.service_gets(b'forwarded: for=192.0.2.1;host="shop:81";proto=http\r\n', b"x-forwarded-host: shop:81\r\n")


async def test_a_redirector_answers_everything_with_308_and_forwards_nothing(play):
    p = play()
    p.listener = msgspec.structs.replace(LISTENER, redirect_port=443)
    p.connect()
    p.client_sends(b"GET /a?x HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer x\r\n\r\n")
    p.client_gets(b"HTTP/1.1 308 Permanent Redirect\r\n", b"location: https://shop/a?x\r\n", b"connection: close")
    assert not p.service_connections


async def test_repr_shows_the_state(play):
    p = play()
    assert repr(p.client) == "<DownstreamConnection 192.0.2.1 idle>"
    p.client_sends(GET)
    assert re.search("busy", repr(p.client))


async def test_no_byte_of_a_connection_that_is_gone_is_looked_at(play):
    p: Playbook = play()
    p.client_sends(GET + GET)
    await settle()
    p.client_goes()
    await settle()
    assert [record.decision for record in p.records] == ["abort"]
    assert p.service[1].closed == "aborted"
    assert not p.gateway.connections


async def test_a_field_that_the_client_nominates_is_gone_before_anything_is_decided(play):
    p = play()
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Tenant: root\r\nConnection: keep-alive, X-Tenant\r\n\r\n")
    request = p.client._stream.exchange.request
    assert b"x-tenant" not in request.headers
    assert b"x-tenant" not in dict(request.fields)
    await settle()
    assert b"tenant" not in p.service_gets(b"GET /a HTTP/1.1")


@rows(("size", "kept"), [(100, True), (5000, False)])
async def test_an_idle_connection_remembers_its_last_head_only_if_it_is_small(play, size, kept):
    p = play()
    p.client_sends(GET.replace(b"\r\n\r\n", b"\r\nX-A: " + b"x" * size + b"\r\n\r\n"))
    await settle()
    p.service_sends(OK)
    assert (p.client._head is not None) == kept
    p.client_gets(b"200 OK")
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client_gets(b"200 OK")


async def test_a_client_that_does_not_take_its_answers_gets_no_more_until_it_does(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client.pause_writing()
    p.client_sends(GET)
    p.client_sends(GET.replace(b"/a", b"/a?third"))
    await settle()
    p.service_gets(b"GET /a HTTP/1.1")
    p.service_gets()
    p.client.resume_writing()
    await settle()
    p.service_gets(b"GET /a HTTP/1.1")
    p.service_sends(OK)
    await settle()
    p.service_gets(b"GET /a?third HTTP/1.1")


async def test_a_client_that_pipelines_and_reads_nothing_is_not_read_any_more_and_cut_off(play):
    p = play()
    p.client_sends(b"GET /none HTTP/1.1\r\nHost: shop\r\n\r\n")
    p.client.pause_writing()
    p.client_sends(GET * 3000)
    assert not p.client_transport.reading
    await settle()
    assert not p.service_connections
    p.wait(31)
    p.client_is("aborted")


async def test_a_body_has_its_deadline_again_once_the_client_takes_the_answer(play):
    p = play()
    p.client_sends(POST + b"he")
    await settle()
    p.client.pause_writing()
    p.client.resume_writing()
    p.wait(31)
    p.client_gets(b"HTTP/1.1 408")


async def test_a_client_that_took_everything_is_idle_again(play):
    p = play()
    p.client_sends(GET)
    await settle()
    p.service_sends(OK)
    p.client.pause_writing()
    p.client.resume_writing()
    p.wait(74)
    p.client_is("")
    p.wait(2)
    p.client_is("closed")


async def test_an_answer_that_begins_while_the_client_is_blocked_is_held_back_too(play):
    p = play()
    p.client_sends(GET)
    p.client.pause_writing()
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
    assert not p.service[1].reading
    p.client.resume_writing()
    assert p.service[1].reading


class Broken:
    def route(self, _request):
        raise LookupError("a secret of the request")

    def standing_in(self, _request):
        return UNROUTED


async def test_a_fault_of_ours_is_answered_500_recorded_and_the_connection_closed(play):
    p = play()
    p.gateway.snapshot = Broken()
    p.client_sends(GET + GET)
    answer = p.client_gets(b"HTTP/1.1 500", b"connection: close\r\n", b"guard.internal")
    assert b"secret" not in answer
    assert answer.count(b"HTTP/1.1") == 1
    p.client_is("closed")
    [record] = p.records
    finding = record.verdicts[-1].finding
    assert (record.code, finding.found) == ("guard.internal", "LookupError")
    assert "secret" not in repr(record)


async def test_a_fault_of_ours_in_a_pipelined_request_is_answered_too(play):
    p = play()
    p.client_sends(GET + GET)
    await settle()
    p.gateway.snapshot = Broken()
    p.service_sends(OK)
    await settle()
    p.client_gets(b"HTTP/1.1 200", b"HTTP/1.1 500")
    assert [record.status for record in p.records] == [200, 500]


async def test_an_idle_connection_keeps_nothing_of_a_large_head(play):
    p = play()
    p.client_sends(GET.replace(b"Host", b"Forwarded: " + b"x" * 5000 + b"\r\nHost"))
    await settle()
    p.service_sends(OK)
    p.client_gets(b"200")
    assert p.client._head is None
    assert p.client.renderer._fields is None


# Client certificates.

CERTIFICATE = PeerCertificate(b"a certificate")
PROXIES = (ipaddress.ip_network("192.0.2.0/24"),)


class SecureTransport(FakeTransport):
    """A transport whose client has proven a certificate."""

    def get_extra_info(self, name, default=None):
        return CERTIFICATE if name == CLIENT_CERTIFICATE else super().get_extra_info(name, default)


def connect(p, transport, **listener):
    """A new connection of the client, to a listener of its own."""
    p.listener = msgspec.structs.replace(LISTENER, **listener)
    p.client_transport = transport
    p.client = DownstreamConnection(p.gateway, p.listener)
    p.client.connection_made(transport)


@rows(
    ("transport", "listener", "field", "found"),
    [
        (FakeTransport, {}, b"", None),
        (FakeTransport, {}, b":b3RoZXI=:", None),
        (SecureTransport, {}, b"", b"a certificate"),
        (SecureTransport, {}, b":b3RoZXI=:", b"a certificate"),
        (FakeTransport, {"reads_certificate": True}, b":b3RoZXI=:", None),
        (SecureTransport, {"reads_certificate": True}, b":b3RoZXI=:", b"a certificate"),
        (FakeTransport, {"reads_certificate": True, "trusted_proxies": PROXIES}, b":b3RoZXI=:", b"other"),
        (SecureTransport, {"reads_certificate": True, "trusted_proxies": PROXIES}, b":b3RoZXI=:", b"other"),
        (SecureTransport, {"reads_certificate": True, "trusted_proxies": PROXIES}, b"", None),
        (SecureTransport, {"trusted_proxies": PROXIES}, b":b3RoZXI=:", b"a certificate"),
    ],
)
async def test_whose_certificate_a_request_comes_with(play, transport, listener, field, found):
    seen = []
    p = play(GET=[("head", lambda request, _facts: seen.append(request.certificate))])
    connect(p, transport(), **listener)
    head = GET.replace(b"\r\n\r\n", b"\r\nClient-Cert: %b\r\n\r\n" % field) if field else GET
    for _ in range(2):
        p.client_sends(head)
        await settle()
        assert b"client-cert" not in p.service_gets(b"GET /a").lower()
        p.service_sends(OK)
        p.client_gets(b"200 OK")
    assert [certificate and certificate.der for certificate in seen] == [found, found]
    assert seen[0] is seen[1], "it is read once for a connection"
