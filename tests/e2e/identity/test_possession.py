"""Tokens that are bound to a key of the caller, and log-ins that are asked for anew, over sockets."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from calling import CONFIGURATION, Connection, write_configuration
from gateway import Gateway, end, start
from issuer import Issuer
from token_mutations import Mutations
from upstream import Upstream

from portcullis.testing.tokens import Signer, dpop_proof, thumbprint

KEY, OTHER = Signer("ES256", None), Signer("ES256", None)
HOST = "api.shop.example"
PUBLIC = f"https://{HOST}"
_numbers = itertools.count()
Begin = Callable[..., Gateway]
CLIENT = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture
def begin(tmp_path: Path, issuer: Issuer, service: Upstream) -> Iterator[Begin]:
    running: list[Gateway] = []

    def starting(dpop: str, workers: int = 1) -> Gateway:
        write_configuration(tmp_path, issuer, service, f"jwks: auto, dpop: {dpop}")
        running.append(start(tmp_path, workers))
        return running[-1]

    yield starting
    for gateway in running:
        end(gateway)


def bound(issuer: Issuer, **claims: object) -> str:
    return issuer.token(cnf={"jkt": thumbprint(KEY)}, **claims)


def proof(token: str, method: str = "GET", path: str = "/shop/orders", signer: Signer = KEY, **claims: object) -> str:
    said = {"iat": time.time(), "jti": f"j-{next(_numbers)}", "url": f"{PUBLIC}{path}", **claims}
    return dpop_proof(signer, token, method, **said)  # type: ignore[arg-type]


def send(
    gateway: Gateway,
    token: str,
    proof: str | None,
    scheme: str = "DPoP",
    method: str = "GET",
    path: str = "/shop/orders",
) -> httpx.Response:
    fields = {"Host": HOST, "Authorization": f"{scheme} {token}", **({} if proof is None else {"DPoP": proof})}
    return CLIENT.request(method, f"{gateway.url}{path}", headers=fields)


BEHIND_A_BALANCER = f'{{htu: ["{PUBLIC}"]}}'


def test_a_token_is_worth_something_with_its_proof_only(begin: Begin, issuer: Issuer, service: Upstream) -> None:
    gateway = begin(BEHIND_A_BALANCER)
    token = bound(issuer)
    assert send(gateway, token, proof(token)).status_code == 200
    assert [service.seen[-1].field(name) for name in ("authorization", "dpop")] == [None, None]
    refused = [
        send(gateway, token, None),
        send(gateway, token, proof(token), "Bearer"),
        send(gateway, token, proof(token, signer=OTHER)),
        send(gateway, token, proof(token, "POST")),
        send(gateway, token, proof(token, path="/shop/other")),
        send(gateway, token, proof(bound(issuer, jti="another"))),
        send(gateway, token, proof(token, iat=time.time() - 100)),
        send(gateway, token, proof(token, url=f"{gateway.url}/shop/orders")),
        send(gateway, issuer.token(), proof(issuer.token())),
        send(gateway, issuer.token(), None, "Bearer"),
    ]
    assert [answer.status_code for answer in refused] == [401] * len(refused)
    assert {answer.headers["www-authenticate"] for answer in refused} == {
        'DPoP realm="staff", algs="ES256 EdDSA Ed25519 PS256"'
    }
    assert {answer.json()["code"] for answer in refused} == {"authenticate.failed"}


def test_a_proof_is_good_once_over_all_workers(begin: Begin, issuer: Issuer) -> None:
    gateway = begin(BEHIND_A_BALANCER, workers=2)
    token = bound(issuer)
    made = proof(token)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: send(gateway, token, made).status_code, range(24)))
    assert sorted(answers) == [200] + [401] * 23


def test_without_a_balancer_the_url_is_the_one_of_the_call(begin: Begin, issuer: Issuer) -> None:
    gateway = begin("allowed")
    token = bound(issuer)
    right = f"http://{HOST}/shop/orders?a=1"
    assert send(gateway, token, proof(token, url=right), path="/shop/orders").status_code == 200
    assert send(gateway, token, proof(token)).status_code == 401
    assert send(gateway, issuer.token(), None, "Bearer").status_code == 200


def test_a_nonce_of_the_gateway_is_asked_for_and_holds_on_every_worker(begin: Begin, issuer: Issuer) -> None:
    gateway = begin(f'{{htu: ["{PUBLIC}"], nonce: 10m}}', workers=2)
    token = bound(issuer)
    asked = send(gateway, token, proof(token))
    assert (asked.status_code, asked.json()["code"]) == (401, "authenticate.failed")
    assert 'error="use_dpop_nonce"' in asked.headers["www-authenticate"]
    nonce = asked.headers["dpop-nonce"]
    assert [send(gateway, token, proof(token, nonce=nonce)).status_code for _ in range(12)] == [200] * 12
    assert send(gateway, token, proof(token, nonce=nonce[:-1])).status_code == 401


def test_no_shape_of_a_proof_is_an_error_or_a_grant(begin: Begin, issuer: Issuer, service: Upstream) -> None:
    gateway = begin(BEHIND_A_BALANCER)
    token = bound(issuer)
    mutations = Mutations(Signer("ES256", "first"), issuer.url, "shop", int(time.time())).all()[::5]
    values = [value for mutation in mutations for _, value in mutation.fields]
    good = proof(token).encode()
    values += [good[:at] for at in range(0, len(good), 9)] + [b"", b"\xff\xfe", good + b"\xe9", good + b", " + good]
    with closing(Connection(gateway)) as connection:
        start_of_call = [("authorization", f"DPoP {token}".encode())]
        told = [connection.status([*start_of_call, ("dpop", value)]) for value in values]
    assert {status for status in told if not 400 <= status < 500} == set()
    assert service.seen == []


def test_a_log_in_that_is_too_old_is_asked_for_anew(tmp_path: Path, issuer: Issuer, service: Upstream) -> None:
    step_up = '\n      "POST /orders": {authorize: {step_up: {acr: [mfa], max_age: 10m}}}\n'
    public = '      "GET /open": {public: true}\n'
    assert public in CONFIGURATION
    write_configuration(tmp_path, issuer, service, change=lambda text: text.replace(public, public.rstrip() + step_up))
    gateway = start(tmp_path)
    try:
        now = int(time.time())

        def post(**claims: object) -> httpx.Response:
            fields = {"Authorization": f"Bearer {issuer.token(**claims)}"}  # type: ignore[arg-type]
            return CLIENT.post(f"{gateway.url}/shop/orders", headers=fields)

        assert post(acr="mfa", auth_time=now - 60).status_code == 200
        for claims in ({}, {"acr": "pwd", "auth_time": now}, {"acr": "mfa", "auth_time": now - 1000}, {"acr": "mfa"}):
            refused = post(**claims)
            assert (refused.status_code, refused.json()["code"]) == (401, "authorize.insufficient_authentication")
            assert refused.headers["www-authenticate"] == (
                'Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="600"'
            )
        fields = {"Authorization": f"Bearer {issuer.token()}"}
        assert CLIENT.get(f"{gateway.url}/shop/orders", headers=fields).status_code == 200
    finally:
        end(gateway)
