"""Request bodies that stream past what looks at them, and content codings."""

from __future__ import annotations

import gzip

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.testing import settle

BAD = Code("test.bad", 400, "Bad")
CHUNKED = b"POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"


def post(length: int, *fields: bytes) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n%b\r\n" % (length, b"".join(fields))


class Scanner:
    """Refuses at the first piece with ``bad`` in it, and a body that ends without ``end``."""

    held = 0

    def __init__(self) -> None:
        self.seen = b""

    def feed(self, data):
        self.seen += data
        return Refuse(BAD) if b"bad" in self.seen else None

    def end(self):
        return None if self.seen.endswith(b"end") else Refuse(BAD)


def scanning(scanners):
    def open_scanner(_request, _facts):
        scanners.append(Scanner())
        return scanners[-1]

    return open_scanner


async def test_a_body_that_streams_is_scanned_piece_by_piece_and_sent_on(play):
    scanners: list[Scanner] = []
    p = play(POST=[("stream", scanning(scanners))])
    p.client_sends(post(9) + b"one")
    await settle()
    p.service_gets(b"content-length: 9\r\n", b"\r\none")
    p.client_sends(b"two")
    p.service_gets(b"two")
    p.client_sends(b"end")
    p.service_gets(b"end")
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    p.client_gets(b"200 OK")
    assert scanners[0].seen == b"onetwoend"
    assert [(verdict.policy, verdict.outcome) for verdict in p.records[0].verdicts] == [("test.0", "allow")]


async def test_what_a_scanner_keeps_is_counted_and_given_back(play):
    scanners: list[Scanner] = []
    p = play(POST=[("stream", scanning(scanners))])
    p.client_sends(post(9) + b"one")
    await settle()
    p.service_gets(b"one")
    scanners[0].held = 100
    p.client_sends(b"two")
    assert p.gateway.buffers.held == 100
    scanners[0].held = 40
    p.client_sends(b"t")
    assert p.gateway.buffers.held == 40
    p.client_goes()
    assert p.gateway.buffers.held == 0


async def test_a_scanner_for_which_there_is_no_memory_ends_the_exchange(play):
    scanners: list[Scanner] = []
    p = play(POST=[("stream", scanning(scanners))])
    p.client_sends(post(9) + b"one")
    await settle()
    scanners[0].held = p.gateway.buffers.cap + 1
    p.client_sends(b"two")
    p.client_gets(b"503")
    assert p.gateway.buffers.held == 0


async def test_a_hit_in_a_body_that_streams_ends_the_exchange_with_the_service(play):
    p = play(POST=[("stream", scanning([]))])
    p.client_sends(post(9) + b"one")
    await settle()
    p.service_gets(b"one")
    p.client_sends(b"bad")
    p.service_gets()
    assert p.service[1].closed == "aborted"
    p.client_gets(b"HTTP/1.1 400", b"test.bad")


async def test_a_hit_in_what_came_with_the_head_never_reaches_the_service(play):
    p = play(POST=[("stream", scanning([]))])
    p.client_sends(post(9) + b"bad")
    await settle()
    p.service_gets()
    p.client_gets(b"HTTP/1.1 400", b"test.bad")


async def test_the_last_piece_is_not_sent_before_the_scanner_has_agreed_to_the_end(play):
    p = play(POST=[("stream", scanning([]))])
    p.client_sends(CHUNKED + b"3\r\none\r\n")
    await settle()
    p.service_gets(b"3\r\none\r\n")
    p.client_sends(b"3\r\ntwo\r\n0\r\n\r\n")
    p.service_gets()
    p.client_gets(b"HTTP/1.1 400")


async def test_a_body_is_held_back_if_one_step_wants_it_and_streams_if_none_does(play):
    seen: list[bytes] = []

    def check(request, _facts):
        seen.append(request.body)

    p = play(POST=[("body", check), ("stream", scanning([]))])
    p.client_sends(post(3) + b"bad")
    await settle()
    p.service_gets(b"bad")
    assert seen == [b"bad"]


