"""Answers that are compressed on their way, and those that had better not be."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from gateway import Gateway, create_key, serving
from upstream import Exchange, Upstream

from portcullis.engine.codings import decoder

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /open/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: Anything.}}}
    head: {responses: {"200": {description: Anything.}}}
  /checked:
    get:
      responses:
        "200":
          description: Items.
          content:
            application/json:
              schema: {type: array, items: {type: object, properties: {id: {type: integer}, name: {type: string}}}}
  /mine: {get: {responses: {"200": {description: Anything.}}}}
  /asked: {get: {responses: {"200": {description: Anything.}}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    validate: {response: {on_undeclared: strip}}
    operations:
      "GET /open/{name}": {public: true, compress: {}}
      "HEAD /open/{name}": {public: true, compress: {}}
      "GET /checked": {public: true, compress: {codings: [gzip]}}
      "GET /asked": {compress: {authenticated: true}}
observe: {access_log: {path: access.jsonl}}
"""
ITEMS = [{"id": number, "name": f"thing {number}", "secret": "of the house"} for number in range(200)]
BODY = json.dumps(ITEMS).encode()


def items(exchange: Exchange) -> None:
    body = b"" if exchange.line.startswith("HEAD") else BODY
    fields = f'ETag: "a"\r\nContent-Digest: sha-256=:AAAA:\r\nContent-Length: {len(BODY)}\r\n'
    exchange.send(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{fields}\r\n".encode() + body)


def drip(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(3):
        line = b'{"number": %d}\n' % number
        exchange.send(b"%x\r\n%b\r\n" % (len(line), line))
        time.sleep(0.3)
    exchange.send(b"0\r\n\r\n")


def image(exchange: Exchange) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(BODY)}\r\n\r\n"
    exchange.send(head.encode() + BODY)


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    upstream = Upstream(
        {
            "/open/items": items,
            "/open/drip": drip,
            "/open/image": image,
            "/checked": items,
            "/mine": items,
            "/asked": items,
        }
    )
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gateway(service: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway"), SPEC, CONFIGURATION, service.url) as running:
        yield running


def raw(gateway: Gateway, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came over the wire."""
    with httpx.stream("GET", f"{gateway.url}{path}", headers=headers, timeout=10) as response:
        return response, b"".join(response.iter_raw())


def decoded(coding: str, data: bytes) -> bytes:
    decoding = decoder(coding.encode(), max_bytes=1 << 20)
    assert decoding is not None
    return decoding.feed(data) + decoding.end()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_client_gets_what_it_can_read(gateway: Gateway, coding: str) -> None:
    response, body = raw(gateway, "/open/items", **{"Accept-Encoding": coding})
    assert response.headers["content-encoding"] == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"] == 'W/"a"'
    assert "content-digest" not in response.headers
    assert len(body) < len(BODY) / 5
    assert decoded(coding, body) == BODY
    assert gateway.record_of(response.headers["x-request-id"])["bytes_out"] == len(body)


def test_a_client_that_can_read_nothing_gets_it_as_it_is(gateway: Gateway) -> None:
    response, body = raw(gateway, "/open/items", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"] == '"a"'
    assert body == BODY


def test_an_answer_that_was_checked_and_changed_is_compressed_after_that(gateway: Gateway) -> None:
    response, body = raw(gateway, "/checked", **{"Accept-Encoding": "br, gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(body)
    assert json.loads(decoded("gzip", body))[7] == {"id": 7, "name": "thing 7"}


def test_each_piece_of_a_stream_can_be_read_when_it_comes(gateway: Gateway) -> None:
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(b"GET /open/drip HTTP/1.1\r\nHost: shop\r\nAccept-Encoding: gzip\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        assert b"content-encoding: gzip" in data
        decoding = decoder(b"gzip", max_bytes=1 << 20)
        assert decoding is not None
        began = time.monotonic()
        rest = data.partition(b"\r\n\r\n")[2] or client.recv(65536)
        size, _, chunk = rest.partition(b"\r\n")
        assert decoding.feed(chunk[: int(size, 16)]).startswith(b'{"number": 0}\n')
        assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("path", ["/open/image", "/open/other"])
def test_what_is_not_worth_it_stays_as_it_is(gateway: Gateway, path: str) -> None:
    response, _ = raw(gateway, path, **{"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert "content-encoding" not in response.headers


def test_answers_for_somebody_are_compressed_only_where_the_file_says_so(gateway: Gateway) -> None:
    key = create_key(gateway.directory, "acme")
    headers = {"Accept-Encoding": "gzip", "X-API-Key": key}
    response, body = raw(gateway, "/mine", **headers)
    assert response.status_code == 200
    assert "content-encoding" not in response.headers
    assert body == BODY
    response, body = raw(gateway, "/asked", **headers)
    assert response.headers["content-encoding"] == "gzip"
    assert decoded("gzip", body) == BODY
    for secret in ({"Authorization": "Basic YTpi"}, {"Cookie": "session=1"}):
        response, _ = raw(gateway, "/open/items", **{"Accept-Encoding": "gzip"}, **secret)
        assert "content-encoding" not in response.headers


def test_head_says_what_get_would(gateway: Gateway) -> None:
    response = httpx.head(f"{gateway.url}/open/items", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert "content-length" not in response.headers
