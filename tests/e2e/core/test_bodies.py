"""Bodies of every kind over sockets: read, decoded, scanned as they stream, and refused before they do harm."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import brotli
import httpx
import pytest
from gateway import Gateway, client_of, private_bytes, read_response
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/Order"}}
          application/xml: {schema: {$ref: "#/components/schemas/Order"}}
          application/x-www-form-urlencoded: {schema: {$ref: "#/components/schemas/Order"}}
      responses: {default: {description: Whatever the service says.}}
  /documents:
    post:
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema:
              type: object
              required: [title, file]
              properties:
                title: {type: string, maxLength: 20}
                pages: {type: integer}
                file: {type: string, format: binary, maxLength: 41943040}
                tags: {type: array, items: {type: string, maxLength: 5}}
      responses: {default: {description: Whatever the service says.}}
components:
  schemas:
    Order:
      type: object
      required: [sku]
      properties:
        sku: {type: string, maxLength: 20}
        qty: {type: integer, minimum: 1}
        note: {type: string, maxLength: 200000}
      xml: {name: order}
"""
CONFIGURATION = """\
listeners:
  public: {bind: 127.0.0.1:0}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    public: true
    versions: {v1: {spec: shop.yaml}}
    operations:
      "POST /documents": {max_body: 64MiB}
observe: {access_log: {path: access.jsonl}}
"""
MIB = 1024 * 1024
FORM = {"content-type": "multipart/form-data; boundary=X"}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as made:
        yield made


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--X\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def test_a_form_is_checked_and_passes_as_it_is(client: httpx.Client, service: Upstream) -> None:
    assert client.post("/orders", data={"sku": "a b", "qty": "2"}).status_code == 200
    assert service.seen[-1].body == b"sku=a+b&qty=2"
    assert code(client.post("/orders", data={"sku": "a", "qty": "two"})) == (400, "validate.wrong_type")
    assert code(client.post("/orders", data={"sku": "a", "admin": "1"})) == (400, "validate.undeclared_field")


def test_xml_is_checked_and_passes_as_it_is(client: httpx.Client, service: Upstream) -> None:
    headers = {"content-type": "application/xml"}
    order = b"<order><sku>a</sku><qty>2</qty></order>"
    assert client.post("/orders", content=order, headers=headers).status_code == 200
    assert service.seen[-1].body == order
    entity = b'<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><order><sku>&x;</sku></order>'
    assert code(client.post("/orders", content=entity, headers=headers)) == (400, "validate.malformed_body")


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("br", brotli.compress)])
def test_encoded_json_is_checked_and_sent_on_decoded(
    client: httpx.Client, service: Upstream, coding: str, encode: object
) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    assert callable(encode)
    assert client.post("/orders", content=encode(b'{"sku": "a"}'), headers=headers).status_code == 200
    assert service.seen[-1].body == b'{"sku": "a"}'
    assert service.seen[-1].field("content-encoding") is None
    assert service.seen[-1].field("content-length") == "12"
    answer = client.post("/orders", content=encode(b'{"sku": "a", "admin": 1}'), headers=headers)
    assert code(answer) == (400, "validate.undeclared_field")


