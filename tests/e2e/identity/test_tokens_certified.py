"""Programs with tokens of a certified provider: signed and opaque, bound to a key or not, while its keys rotate."""

from __future__ import annotations

import base64
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from calling import SPEC
from certified_provider import CertifiedProvider, install, private_jwk
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gateway import Gateway, end, start, wait_for
from ports import free_port
from upstream import Upstream

from portcullis.testing.tokens import Signer, dpop_proof

SIGNED, OPAQUE, FOREIGN = "https://shop.example/signed", "https://shop.example/opaque", "https://other.example/"
ROBOT, BOUND = "robot", "bound-robot"
SECRET = "s3cret/with+signs"
KEY, OTHER = Signer("ES256", None), Signer("ES256", None)
GATEWAY_KEY = Signer("ES256", "gateway-1")
CLIENT_SECRET = 'secret: "file:secret.txt"'
CLIENT_KEY = 'key: "file:gateway.pem", algorithm: ES256, kid: gateway-1, audience: PROVIDER'
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities:
  signed:
    jwt:
      issuer: PROVIDER
      audience: https://shop.example/signed
      jwks: auto
      profile: rfc9068
      keys: {refresh: 1s, refetch: 200ms}
      dpop: allowed
  opaque:
    introspection:
      endpoint: PROVIDER/token/introspection
      client: {id: gateway, CLIENT}
      issuer: PROVIDER
      audience: https://shop.example/opaque
      subject: client_id
      cache: {active: 1s, inactive: 500ms}
      dpop: allowed
