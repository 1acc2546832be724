"""Attacks in what requests say, over sockets: found in every place, and never in what people write."""

from __future__ import annotations

import base64
import gzip
import json
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway import Gateway, client_of, serving, wait_for
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Articles, version: "1"}
paths:
  /articles/{slug}:
    parameters: [{name: slug, in: path, required: true, schema: {type: string}}]
    get:
      parameters:
        - {name: q, in: query, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
      responses: {default: {description: Whatever the service says.}}
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                title: {type: string}
                html: {type: string}
                stars: {type: integer}
                picture: {type: string}
                tags: {type: array, items: {type: string}}
          application/x-www-form-urlencoded: {schema: {type: object, properties: {title: {type: string}}}}
          multipart/form-data:
            schema:
              type: object
              properties: {title: {type: string}, picture: {type: string, contentMediaType: image/png}}
          text/plain: {}
          image/png: {}
      responses: {default: {description: Whatever the service says.}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: 127.0.0.1:0}
apis:
  articles:
    hosts: ["*"]
    base_path: /
    upstream: {targets: ["UPSTREAM"]}
    public: true
    max_body: 64MiB
    inspect: {injection: {mode: enforce}}
    operations:
      "POST /articles/{slug}":
        inspect: {injection: {allow: [{pointer: /body/html, patterns: [xss-101, xss-102, xss-107]}]}}
    versions: {v1: {spec: shop.yaml}}
observe: {access_log: {path: access.jsonl}}
"""
WORKERS = 2
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def client(gateway: Gateway, service: Upstream) -> Iterator[httpx.Client]:
    service.seen.clear()
    with client_of(gateway) as client:
        yield client


def refused(gateway: Gateway, answer: httpx.Response) -> dict[str, Any]:
    """The finding in the record of a refusal, of which the client learns the place only."""
    assert (answer.status_code, answer.json()["code"]) == (403, "inspect.injection")
    record = gateway.record_of(answer.json()["request_id"])
    [verdict] = [verdict for verdict in record["verdicts"] if verdict["policy"] == "inspect.injection"]
    finding = verdict["finding"]
    assert answer.json()["detail"] == f"What stands at {finding['pointer']} is not accepted."
    assert finding["found"].split(" ")[0] not in answer.text
    return {"at": finding["pointer"], "pattern": finding["found"].split(" ")[0]}


@pytest.mark.parametrize(
    ("method", "path", "more", "at"),
    [
        ("GET", "/articles/x", {"params": {"q": "1' or '1'='1"}}, "/query/q"),
        ("GET", "/articles/x?q=%253Cscript%253E", {}, "/query/q"),
        ("GET", "/articles/%24%7Bjndi:ldap:x%7D", {}, "/path/slug"),
        ("GET", "/articles/x", {"headers": {"user-agent": "() { :;}; echo; /bin/id"}}, "/header/user-agent"),
        ("GET", "/articles/x", {"headers": {"cookie": "a=b; c=%3Cscript%3E"}}, "/cookie/c"),
        ("POST", "/articles/x", {"json": {"title": "x; cat /etc/passwd"}}, "/body/title"),
        ("POST", "/articles/x", {"json": {"tags": ["a", "{{7*7}}"]}}, "/body/tags/1"),
        ("POST", "/articles/x", {"data": {"title": "1 union select 1,2"}}, "/body/title"),
        ("POST", "/articles/x", {"files": {"picture": ("<script>.png", b"\x89PNG\0", "image/png")}}, "/body/picture"),
        ("POST", "/articles/x", {"files": {"title": (None, EVIL)}}, "/body/title"),
        ("POST", "/articles/x", {"content": EVIL, "headers": {"content-type": "text/plain"}}, "/body"),
        ("POST", "/articles/x", {"content": EVIL, "headers": {"content-type": "image/png"}}, "/body"),
    ],
)
def test_an_attack_is_refused_wherever_it_is(
    gateway: Gateway, service: Upstream, client: httpx.Client, method: str, path: str, more: dict[str, Any], at: str
) -> None:
    assert refused(gateway, client.request(method, path, **more))["at"] == at
    assert service.seen == []


def test_a_compressed_body_is_looked_at_as_what_it_is(gateway: Gateway, client: httpx.Client) -> None:
    body = gzip.compress(json.dumps({"title": EVIL}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert refused(gateway, client.post("/articles/x", content=body, headers=headers))["at"] == "/body/title"


HONEST = (
    "O'Brien's dog isn't 'happy' or 'sad'; select one or more, and drop me a line -- or call 555-0100.",
    "The union of both (where 1 or 2 people live) is 50% of it; 5 < 6 & 7 > 6.",
    '<p>A <b>bold</b> word, <a href="https://x.example/?a=1&b=2">a link</a>.</p>',
    "See ../docs/a.md or the `id` field | run it; then {{name}} costs ${amount}.",
)


@pytest.mark.parametrize("text", HONEST)
def test_what_people_write_passes(service: Upstream, client: httpx.Client, text: str) -> None:
    picture = "data:image/png;base64," + base64.b64encode(random.Random(7).randbytes(60_000)).decode()
    sent = {"title": text, "picture": picture, "stars": 5}
    assert client.post("/articles/x", json=sent).status_code == 200
    assert json.loads(service.seen[-1].body) == sent
    assert client.get("/articles/x", params={"q": text}).status_code == 200
    assert client.post("/articles/x", data={"title": text}).status_code == 200
    assert client.post("/articles/x", content=text, headers={"content-type": "text/plain"}).status_code == 200


def test_what_the_file_allows_passes_there_and_nowhere_else(gateway: Gateway, client: httpx.Client) -> None:
    assert client.post("/articles/x", json={"html": EVIL}).status_code == 200
    assert refused(gateway, client.post("/articles/x", json={"title": EVIL})) == {
        "at": "/body/title",
        "pattern": "xss-101",
    }
    assert refused(gateway, client.post("/articles/x", json={"html": "' or 1=1--"}))["pattern"] == "sqli-101"


def chunked(gateway: Gateway, pieces: list[bytes], content_type: str = "text/plain") -> socket.socket:
    connection = gateway.connect()
    head = f"POST /articles/x HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode())
    for piece in pieces:
        connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        time.sleep(0.02)  # so that each piece is read by itself
    return connection


def test_a_match_that_is_split_over_chunks_aborts_the_request_upstream(gateway: Gateway, service: Upstream) -> None:
    service.seen.clear()
    service.closed_by_gateway.clear()
    before = b"A long text before it. " * 100
    with chunked(gateway, [before, b"and now <scr", b"ipt>ale", b"rt(1)</script>", b" x" * 200]) as client:
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"inspect.injection" in answer
    assert service.closed_by_gateway.wait(5)
    assert service.seen == []  # what it got of it was no request


def test_text_that_streams_reaches_the_service_as_it_is(gateway: Gateway, service: Upstream) -> None:
    service.seen.clear()
    pieces = [f"Piece {number}: Tom & Jerry's <b>best</b>; ".encode() * 50 for number in range(20)]
    with chunked(gateway, pieces) as client:
        client.sendall(b"0\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert service.seen[-1].body == b"".join(pieces)


def test_a_large_picture_passes_with_whatever_is_in_it(service: Upstream, client: httpx.Client) -> None:
    picture = b"\x89PNG\r\n\x1a\n\0" + random.Random(1).randbytes(8 << 20) + EVIL.encode()
    assert client.post("/articles/x", content=picture, headers={"content-type": "image/png"}).status_code == 200
    assert service.seen[-1].body == picture
    form = {"picture": ("a.png", picture, "image/png"), "title": (None, "A picture; of Tom & Jerry")}
    assert client.post("/articles/x", files=form).status_code == 200


def test_a_place_that_is_never_looked_at_is_an_error_of_the_file(tmp_path: Path, service: Upstream) -> None:
    wrong = CONFIGURATION.replace("/body/html", "/body/stars")
    with (
        pytest.raises(AssertionError, match="leaves no room for an attack"),
        serving(tmp_path, SPEC, wrong, service.url),
    ):
        pass


def test_an_attack_in_monitor_mode_reaches_the_service_and_the_record(tmp_path: Path, service: Upstream) -> None:
    with serving(tmp_path, SPEC, CONFIGURATION.replace("mode: enforce", "mode: monitor"), service.url) as gateway:
        service.behaviours["/articles/monitored"] = Exchange.answer
        with client_of(gateway) as client:
            assert client.get("/articles/monitored", params={"q": EVIL}).status_code == 200
        [record] = gateway.records()
        [verdict] = [each for each in record["verdicts"] if each["policy"] == "inspect.injection"]
        assert (verdict["outcome"], verdict["finding"]["pointer"]) == ("would_refuse", "/query/q")
        wait_for(lambda: service.seen[-1].path == "/articles/monitored", "the request at the service")