def test_a_decompression_bomb_is_refused_at_once(gateway: Gateway, client: httpx.Client) -> None:
    bomb = gzip.compress(b'{"sku": "' + bytes(100 * MIB) + b'"}')
    before = private_bytes(gateway.workers()[0])
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client.post("/orders", content=bomb, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["code"] in ("guard.decompression_bomb", "guard.body_too_large")
    assert private_bytes(gateway.workers()[0]) - before < 16 * MIB


def test_what_is_no_coding_or_no_such_coding_is_refused(client: httpx.Client) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert code(client.post("/orders", content=b"not gzip", headers=headers)) == (400, "guard.coding_malformed")
    answer = client.post("/orders", content=b"{}", headers={**headers, "content-encoding": "lzma"})
    assert code(answer) == (415, "validate.content_coding")
    assert answer.headers["accept-encoding"] == "gzip, deflate, br, zstd"


def test_no_larger_body_is_read_than_its_schema_allows(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    assert client.post("/orders", json={"sku": "a", "note": "x" * 200_000}).status_code == 200
    answer = client.post("/orders", content=b'{"sku": "a"' + b" " * 10 * MIB + b"}", headers=headers)
    assert code(answer) == (413, "guard.body_too_large")


def test_an_upload_streams_with_flat_memory(gateway: Gateway, client: httpx.Client, service: Upstream) -> None:
    worker = gateway.workers()[0]
    peaks = []

    def body() -> Iterator[bytes]:
        yield part("title", b"Report")
        yield part("file", b"")[:-2]
        for number in range(36 * 16):
            yield bytes([number % 256]) * 65_536
            if number % 64 == 0:
                peaks.append(private_bytes(worker))
        yield b"\r\n" + part("pages", b"7") + b"--X--\r\n"

    assert client.post("/documents", content=body(), headers=FORM, timeout=30).status_code == 200
    # What is under way, and pages that were the template's until something was written to them: far less than the body.
    assert max(peaks) - min(peaks) < 18 * MIB
    received = service.seen[-1].body
    assert len(received) > 36 * MIB
    assert received.startswith(part("title", b"Report"))
    assert received.endswith(part("pages", b"7") + b"--X--\r\n")


def test_a_part_that_is_wrong_ends_the_upload_while_it_streams(gateway: Gateway, service: Upstream) -> None:
    service.closed_by_gateway.clear()
    whole = len(service.seen)
    with gateway.connect() as client:
        client.sendall(
            b"POST /documents HTTP/1.1\r\nHost: shop\r\nContent-Type: multipart/form-data; boundary=X\r\n"
            b"Content-Length: 30000000\r\n\r\n"
        )
        client.sendall(part("title", b"Report") + part("file", b"x" * MIB))
        client.sendall(part("pages", b"many") + part("tags", b"")[:-2])
        # The answer is there though most of the body is still to come.
        status, body = read_response(client)
    problem = json.loads(body)
    assert (status, problem["code"]) == (400, "validate.wrong_type")
    assert problem["detail"] == "The part pages must be integer."
    assert service.closed_by_gateway.wait(5)
    assert len(service.seen) == whole  # the service never got a whole request
    record = gateway.record_of(problem["request_id"])
    assert record["verdicts"][-1]["finding"]["pointer"] == "/body/pages"
    assert record["bytes_in"] < 2 * MIB


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (part("title", b"t") + b"--X--\r\n", "validate.missing_field"),
        (part("title", b"t") + part("file", b"x", '; filename="../../x"') + b"--X--", "validate.file_name"),
        (part("admin", b"1") + b"--X--", "validate.undeclared_field"),
        (part("title", b"a\n--X--\r\n") + b"--X--", "validate.malformed_body"),
        (part("title", b"t") + part("file", b"x"), "validate.malformed_body"),
        (b"--X--\r\nepilogue", "validate.malformed_body"),
    ],
)
def test_what_is_wrong_with_an_upload_is_said(client: httpx.Client, body: bytes, expected: str) -> None:
    assert code(client.post("/documents", content=body, headers=FORM)) == (400, expected)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/vnd.shop+json",
        "text/plain",
        "application/json/x",
        "multipart/form-data; boundary=X",
    ],
)
def test_no_media_type_is_a_way_around_the_schema(client: httpx.Client, content_type: str) -> None:
    answer = client.post("/orders", content=b'{"admin": true}', headers={"content-type": content_type})
    assert code(answer) == (415, "validate.media_type")


def test_two_content_types_are_none(gateway: Gateway) -> None:
    answer = gateway.exchange(
        b"POST /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 2\r\n"
        b"Content-Type: application/json\r\nContent-Type: application/xml\r\n\r\n{}"
    )
    assert answer.startswith((b"HTTP/1.1 415 ", b"HTTP/1.1 400 "))
