"""Server-sent events through a running gateway: not held back, and ended in time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, create_key, serving
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Events, version: "1"}
paths:
  /events: &events
    get: {responses: {"200": {description: Events, content: {text/event-stream: {schema: {type: string}}}}}}
  /short: *events
  /small: *events
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
apis:
  events:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"], timeouts: {whole: 1s, idle: 900ms, first_byte: 900ms}}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "GET /events": {stream: {lifetime: 20s, idle: 10s}}
      "GET /short": {public: true, stream: {lifetime: 1s}}
      "GET /small": {public: true, stream: {max_bytes: 40}}
observe: {access_log: {path: access.jsonl}}
"""


def events(exchange: Exchange) -> None:
    """Ten events a second, for eight seconds at most."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(80):
        event = b"data: %d\n\n" % number
        try:
            exchange.send(b"%x\r\n%b\r\n" % (len(event), event))
        except OSError:
            return
        time.sleep(0.1)
    exchange.send(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    service = Upstream({"/events": events, "/short": events, "/small": events})
    with serving(tmp_path_factory.mktemp("gateway"), SPEC, CONFIGURATION, service.url) as running:
        yield running
    service.stop()


def read(gateway: Gateway, path: str, **headers: str) -> tuple[str, float, str]:
    """The events until the stream breaks, how long that took, and the id of the request."""
    begun, text = time.monotonic(), ""
    with httpx.stream("GET", gateway.url + path, headers=headers, timeout=5) as response:
        assert response.status_code == 200
        try:
            for piece in response.iter_text():
                text += piece
        except httpx.RemoteProtocolError:
            return text, time.monotonic() - begun, response.headers["x-request-id"]
    raise AssertionError("the stream came to an end of its own")


def test_events_come_as_they_are_sent_and_longer_than_other_answers_until_the_key_is_revoked(gateway: Gateway) -> None:
    key = create_key(gateway.directory, "partner")
    options = ("-c", "portcullis.yaml", "--format", "json")
    listed = json.loads(portcullis(gateway.directory, "keys", "list", *options).stdout)
    identifier = (listed["keys"] if isinstance(listed, dict) else listed)[0]["id"]
    begun = time.monotonic()
    with httpx.stream("GET", f"{gateway.url}/events", headers={"X-API-Key": key}, timeout=5) as response:
        pieces = response.iter_text()
        assert next(pieces).startswith("data: 0")
        assert time.monotonic() - begun < 1
        while time.monotonic() - begun < 1.5:  # longer than upstream.timeouts.whole
            assert next(pieces)
        done = portcullis(gateway.directory, "keys", "revoke", identifier, "-c", "portcullis.yaml")
        assert done.returncode == 0, done.stderr
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    record = gateway.record_of(response.headers["x-request-id"])
    assert (record["code"], record["consumer"]) == ("authenticate.no_longer_valid", "partner")


def test_a_stream_ends_after_its_lifetime(gateway: Gateway) -> None:
    _, seconds, request_id = read(gateway, "/short")
    assert 0.8 < seconds < 2.5
    assert gateway.record_of(request_id)["code"] == "guard.stream_lifetime"


def test_a_stream_ends_before_it_is_too_large(gateway: Gateway) -> None:
    text, _, request_id = read(gateway, "/small")
    assert len(text) <= 40
    assert gateway.record_of(request_id)["code"] == "limit.stream_bytes"
