from __future__ import annotations

import base64
import json

import pytest
from bench.tokens import Issuer, bearer, forged
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_token_verifies_with_the_published_key() -> None:
    issuer = Issuer()
    head, claims, signature = issuer.token("gold").split(".")
    [jwk] = json.loads(issuer.key_set())["keys"]
    public = RSAPublicNumbers(*(int.from_bytes(decode(jwk[name])) for name in ("e", "n"))).public_key()

    public.verify(decode(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    assert json.loads(decode(head))["alg"] == "RS256"
    assert json.loads(decode(claims))["plan"] == "gold"


@pytest.mark.slow
def test_a_forged_token_differs_in_its_signature_alone() -> None:
    token = Issuer().token("gold")
    assert forged(token) != token
    assert forged(token).rpartition(".")[0] == token.rpartition(".")[0]
    assert forged(forged(token)) != forged(token)
    assert bearer("x") == {"Authorization": "Bearer x"}