async def test_an_encoded_body_is_checked_and_sent_on_decoded(play):
    seen: list[bytes] = []

    def check(request, _facts):
        seen.append(request.body)

    body = gzip.compress(b"hello" * 100)
    p = play(POST=[("body", check)])
    p.client_sends(post(len(body), b"Content-Encoding: gzip\r\nContent-Digest: sha-256=:x:\r\n") + body)
    await settle()
    sent = p.service_gets(b"content-length: 500\r\n", b"hello" * 100)
    assert b"content-encoding" not in sent
    assert b"content-digest" not in sent
    assert seen == [b"hello" * 100]


async def test_an_encoded_body_that_streams_is_decoded_on_the_way(play):
    scanners: list[Scanner] = []
    body = gzip.compress(b"hello" * 1000 + b"end")
    p = play(POST=[("stream", scanning(scanners))])
    p.client_sends(post(len(body), b"Content-Encoding: gzip\r\n") + body[:20])
    await settle()
    p.client_sends(body[20:])
    sent = p.service_gets(b"transfer-encoding: chunked\r\n", b"0\r\n\r\n")
    assert b"content-encoding" not in sent
    assert b"content-length" not in sent
    assert scanners[0].seen == b"hello" * 1000 + b"end"


async def test_a_bomb_is_refused_before_it_is_unpacked(play):
    body = gzip.compress(b"\0" * 10_000_000)
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.client_sends(post(len(body), b"Content-Encoding: gzip\r\n") + body)
    await settle()
    p.service_gets()
    p.client_gets(b"HTTP/1.1 413")


async def test_an_unknown_coding_is_refused_with_those_that_are_known(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.client_sends(post(3, b"Content-Encoding: lzma\r\n") + b"abc")
    p.client_gets(b"HTTP/1.1 415", b"accept-encoding: gzip", b"guard.coding_unsupported")


async def test_nobody_touches_an_encoded_body_that_nobody_looks_at(play):
    p = play()
    p.client_sends(post(3, b"Content-Encoding: lzma\r\n") + b"abc")
    await settle()
    p.service_gets(b"content-encoding: lzma\r\n", b"abc")


async def with_kept_connection(p) -> None:
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    p.service_gets(b"GET /a")
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    p.client_gets(b"ok")


async def test_a_request_whose_body_has_streamed_is_not_sent_again_without_it(play):
    p = play()
    await with_kept_connection(p)
    p.client_sends(CHUNKED.replace(b"POST", b"PUT") + b"3\r\none\r\n")
    p.service_gets(b"PUT /a", b"one")
    p.client_sends(b"3\r\ntwo\r\n0\r\n\r\n")
    p.service_gets(b"two")
    p.service_goes()
    await settle()
    p.client_gets(b"HTTP/1.1 502")
    assert len(p.service_connections) == 1


async def test_a_request_whose_large_body_is_not_held_any_more_is_not_sent_again(play):
    p = play()
    await with_kept_connection(p)
    p.client_sends(post(70_000) + b"x" * 70_000)
    p.service_goes()
    await settle()
    p.client_gets(b"HTTP/1.1 502")
    assert len(p.service_connections) == 1


async def test_what_a_body_was_decoded_to_counts_as_held(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    encoded = gzip.compress(b"x" * 50_000)
    p.client_sends(post(len(encoded), b"Content-Encoding: gzip\r\n") + encoded)
    await settle()
    assert p.gateway.buffers.held == 50_000
    p.service_gets(b"content-length: 50000\r\n")
    p.service_sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert p.gateway.buffers.held == 0  # it is answered, though the answer goes on


async def test_what_a_body_was_decoded_to_must_fit_into_the_memory_for_bodies(play):
    p = play(POST=[("body", lambda _request, _facts: None)])
    p.gateway.buffers.cap = 1_000
    encoded = gzip.compress(b"x" * 50_000)
    p.client_sends(post(len(encoded), b"Content-Encoding: gzip\r\n") + encoded)
    await settle()
    p.service_gets()
    p.client_gets(b"HTTP/1.1 503", b"guard.buffers_full")
    assert p.gateway.buffers.held == 0
