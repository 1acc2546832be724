"""Requests that are signed, by HMAC and by RFC 9421, over sockets and over several workers."""

from __future__ import annotations

import gzip
import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gateway import Gateway, serving
from upstream import Upstream

from portcullis.testing.signing import content_digest, hmac_credential, message_signature
from portcullis.testing.tokens import Signer

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {"200": {description: Orders, content: {application/json: {}}}}}
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: An order, content: {application/json: {}}}}
  /files:
    put:
      requestBody: {content: {application/octet-stream: {}}}
      responses: {"200": {description: A file, content: {application/json: {}}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {hmac: {keys: {acme: {secret: "file:secret.txt"}}}}
  robots: {http_signature: {keys: {robot: {algorithm: ed25519, key: robot.pem}}}}
plans:
  free: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners, robots]
    limit: {plan: free}
    validate: {response: {mode: "off"}}
observe: {access_log: {path: access.jsonl}}
process: {drain: 2s}
"""
SECRET = b"a secret of thirty-two bytes and more"
ROBOT = Signer("EdDSA", "robot")
HOST = "shop.example"
Sign = Callable[..., dict[str, str]]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("signed")
    (folder / "secret.txt").write_bytes(SECRET)
    pem = ROBOT.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "robot.pem").write_bytes(pem)
    with serving(folder, SPEC, CONFIGURATION, service.url, workers=2) as running:
        yield running


def by_hmac(method: str, target: str, body: bytes, kind: str = "", coding: str = "") -> dict[str, str]:
    digest = content_digest(body) if body else ""
    credential = hmac_credential(
        SECRET,
        key="acme",
        time=int(time.time()),
        nonce=f"nonce-of-sixteen-{next(_numbers)}",
        method=method,
        host=HOST,
        target=target,
        fields=[("content-type", kind), ("content-encoding", coding)],
        digest=digest,
    )
    return {"Authorization": credential, **({"Content-Digest": digest} if body else {})}


def by_message_signature(method: str, target: str, body: bytes, kind: str = "", coding: str = "") -> dict[str, str]:
    del kind, coding
    path, _, query = target.partition("?")
    components = [('"@method"', method), ('"@authority"', HOST), ('"@path"', path), ('"@query"', f"?{query}")]
    digest = content_digest(body, "sha-512")
    if body:
        components.append(('"content-digest"', digest))
    parameters: dict[str, int | str] = {"created": int(time.time()), "keyid": "robot", "nonce": str(next(_numbers))}
    said, signature = message_signature(ROBOT.signature, components, parameters)
    return {
        "Signature-Input": said,
        "Signature": signature,
        **({"Content-Digest": digest} if body else {}),
    }


# A connection for each call, so that calls spread over the workers.
CLIENT = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0))


def send(
    gateway: Gateway, method: str, target: str, fields: dict[str, str], body: bytes | Iterator[bytes] = b""
) -> httpx.Response:
    return CLIENT.request(method, f"{gateway.url}{target}", headers={"Host": HOST, **fields}, content=body)


SIGNERS = pytest.mark.parametrize("sign", [by_hmac, by_message_signature])
JSON = {"Content-Type": "application/json"}
BODY = b'{"amount": 1}'


@SIGNERS
def test_a_signed_call_passes_once_over_all_workers(gateway: Gateway, service: Upstream, sign: Sign) -> None:
    fields = sign("GET", "/shop/orders", b"")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: send(gateway, "GET", "/shop/orders", fields), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 23
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"authenticate.failed"}
    for name in ("authorization", "signature", "signature-input"):
        assert service.seen[-1].field(name) is None


@SIGNERS
def test_a_body_passes_as_it_was_signed_and_no_other(gateway: Gateway, service: Upstream, sign: Sign) -> None:
    def call(body: bytes) -> httpx.Response:
        fields = sign("POST", "/shop/orders", BODY, "application/json")
        return send(gateway, "POST", "/shop/orders", {**JSON, **fields}, body)

    assert call(BODY).status_code == 200
    assert service.seen[-1].body == BODY
    before = len(service.seen)
    for other in (b'{"amount": 2}', b"{}", b"", b"not JSON at all", BODY + b" "):
        refused = call(other)
        assert (refused.status_code, refused.json()["code"]) == (401, "authenticate.failed"), other
    assert len(service.seen) == before
    challenges = refused.headers.get_list("www-authenticate")
    assert challenges == ['HMAC-SHA256 realm="partners"', 'Signature realm="robots"']


@SIGNERS
def test_a_body_in_a_content_coding_is_signed_as_it_is_sent(gateway: Gateway, service: Upstream, sign: Sign) -> None:
    packed = gzip.compress(BODY)
    coded = {**JSON, "Content-Encoding": "gzip"}
    fields = sign("POST", "/shop/orders", packed, "application/json", "gzip")
    assert send(gateway, "POST", "/shop/orders", {**coded, **fields}, packed).status_code == 200
    assert service.seen[-1].body == BODY
    fields = sign("POST", "/shop/orders", BODY, "application/json", "gzip")
    assert send(gateway, "POST", "/shop/orders", {**coded, **fields}, packed).status_code == 401


@SIGNERS
def test_a_body_that_nobody_looks_at_is_checked_whole_before_any_of_it_is_sent_on(
    gateway: Gateway, service: Upstream, sign: Sign
) -> None:
    body = b"0123456789" * 20_000
    kind = {"Content-Type": "application/octet-stream"}
    fields = sign("PUT", "/shop/files", body, "application/octet-stream")
    answer = send(gateway, "PUT", "/shop/files", {**kind, **fields}, iter([body[:70_000], body[70_000:]]))
    assert answer.status_code == 200
    assert service.seen[-1].body == body
    before = len(service.seen)
    fields = sign("PUT", "/shop/files", body, "application/octet-stream")
    changed = iter([body[:70_000], body[70_000:-1] + b"x"])
    assert send(gateway, "PUT", "/shop/files", {**kind, **fields}, changed).status_code == 401
    assert len(service.seen) == before


@SIGNERS
def test_a_call_that_is_not_the_one_that_was_signed_is_refused(gateway: Gateway, sign: Sign) -> None:
    fields = sign("GET", "/shop/orders", b"")
    for method, target, more in (
        ("POST", "/shop/orders", {}),
        ("GET", "/shop/orders?admin=1", {}),
        ("GET", "/shop//orders", {}),
        ("GET", "/shop/orders", {"Host": "other.example"}),
    ):
        assert send(gateway, method, target, {**fields, **more}).status_code == 401, target
    assert send(gateway, "GET", "/shop/orders", fields).status_code == 200


def test_a_body_without_a_digest_is_refused(gateway: Gateway) -> None:
    fields = by_hmac("POST", "/shop/orders", b"", "application/json")
    assert send(gateway, "POST", "/shop/orders", {**JSON, **fields}, BODY).status_code == 401
    fields = by_message_signature("POST", "/shop/orders", b"")
    assert send(gateway, "POST", "/shop/orders", {**JSON, **fields}, BODY).status_code == 401
