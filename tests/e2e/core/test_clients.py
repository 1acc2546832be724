"""Clients that are slow, many, malformed or rude."""

from __future__ import annotations

import contextlib
import gzip
import json
import selectors
import socket
import time
from pathlib import Path

import pytest
from gateway import Gateway, client_of, read_all, read_response, wait_for
from upstream import Upstream

GET = b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n"


def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    last = b"GET /shop/nothing HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    received = gateway.exchange(GET * 5 + last)
    assert received.count(b"HTTP/1.1 200") == 5
    assert received.rindex(b"HTTP/1.1 404") > received.rindex(b"HTTP/1.1 200")


def test_a_request_may_arrive_byte_by_byte(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GET:
            client.send(bytes([byte]))
        assert read_response(client)[0] == 200


def test_a_slow_head_is_answered_408_at_its_deadline(gateway: Gateway) -> None:
    with gateway.connect() as client:
        begun = time.monotonic()
        client.sendall(GET[:20])
        received = read_all(client)
    assert received.startswith(b"HTTP/1.1 408")
    assert 0.9 < time.monotonic() - begun < 3


def test_a_slow_body_is_answered_408_at_its_deadline(gateway: Gateway) -> None:
    head = b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n"
    received = gateway.exchange(head + b"12345")
    assert received.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_is_closed_without_a_word(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(GET)
        assert read_response(client)[0] == 200
        assert client.recv(10) == b""
    with gateway.connect() as client:
        assert client.recv(10) == b""


def test_a_thousand_slow_clients_do_not_disturb_the_others(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(lambda text: text.replace("header: 1s", "header: 8s"))
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(gateway.connect()) for _ in range(1000)]
        for client in slow:
            client.sendall(GET[:10])
        with client_of(gateway) as client:
            durations = []
            for _ in range(50):
                begun = time.monotonic()
                assert client.get("/shop/open/x").status_code == 200
                durations.append(time.monotonic() - begun)
        assert sorted(durations)[25] < 0.1
        selector = selectors.DefaultSelector()
        for each in slow:
            selector.register(each, selectors.EVENT_READ)
        answered = 0
        until = time.monotonic() + 15
        while answered < 1000 and time.monotonic() < until:
            for key, _ in selector.select(1):
                assert isinstance(key.fileobj, socket.socket)
                assert key.fileobj.recv(100).startswith(b"HTTP/1.1 408")
                selector.unregister(key.fileobj)
                answered += 1
        assert answered == 1000


def test_connections_of_one_address_are_capped_over_all_workers(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(
        lambda text: text.replace("max_connections_per_address: 2000", "max_connections_per_address: 10").replace(
            "idle: 2s", "idle: 20s"
        ),
        workers=2,
    )
    with contextlib.ExitStack() as stack:
        open_ones = []
        for _ in range(20):
            client = stack.enter_context(gateway.connect())
            client.sendall(GET)
            with contextlib.suppress(ConnectionResetError):
                if client.recv(10):
                    open_ones.append(client)
        assert len(open_ones) == 10
        for client in open_ones:
            client.close()
        wait_for(lambda: _works(gateway), "a place to become free")


def _works(gateway: Gateway) -> bool:
    with gateway.connect() as client:
        client.sendall(GET)
        with contextlib.suppress(ConnectionResetError):
            return client.recv(10) != b""
    return False


def test_expect_100_continue_is_answered_when_the_body_is_wanted(gateway: Gateway) -> None:
    head = (
        b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    with gateway.connect() as client:
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        assert read_response(client)[0] == 200


def test_expect_100_continue_is_not_answered_when_the_call_is_refused(gateway: Gateway) -> None:
    received = gateway.exchange(
        b"POST /shop/items HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    assert received.startswith(b"HTTP/1.1 401")


def test_after_a_refusal_the_connection_is_kept_and_the_body_is_not_taken_for_a_request(gateway: Gateway) -> None:
    inner = b"GET /shop/open/inner HTTP/1.1\r\nHost: shop\r\n\r\n"
    post = (
        b"POST /shop/items HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(inner)
    )
    with gateway.connect() as client:
        client.sendall(post)
        time.sleep(0.1)
        client.sendall(inner)
        assert read_response(client)[0] == 401
        client.sendall(GET)
        assert read_response(client)[0] == 200


def test_upgrade_and_connect_are_refused(gateway: Gateway) -> None:
    upgrade = b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert gateway.exchange(upgrade).startswith(b"HTTP/1.1 400")
    assert gateway.exchange(b"CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n")[9:12] in (b"400", b"405")


def test_spoofed_forwarding_and_override_fields_do_not_reach_the_service(gateway: Gateway, service: Upstream) -> None:
    spoofed = {
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": "/admin",
        "Connection": "X-Secret-Hop",
        "X-Secret-Hop": "1",
        "Proxy-Authorization": "Basic x",
    }
    with client_of(gateway) as client:
        assert client.get("/shop/open/x", headers=spoofed).status_code == 200
    seen = service.seen[-1]
    assert seen.field("x-forwarded-for") == "127.0.0.1"
    assert seen.field("forwarded") == "for=127.0.0.1;host=" + f'"{gateway.address[0]}:{gateway.address[1]}";proto=http'
    for name in ("x-real-ip", "x-http-method-override", "x-original-url", "x-secret-hop", "proxy-authorization"):
        assert seen.field(name) is None


def _corpus(corpora: Path, name: str) -> list[dict[str, object]]:
    with gzip.open(corpora / "http" / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["llhttp.jsonl.gz", "http-garden.jsonl.gz"])
def test_ambiguous_requests_are_answered_400_and_the_connection_is_closed(
    gateway: Gateway, corpora: Path, name: str
) -> None:
    """Every request that a strict reader rejects is answered 4xx (or 505), last of all, and then it is over."""
    import base64

    wrong = []
    for case in _corpus(corpora, name):
        if case.get("strict") != "reject" or case.get("mode", "request") not in ("request", None):
            continue
        raw = case.get("raw_base64")
        data = base64.b64decode(str(raw)) if raw else str(case["raw"]).encode("latin-1")
        with gateway.connect(timeout=4) as client:
            client.sendall(data)
            try:
                received = read_all(client)
            except TimeoutError:
                received = b"(not closed)"
        statuses = [line[9:12] for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        if not statuses or not (statuses[-1].startswith(b"4") or statuses[-1] == b"505"):
            wrong.append((case["id"], received[:60]))
    assert not wrong
