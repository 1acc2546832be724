from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from rows import rows

from portcullis.control.introspection.client_proof import ASSERTION_TYPE, ClientProofError, prover
from portcullis.engine.authentication.introspection_messages import IntrospectionSource
from portcullis.testing.tokens import rsa_key

PEM = rsa_key("enc").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ENDPOINT = "https://id.example.com/introspect"


def test_a_secret_is_sent_as_http_basic_encoded_as_in_a_form() -> None:
    proof = prover(IntrospectionSource(ENDPOINT, "a b:c", "env:S"), "p%ü w".encode())(0)
    scheme, _, credential = proof.fields["authorization"].partition(" ")
    assert (scheme, base64.b64decode(credential)) == ("Basic", b"a+b%3Ac:p%25%C3%BC+w")
    assert proof.form == {}


def test_a_secret_is_sent_in_the_form() -> None:
    proof = prover(IntrospectionSource(ENDPOINT, "gateway", "env:S", "client_secret_post"), b"s3cret")(0)
    assert (proof.fields, proof.form) == ({}, {"client_id": "gateway", "client_secret": "s3cret"})


def test_a_proof_is_not_shown() -> None:
    assert "s3cret" not in repr(prover(IntrospectionSource(ENDPOINT, "g", "env:S", "client_secret_post"), b"s3cret")(0))


def test_a_key_signs_an_assertion_of_its_own_for_each_call() -> None:
    source = IntrospectionSource(ENDPOINT, "gateway", "file:k", "private_key_jwt", "RS256", "key-1", ENDPOINT)
    prove = prover(source, PEM)
    proofs = [prove(1_800_000_000.5), prove(1_800_000_000.5)]
    tokens = [jwt.decode(proof.form["client_assertion"], RSAKey.import_key(PEM)) for proof in proofs]
    assert tokens[0].header == {"alg": "RS256", "kid": "key-1", "typ": "JWT"}
    assert len({token.claims.pop("jti") for token in tokens}) == 2
    assert tokens[0].claims == {
        "iss": "gateway",
        "sub": "gateway",
        "aud": ENDPOINT,
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
    }
    form = proofs[0].form
    assert (form["client_id"], form["client_assertion_type"]) == ("gateway", ASSERTION_TYPE)


def test_a_key_may_be_a_json_web_key() -> None:
    key = ECKey.generate_key("P-256")
    source = IntrospectionSource(ENDPOINT, "gateway", "file:k", "private_key_jwt", "ES256", "", ENDPOINT)
    proof = prover(source, json.dumps(key.as_dict(private=True)).encode())(0)
    assert jwt.decode(proof.form["client_assertion"], key).claims["sub"] == "gateway"


@rows(
    ("algorithm", "secret"),
    [
        ("ES256", PEM),
        ("RS256", b"no key"),
        ("RS256", b"\xff"),
        ("RS256", json.dumps(RSAKey.import_key(PEM).as_dict(private=False)).encode()),
        ("ES384", json.dumps(ECKey.generate_key("P-256").as_dict(private=True)).encode()),
        ("RS256", b"[]"),
    ],
)
def test_a_key_that_can_not_sign_is_told(algorithm: str, secret: bytes) -> None:
    source = IntrospectionSource(ENDPOINT, "gateway", "file:k", "private_key_jwt", algorithm)
    with pytest.raises(ClientProofError, match=f"no private key for {algorithm}"):
        prover(source, secret)


def test_a_secret_that_is_no_text_is_told() -> None:
    with pytest.raises(ClientProofError, match="no text"):
        prover(IntrospectionSource(ENDPOINT, "gateway", "env:S"), b"\xff\xfe")
