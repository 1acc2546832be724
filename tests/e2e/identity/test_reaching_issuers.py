"""How the gateway reaches issuers: by a proxy, and by the authorities of the file; nobody else is taken for them."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from calling import SPEC, call
from connect_proxy import proxy
from gateway import Gateway, serving, wait_for
from issuer import Issuer, send
from upstream import Upstream

from portcullis.testing.certificates import Authority, Issued

NAME = "id.internal"  # resolves nowhere: who reaches it has gone by the proxy
ROOT = Authority("root")
RIGHT, OTHER_NAME = (ROOT.issue(f"CN={name}", dns=[name]) for name in (NAME, "other.internal"))
STRANGER = Authority("stranger").issue(f"CN={NAME}", dns=[NAME])
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities:
  signed:
    jwt: {issuer: "ISSUER", audience: shop, jwks: auto, keys: {refresh: 1s, refetch: 200ms}}
  opaque:
    introspection:
      endpoint: ISSUER/introspect
      client: {id: gateway, secret: "file:secret.txt"}
      audience: shop
      cache: {active: 0s, inactive: 0s}
plans: {free: {rate: {requests: 100000, per: second}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [signed, opaque]
    limit: {plan: free}
    validate: {response: {mode: "off"}}
    operations: {"GET /open": {public: true}}
outgoing: {timeout: 2s, OUTGOING}
observe: {access_log: {path: access.jsonl}}
"""
UNKNOWN = "opaque"


def introspect(handler: BaseHTTPRequestHandler) -> None:
    send(handler, json.dumps({"active": True, "sub": "bob", "aud": "shop", "exp": int(time.time()) + 60}).encode())


@pytest.fixture
def make_issuer(tmp_path: Path) -> Iterator[Callable[[Issued], Issuer]]:
    made: list[Issuer] = []

    def make(issued: Issued) -> Issuer:
        issued.write(tmp_path / "issuer.pem", tmp_path / "issuer.key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "issuer.pem", tmp_path / "issuer.key")
        made.append(Issuer(context=context, host=NAME, behaviours={"/introspect": introspect}))
        return made[-1]

    yield make
    for issuer in made:
        issuer.stop()


def files(folder: Path, issuer: Issuer, outgoing: str) -> str:
    (folder / "ca.pem").write_bytes(ROOT.pem)
    (folder / "secret.txt").write_text("s3cret")
    return CONFIGURATION.replace("ISSUER", issuer.url).replace("OUTGOING", outgoing)


def test_issuers_are_reached_by_the_proxy_and_known_by_the_authority_of_the_file(
    tmp_path: Path, make_issuer: Callable[[Issued], Issuer], service: Upstream
) -> None:
    issuer = make_issuer(RIGHT)
    with proxy({NAME: issuer.port}) as way:
        configuration = files(tmp_path, issuer, f'proxy: "{way.url}", ca: ca.pem')
        with serving(tmp_path, SPEC, configuration, service.url, workers=2) as gateway:
            wait_for(lambda: call(gateway, issuer.token()).status_code == 200, "the keys")
            assert call(gateway, UNKNOWN).status_code == 200
            assert set(way.asked) == {f"{NAME}:{issuer.port}"}
            assert {"/.well-known/openid-configuration", "/keys", "/introspect"} <= set(issuer.asked)
            way.close()
            assert call(gateway, issuer.token()).status_code == 200  # keys that are known hold


@pytest.mark.parametrize(
    ("issued", "outgoing", "told"),
    [
        (RIGHT, 'proxy: "PROXY"', "certificate verify failed"),
        (STRANGER, 'proxy: "PROXY", ca: ca.pem', "certificate verify failed"),
        (OTHER_NAME, 'proxy: "PROXY", ca: ca.pem', "Hostname mismatch"),
        (RIGHT, 'proxy: "http://127.0.0.1:1", ca: ca.pem', "All connection attempts failed"),
        (RIGHT, "ca: ca.pem", "not known|name resolution|no address"),
    ],
    ids=["authority unknown", "another authority", "another name", "proxy away", "without the proxy"],
)
def test_whoever_can_not_be_reached_or_known_vouches_for_nobody(
    tmp_path: Path,
    make_issuer: Callable[[Issued], Issuer],
    service: Upstream,
    issued: Issued,
    outgoing: str,
    told: str,
) -> None:
    issuer = make_issuer(issued)
    with proxy({NAME: issuer.port}) as way:
        configuration = files(tmp_path, issuer, outgoing.replace("PROXY", way.url))
        with serving(tmp_path, SPEC, configuration, service.url) as gateway:
            refused_everything(gateway, issuer)
            assert issuer.asked == []
            assert re.search(told, gateway.errors())
            assert "Traceback" not in gateway.errors()
            assert "s3cret" not in gateway.errors()


def test_a_proxy_that_lets_nobody_through_is_told_of(
    tmp_path: Path, make_issuer: Callable[[Issued], Issuer], service: Upstream
) -> None:
    issuer = make_issuer(RIGHT)
    with proxy({}) as way:
        configuration = files(tmp_path, issuer, f'proxy: "{way.url}", ca: ca.pem')
        with serving(tmp_path, SPEC, configuration, service.url) as gateway:
            refused_everything(gateway, issuer)
            assert "403" in gateway.errors()


def refused_everything(gateway: Gateway, issuer: Issuer) -> None:
    for token in (issuer.token(), UNKNOWN):
        answer = call(gateway, token)
        assert (answer.status_code, answer.json()["code"]) == (503, "authenticate.unavailable")
    assert call(gateway).status_code == 401
    assert call(gateway, path="/shop/open").status_code == 200