plans: {free: {rate: {requests: 100000, per: second}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [signed, opaque]
    limit: {plan: free}
    validate: {response: {mode: "off"}}
    operations:
      "GET /open": {public: true}
      "POST /orders": {authorize: {scopes: ["orders:write"]}}
observe: {access_log: {path: access.jsonl}}
"""
_numbers = itertools.count()
_CLIENT = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0))


def proof(method: str, url: str, token: str = "", signer: Signer = KEY, **claims: Any) -> str:
    said = {"iat": time.time(), "jti": f"j-{next(_numbers)}", **claims}
    return dpop_proof(signer, token, method, url, **said)


class Site:
    """A provider, and a gateway that takes its tokens."""

    def __init__(self, directory: Path, service: Upstream, client: str = CLIENT_SECRET, seconds: int = 300) -> None:
        as_gateway: dict[str, Any] = {"client_id": "gateway"}
        if client == CLIENT_KEY:
            as_gateway |= {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [GATEWAY_KEY.jwk]}}
        else:
            as_gateway |= {"client_secret": SECRET}
        robots = [
            {"client_id": ROBOT, "client_secret": SECRET},
            {"client_id": BOUND, "client_secret": SECRET, "dpop_bound_access_tokens": True},
        ]
        usual: dict[str, Any] = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]}
        usual["id_token_signed_response_alg"] = "ES256"
        self.keys = [private_jwk("first")]
        self.provider = CertifiedProvider(
            free_port(),
            [{**each, **usual} for each in (as_gateway, *robots)],
            self.keys,
            seconds,
            {SIGNED: "jwt", OPAQUE: "opaque", FOREIGN: "jwt"},
        )
        (directory / "secret.txt").write_text(SECRET)
        pem = GATEWAY_KEY.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "gateway.pem").write_bytes(pem)
        (directory / "shop.yaml").write_text(SPEC)
        text = CONFIGURATION.replace("CLIENT", client).replace("PROVIDER", self.provider.url)
        (directory / "portcullis.yaml").write_text(text.replace("UPSTREAM", service.url))
        self.gateway: Gateway = start(directory, 2)

    def stop(self) -> None:
        end(self.gateway)
        self.provider.stop()

    def token(self, resource: str, robot: str = ROBOT, scope: str = "orders:read", signer: Signer = KEY) -> str:
        """A token by client credentials; bound to the key of ``signer`` where the robot's tokens are."""
        url = f"{self.provider.url}/token"
        fields = {} if robot == ROBOT else {"DPoP": proof("POST", url, signer=signer, ath=None)}
        form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        answer = _CLIENT.post(url, data=form, headers={**fields, **basic(robot)})
        assert answer.status_code == 200, answer.text
        assert answer.json()["token_type"] == ("Bearer" if robot == ROBOT else "DPoP")
        return str(answer.json()["access_token"])

    def revoke(self, token: str, robot: str = ROBOT) -> None:
        answer = _CLIENT.post(f"{self.provider.url}/token/revocation", data={"token": token}, headers=basic(robot))
        assert answer.status_code == 200, answer.text

    def call(self, token: str, method: str = "GET", fields: Mapping[str, str] | None = None) -> httpx.Response:
        said = {"Authorization": f"Bearer {token}"} if fields is None else fields
        return _CLIENT.request(method, f"{self.gateway.url}/shop/orders", headers=said)

    def status(self, token: str, method: str = "GET") -> int:
        return self.call(token, method).status_code

    def proven(self, token: str, made: str | None = None, scheme: str = "DPoP") -> int:
        """The status of a call with a proof, by default the right one."""
        made = proof("GET", f"{self.gateway.url}/shop/orders", token) if made is None else made
        return self.call(token, fields={"Authorization": f"{scheme} {token}", "DPoP": made}).status_code


def basic(robot: str) -> dict[str, str]:
    """Client authentication of RFC 6749 2.3.1."""
    said = f"{robot}:{SECRET.replace('/', '%2F').replace('+', '%2B')}"
    return {"Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}


@pytest.fixture(params=[CLIENT_SECRET, CLIENT_KEY], ids=["by secret", "by key"])
def asking(request: pytest.FixtureRequest, tmp_path: Path, service: Upstream) -> Iterator[Site]:
    """A site whose gateway shows who it is at the introspection endpoint, in each of the ways."""
    install()
    made = Site(tmp_path, service, request.param)
    yield made
    made.stop()


@pytest.fixture
def site(tmp_path: Path, service: Upstream) -> Iterator[Site]:
    install()
    made = Site(tmp_path, service)
    yield made
    made.stop()


@pytest.mark.timeout(300)
def test_tokens_of_both_kinds_are_taken_for_what_they_are(asking: Site) -> None:
    for resource in (SIGNED, OPAQUE):
        token = asking.token(resource)
        assert asking.status(token) == 200
        assert asking.status(token, "POST") == 403
        assert asking.status(asking.token(resource, scope="orders:read orders:write"), "POST") == 200
        assert asking.status(token[:-2]) == 401
    assert asking.status(asking.token(FOREIGN)) == 401
    assert asking.token(SIGNED).count(".") == 2
    assert "." not in asking.token(OPAQUE)
    record = asking.gateway.record_of(asking.call(asking.token(OPAQUE)).headers["x-request-id"])
    assert record["consumer"] == f"opaque:{ROBOT}"


@pytest.mark.timeout(300)
def test_a_token_that_is_revoked_passes_no_longer_than_answers_are_kept(site: Site) -> None:
    token, other = site.token(OPAQUE), site.token(OPAQUE)
    assert [site.status(each) for each in (token, other)] == [200, 200]
    site.revoke(token)
    revoked = time.monotonic()
    while time.monotonic() < revoked + 1.5:  # each worker may go by its answer for a second
        site.status(token)
    assert [site.status(token) for _ in range(10)] == [401] * 10
    assert site.status(other) == 200


@pytest.mark.timeout(300)
def test_while_the_provider_is_away_signed_tokens_pass_and_opaque_ones_do_not(site: Site) -> None:
    signed, opaque = site.token(SIGNED), site.token(OPAQUE)
    assert [site.status(each) for each in (signed, opaque)] == [200, 200]
    site.provider.stop()
    time.sleep(1.1)  # the time for which an answer is gone by
    refused = site.call(opaque)
    assert (refused.status_code, refused.json()["code"]) == (503, "authenticate.unavailable")
    assert site.status(signed) == 200
    site.provider.start(site.keys)
    wait_for(lambda: site.status(site.token(OPAQUE)) == 200, "the provider to be asked again", 10)
    assert site.status(opaque) == 401  # it has forgotten what it issued before


@pytest.mark.timeout(300)
@pytest.mark.parametrize("resource", [SIGNED, OPAQUE], ids=["signed", "opaque"])
def test_a_token_that_is_bound_to_a_key_passes_with_a_proof_only(site: Site, resource: str) -> None:
    token = site.token(resource, BOUND)
    url = f"{site.gateway.url}/shop/orders"
    assert site.proven(token) == 200
    made = proof("GET", url, token)
    assert [site.proven(token, made) for _ in range(6)] == [200] + [401] * 5
    refused = [
        site.proven(token, proof("GET", url, token, OTHER)),
        site.proven(token, proof("POST", url, token)),
        site.proven(token, proof("GET", f"{site.gateway.url}/shop/open", token)),
        site.proven(token, proof("GET", url, site.token(resource, BOUND))),
        site.proven(token, proof("GET", url, token, iat=time.time() - 120)),
        site.proven(token, proof("GET", url, token, ath=None)),
        site.proven(token, scheme="Bearer"),
        site.status(token),
        site.call(token, fields={"Authorization": f"DPoP {token}"}).status_code,
        site.proven(site.token(resource, BOUND, signer=OTHER)),
    ]
    assert refused == [401] * len(refused)
    assert site.status(site.token(resource)) == 200  # tokens that are bound to nothing pass as they are


@pytest.mark.timeout(300)
def test_keys_rotate_under_traffic_and_no_valid_token_is_refused(site: Site) -> None:
    """The new key is published beside the old one first, then signs, and then the old one is withdrawn."""
    first, second = site.keys[0], private_jwk("second")
    tokens = [site.token(SIGNED) for _ in range(4)]
    assert {site.status(token) for token in tokens} == {200}
    answers: list[int] = []
    stop = threading.Event()

    def calling(number: int) -> None:
        while not stop.is_set():
            answers.append(site.status(tokens[number]))

    threads = [threading.Thread(target=calling, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for keys in ([first, second], [second, first]):
            site.provider.stop()
            time.sleep(1.2)  # keys are looked for while nobody is there
            site.provider.start(keys)
            time.sleep(1.5)
            tokens[:2] = [site.token(SIGNED) for _ in range(2)]
            assert {site.status(token) for token in tokens} == {200}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(answers) > 100
    assert set(answers) == {200}
    site.provider.stop()
    site.provider.start([second])
    old = tokens[3]
    wait_for(lambda: site.status(old) == 401, "the key that was withdrawn", 10)
    assert site.status(tokens[0]) == 200
