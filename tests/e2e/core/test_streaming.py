"""Bodies of any size pass with bounded memory: each side is read only as fast as the other takes."""

from __future__ import annotations

import threading
import time

from gateway import Gateway, client_of, private_bytes, read_all, read_response
from upstream import Exchange, Upstream

MIB = 1024 * 1024


def test_a_large_upload_reaches_the_service_whole(gateway: Gateway, service: Upstream) -> None:
    body = bytes(range(256)) * (16 * MIB // 256)
    with client_of(gateway) as client:
        answer = client.post("/shop/upload", content=body, headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 200
    assert service.seen[-1].body == body


def test_a_chunked_upload_reaches_the_service_whole(gateway: Gateway, service: Upstream) -> None:
    pieces = [b"x" * 70_000, b"y", b"z" * 100_000]
    with client_of(gateway) as client:
        answer = client.post("/shop/upload", content=iter(pieces), headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 200
    assert service.seen[-1].body == b"".join(pieces)


def test_a_service_that_does_not_read_stops_the_client(gateway: Gateway, service: Upstream) -> None:
    read_on = threading.Event()
    worker = gateway.workers()[0]

    class Stuck(Upstream):
        def _serve(self, connection):
            assert read_on.wait(10)
            super()._serve(connection)

    stuck = Stuck()
    try:
        directory = gateway.directory
        text = (directory / "portcullis.yaml").read_text()
        (directory / "portcullis.yaml").write_text(
            text.replace(service.url, stuck.url)
            .replace("timeouts: {header: 1s, body: 1s", "timeouts: {header: 1s, body: 20s")
            .replace("first_byte: 1s, idle: 1s", "first_byte: 15s, idle: 15s")
        )
        before = gateway.errors().count("reloaded")
        gateway.reload()
        while gateway.errors().count("reloaded") == before:
            time.sleep(0.02)
        worker = gateway.workers()[-1]
        with gateway.connect(timeout=30) as client:
            total = 100 * MIB
            client.sendall(
                b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nContent-Type: application/octet-stream\r\n"
                b"Content-Length: %d\r\n\r\n" % total
            )
            client.settimeout(1)
            sent = 0
            piece = b"x" * MIB
            try:
                while sent < total:
                    sent += client.send(piece)
            except TimeoutError:
                pass
            assert sent < 40 * MIB
            assert private_bytes(worker) < 60 * MIB
            read_on.set()
            client.settimeout(30)
            while sent < total:
                sent += client.send(piece[: total - sent])
            assert read_response(client)[0] == 200
        assert len(stuck.seen[-1].body) == total
    finally:
        read_on.set()
        stuck.stop()
        (directory / "portcullis.yaml").write_text(text)


def test_a_client_that_does_not_read_stops_the_service(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(
        lambda text: text.replace("body: 1s", "body: 20s").replace("idle: 1s, whole", "idle: 15s, whole")
    )
    sent = []

    def flood(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 * MIB))
        for _ in range(100):
            exchange.send(b"x" * MIB)
            sent.append(MIB)

    upstream.behaviours["/shop/open/flood"] = flood
    with gateway.connect(timeout=30) as client:
        client.sendall(b"GET /shop/open/flood HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        time.sleep(1.5)
        assert sum(sent) < 40 * MIB
        assert private_bytes(gateway.workers()[0]) < 60 * MIB
        received = read_all(client)
    assert len(received) > 100 * MIB


def test_a_body_over_the_cap_is_refused_while_it_streams(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(lambda text: text.replace("max_body: 200MiB", "max_body: 1MiB"))
    with client_of(gateway) as client:
        pieces = (b"x" * 65536 for _ in range(64))
        answer = client.post("/shop/upload", content=pieces, headers={"content-type": "application/octet-stream"})
        assert (answer.status_code, answer.json()["code"]) == (413, "guard.body_too_large")
        answer = client.post(
            "/shop/upload", content=b"x" * (MIB + 1), headers={"content-type": "application/octet-stream"}
        )
        assert answer.status_code == 413
        assert client.get("/shop/open/x").status_code == 200
