"""What one worker holds of bodies over sockets: one client fills its share, and others are served as ever."""

from __future__ import annotations

import json
import socket

import httpx
from gateway import Gateway, read_response, wait_for
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /notes:
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, properties: {note: {type: string, maxLength: 800000}}}}}
      responses: {"200": {description: Kept., content: {application/json: {schema: {type: object}}}}}
  /pictures:
    get: {responses: {"200": {description: One., content: {image/png: {}}}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", protocols: [h2, http/1.1]}
  behind: {bind: "127.0.0.1:0", trusted_proxies: [127.0.0.2]}
  admin: {bind: "127.0.0.1:0"}
process: {buffer_memory: 4MiB, buffer_memory_per_address: 1MiB}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["UPSTREAM"]}, versions: {v1: {spec: shop.yaml}}, public: true}
observe: {access_log: {path: access.jsonl}}
"""
NOTE = json.dumps({"note": "x" * 600_000}).encode()
GREEDY, OTHER = "127.0.0.2", "127.0.0.3"


def connect(gateway: Gateway, source: str, listener: str = "public") -> socket.socket:
    port = int(gateway.urls[listener].rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))


def begin(client: socket.socket) -> None:
    """Send a note but for its last byte."""
    head = b"POST /notes HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    client.sendall(head % len(NOTE) + NOTE[:-1])


def finish(client: socket.socket) -> int:
    client.sendall(NOTE[-1:])
    return read_response(client)[0]


def buffered(gateway: Gateway) -> float:
    text = httpx.get(f"{gateway.urls['admin']}/metrics").text
    found = [line for line in text.splitlines() if line.startswith("portcullis_buffered_bytes ")]
    assert len(found) == 1, text
    return float(found[0].rpartition(" ")[2])


def test_a_client_that_sends_slowly_fills_its_own_share_only(gateway: Gateway) -> None:
    with connect(gateway, GREEDY) as first, connect(gateway, GREEDY) as second, connect(gateway, OTHER) as other:
        begin(first)
        wait_for(lambda: buffered(gateway) >= len(NOTE) - 1, "the first note to be held")
        begin(second)
        status, body = read_response(second)
        assert (status, json.loads(body)["code"]) == (503, "guard.buffers_full")
        (record,) = (each for each in gateway.records() if each["code"] == "guard.buffers_full")
        assert record["verdicts"][-1]["finding"]["source"] == "#/process/buffer_memory_per_address"
        begin(other)
        assert finish(other) == 200
        assert finish(first) == 200
    with connect(gateway, GREEDY) as again:
        begin(again)
        assert finish(again) == 200
    wait_for(lambda: buffered(gateway) == 0, "nothing to be held")


def test_a_trusted_proxy_has_no_share_of_its_own(gateway: Gateway) -> None:
    with connect(gateway, GREEDY, "behind") as first, connect(gateway, GREEDY, "behind") as second:
        begin(first)
        begin(second)
        assert finish(first) == 200
        assert finish(second) == 200


def test_answers_over_http2_that_a_client_does_not_take_fill_its_own_share_only(
    gateway: Gateway, service: Upstream
) -> None:
    picture = b"x" * 300_000

    def send(exchange: Exchange) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
        exchange.send(head.encode() + picture)

    service.behaviours["/pictures"] = send
    with connect(gateway, GREEDY) as client, connect(gateway, OTHER) as other:
        client.sendall(PREFACE + frame(4, 0, 0, b"\x00\x04" + (0).to_bytes(4)))  # windows of nothing
        for stream in range(1, 41, 2):
            client.sendall(frame(1, 5, stream, GET_PICTURE))
        wait_for(lambda: buffered(gateway) > 700_000, "answers to be held")
        assert buffered(gateway) <= 1024 * 1024
        begin(other)
        assert finish(other) == 200
    wait_for(lambda: buffered(gateway) == 0, "nothing to be held")


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET_PICTURE = b"\x82\x86" + b"\x44\x09/pictures" + b"\x41\x04shop"
"""``:method GET``, ``:scheme http``, ``:path``, ``:authority`` (RFC 7541 appendix A)."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload
