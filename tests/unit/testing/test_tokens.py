from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from joserfc import jws
from joserfc.jwk import JWKRegistry, OctKey
from rows import rows

from portcullis.testing.tokens import Signer, dpop_proof, encoded, key_set_of, part, rsa_key, thumbprint


@rows("algorithm", ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
@pytest.mark.filterwarnings("ignore")
def test_another_library_verifies_what_is_signed(algorithm: str) -> None:
    signer = Signer(algorithm, "a")
    key = JWKRegistry.import_key(signer.jwk)  # type: ignore[arg-type]
    token = signer.token({"sub": "alice"})
    read = jws.deserialize_compact(token, key, algorithms=[algorithm])
    assert read.headers() == {"alg": algorithm, "typ": "JWT", "kid": "a"}
    assert json.loads(read.payload) == {"sub": "alice"}


def test_a_secret_signs_and_is_not_published() -> None:
    signer = Signer("HS256", None, bytes(range(32)))
    read = jws.deserialize_compact(signer.token("text"), OctKey.import_key(bytes(range(32))), algorithms=["HS256"])
    assert (read.payload, read.headers()) == (b"text", {"alg": "HS256", "typ": "JWT"})
    with pytest.raises(ValueError, match="a secret is not published"):
        _ = signer.jwk


def test_a_header_can_say_anything() -> None:
    head = Signer("ES256", "a").token({}, {"alg": "none", "kid": None, "crit": []}).partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "none", "typ": "JWT", "crit": []}


def test_parts_are_json_or_as_they_are() -> None:
    assert (part({"a": 1}), part("{}"), part(b"\xff")) == (encoded(b'{"a":1}'), "e30", "_w")


@pytest.mark.slow
def test_large_keys_are_made_once() -> None:
    assert rsa_key("a") is rsa_key("a")
    assert rsa_key("a") is not rsa_key("b")


def test_a_key_set_has_all_keys() -> None:
    signers = [Signer("ES256", "a"), Signer("EdDSA", "b")]
    assert [key["kid"] for key in key_set_of(*signers)["keys"]] == ["a", "b"]


def test_a_thumbprint_is_as_the_standard_has_it() -> None:
    """RFC 7638 3.1 has an RSA key; RFC 8037 A.3 this one."""
    octets = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signer = Signer("EdDSA", None, ed25519.Ed25519PrivateKey.from_private_bytes(octets))
    assert thumbprint(signer) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_proof_is_for_one_call_with_one_token() -> None:
    signer = Signer("ES256")
    proof = dpop_proof(signer, "abc", "GET", "https://shop.example/", 7.5, "j", nonce="n", ath=None)
    header, claims, _ = (each + "==" for each in proof.split("."))
    said = json.loads(base64.urlsafe_b64decode(header))
    assert (said["typ"], said["alg"], sorted(said["jwk"])) == ("dpop+jwt", "ES256", ["crv", "kty", "x", "y"])
    assert json.loads(base64.urlsafe_b64decode(claims)) == {
        "jti": "j",
        "htm": "GET",
        "htu": "https://shop.example/",
        "iat": 7,
        "nonce": "n",
    }
