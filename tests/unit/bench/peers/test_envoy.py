from __future__ import annotations

import base64
import json

import pytest
from bench.peers import Ground, envoy
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_token_verifies_with_the_published_key() -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    head, claims, signature = envoy.sign(key, {"sub": "bench"}).split(".")
    jwk = envoy.public_jwk(key)
    public = RSAPublicNumbers(*(int.from_bytes(decode(jwk[name])) for name in ("e", "n"))).public_key()

    public.verify(decode(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    assert json.loads(decode(head))["alg"] == "RS256"
    assert json.loads(decode(claims)) == {"sub": "bench"}


@pytest.mark.parametrize(
    ("setup", "filters"),
    [
        (envoy.passthrough, ["router"]),
        (envoy.policy, ["jwt_authn", "rbac", "local_ratelimit", "router"]),
        (envoy.policy_uncached, ["jwt_authn", "rbac", "local_ratelimit", "router"]),
    ],
)
def test_each_setup_logs_and_has_its_filters(setup: object, filters: list[str], ground: Ground) -> None:
    assert callable(setup)
    made = setup(ground)
    config = json.loads((ground.folder / "envoy.json").read_text())
    (listener,) = config["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]

    assert [each["name"].rpartition(".")[2] for each in manager["http_filters"]] == filters
    assert manager["access_log"][0]["typed_config"]["path"] == str(made.access_log)
    assert bool(made.credential) == ("jwt_authn" in filters)
    assert ("--concurrency", "1") in zip(made.argv, made.argv[1:], strict=False)
    provider = manager["http_filters"][0]["typed_config"].get("providers", {}).get("shop", {})
    assert ("jwt_cache_config" in provider) == (setup is envoy.policy)
