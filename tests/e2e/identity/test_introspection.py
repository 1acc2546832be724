"""Tokens that only their issuer can read: who is asked how often, and for how long one that was revoked passes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from calling import SPEC, Connection, call
from gateway import Gateway, end, start
from issuer import Issuer, dripping, huge, saying, send, silent
from token_mutations import Mutations
from upstream import Upstream

from portcullis.testing.tokens import Signer

INTROSPECT = "/introspect"
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners:
    introspection:
      endpoint: ISSUER/introspect
      client: {id: gateway, secret: "file:secret.txt"}
      audience: shop
      cache: {active: 1s, inactive: 500ms}
plans:
  free: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    limit: {plan: free}
    validate: {response: {mode: "off"}}
    operations:
      "GET /open": {public: true}
outgoing: {timeout: 1s}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
CACHED_SECONDS = 1.0


class Introspection:
    """The endpoint: knows ``tokens``, and notes who ``asked`` about which."""

    def __init__(self, issuer: Issuer) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.credentials: set[str | None] = set()
        issuer.behaviours[INTROSPECT] = self.answer

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        form: dict[str, str] = handler.form  # type: ignore[attr-defined]
        self.asked.append(form["token"])
        self.credentials.add(handler.headers["Authorization"])
        said = self.tokens.get(form["token"])
        send(handler, json.dumps({"active": False} if said is None else {"active": True, **said}).encode())


@pytest.fixture
def endpoint(issuer: Issuer) -> Introspection:
    made = Introspection(issuer)
    made.tokens["good"] = {"sub": "alice", "aud": "shop", "exp": int(time.time()) + 300}
    return made


@pytest.fixture
def begin(tmp_path: Path, issuer: Issuer, service: Upstream) -> Iterator[Callable[..., Gateway]]:
    running: list[Gateway] = []
    (tmp_path / "secret.txt").write_text("s3cret")
    (tmp_path / "shop.yaml").write_text(SPEC)
    (tmp_path / "portcullis.yaml").write_text(
        CONFIGURATION.replace("ISSUER", issuer.url).replace("UPSTREAM", service.url)
    )

    def starting(workers: int = 1) -> Gateway:
        running.append(start(tmp_path, workers))
        return running[-1]

    yield starting
    for gateway in running:
        end(gateway)


def status(gateway: Gateway, token: str | None) -> int:
    return call(gateway, token).status_code


def test_who_has_an_active_token_is_let_through_and_nobody_else(
    begin: Callable[..., Gateway], endpoint: Introspection, service: Upstream
) -> None:
    gateway = begin()
    assert status(gateway, "good") == 200
    endpoint.tokens["foreign"] = {"sub": "alice", "aud": "other"}
    endpoint.tokens["nobody"] = {"aud": "shop"}
    refused = [call(gateway, token) for token in ("bad", "foreign", "nobody", "a b", "=", None)]
    assert {answer.status_code for answer in refused} == {401}
    assert {answer.headers["www-authenticate"] for answer in refused} == {'Bearer realm="partners"'}
    assert {answer.json()["code"] for answer in refused} == {"authenticate.failed"}
    assert endpoint.credentials == {"Basic Z2F0ZXdheTpzM2NyZXQ="}
    assert [seen.field("authorization") for seen in service.seen] == [None]
    assert call(gateway, path="/shop/open").status_code == 200


def test_a_token_is_asked_about_once_in_a_while_and_passes_no_longer_once_revoked(
    begin: Callable[..., Gateway], endpoint: Introspection
) -> None:
    gateway = begin()
    assert status(gateway, "good") == 200
    revoked = time.monotonic()
    del endpoint.tokens["good"]
    assert status(gateway, "good") == 200
    assert endpoint.asked == ["good"]
    while status(gateway, "good") == 200:
        assert time.monotonic() - revoked < CACHED_SECONDS + 1
        time.sleep(0.05)
    asked = len(endpoint.asked)
    assert status(gateway, "good") == 401
    assert len(endpoint.asked) == asked  # a no is remembered as well


def test_many_who_come_at_once_are_few_questions(begin: Callable[..., Gateway], endpoint: Introspection) -> None:
    gateway = begin(2)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: status(gateway, "good"), range(64)))
    assert set(answers) == {200}
    assert len(endpoint.asked) <= 4


def test_an_issuer_that_can_not_answer_is_never_a_grant(
    begin: Callable[..., Gateway], endpoint: Introspection, issuer: Issuer
) -> None:
    gateway = begin()
    for name, respond in {
        "error": saying(b"{}", 500),
        "refuses the gateway": saying(b'{"error": "invalid_client"}', 401),
        "redirect": saying(b'{"active": true, "sub": "alice", "aud": "shop"}', 302),
        "empty": saying(b""),
        "no JSON": saying(b"<html>"),
        "list": saying(b'[{"active": true}]'),
        "no word of it": saying(b'{"sub": "alice", "aud": "shop"}'),
        "text": saying(b'{"active": "true", "sub": "alice", "aud": "shop"}'),
        "number": saying(b'{"active": 1, "sub": "alice", "aud": "shop"}'),
        "not UTF-8": saying(b'{"active": true, "sub": "\xff", "aud": "shop"}'),
        "nested": saying(b'{"active": true, "sub": "a", "aud": "shop", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        "large": saying(b'{"active": true, "sub": "a", "aud": "shop", "x": "' + b"a" * 100_000 + b'"}'),
        "10 MiB": huge,
        "silent": silent,
        "dripping": dripping,
    }.items():
        issuer.behaviours[INTROSPECT] = respond
        assert (name, status(gateway, f"token-{name.replace(' ', '-')}")) == (name, 503)
    issuer.stop()
    assert status(gateway, "token-away") == 503
    issuer.behaviours[INTROSPECT] = endpoint.answer
    issuer.start()
    assert status(gateway, "good") == 200
    record = json.loads((gateway.directory / "access.jsonl").read_text().splitlines()[0])
    assert "s3cret" not in (gateway.directory / "access.jsonl").read_text()
    assert "s3cret" not in (gateway.directory / "stderr.txt").read_text()
    assert record["status"] == 503


def test_a_gateway_that_starts_without_its_issuer_refuses_until_it_is_there(
    begin: Callable[..., Gateway], endpoint: Introspection, issuer: Issuer
) -> None:
    issuer.stop()
    gateway = begin()
    assert status(gateway, "good") == 503
    issuer.start()
    assert status(gateway, "good") == 200


def test_a_token_of_any_shape_is_refused_and_never_an_error(
    begin: Callable[..., Gateway], endpoint: Introspection, service: Upstream
) -> None:
    del endpoint  # which knows none of them
    gateway = begin()
    signer = Signer("ES256", "first")
    mutations = Mutations(signer, "https://id.example.com", "shop", int(time.time())).all()
    with closing(Connection(gateway)) as connection:
        passed = [
            (each.name, status) for each in mutations if not 400 <= (status := connection.status(each.fields)) < 500
        ]
    assert passed == []
    assert service.seen == []
