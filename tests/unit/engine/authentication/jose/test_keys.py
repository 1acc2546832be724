from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rows import rows

from portcullis.engine.authentication.jose.keys import (
    NotForUsError,
    UnusableKeyError,
    read_jwk,
    read_pem,
    shared_secret,
)
from portcullis.testing.tokens import Signer, encoded, rsa_key


def test_a_key_is_for_what_it_says() -> None:
    key = read_jwk(Signer("PS384", "a").jwk)
    assert (key.kid, list(key.verifiers), key.is_secret) == ("a", ["PS384"], False)


@rows(
    ("algorithm", "verifiers"),
    [("RS512", ["RS256"]), ("ES384", ["ES384"]), ("ES512", ["ES512"]), ("EdDSA", ["Ed25519", "EdDSA"])],
)
def test_a_key_that_does_not_say_is_for_the_usual_one(algorithm: str, verifiers: list[str]) -> None:
    jwk = Signer(algorithm, "a").jwk
    del jwk["alg"]
    assert list(read_jwk(jwk).verifiers) == verifiers


def test_a_key_that_does_not_say_is_for_what_the_file_names() -> None:
    jwk = Signer("RS256", "a").jwk
    del jwk["alg"]
    assert list(read_jwk(jwk, ["PS256", "RS256", "ES256"]).verifiers) == ["PS256", "RS256"]


def test_a_key_that_is_for_what_the_file_does_not_name_is_not_used() -> None:
    with pytest.raises(UnusableKeyError, match=r"none of the accepted algorithms \(PS256\)"):
        read_jwk(Signer("RS256", "a").jwk, ["PS256"])


def test_the_two_names_of_ed25519_mean_the_same() -> None:
    jwk = Signer("EdDSA", "a").jwk
    for own in ("EdDSA", "Ed25519"):
        for accepted in (["EdDSA"], ["Ed25519"]):
            assert list(read_jwk({**jwk, "alg": own}, accepted).verifiers) == ["Ed25519", "EdDSA"]


RSA = Signer("RS256", "a").jwk
EC = Signer("ES256", "a").jwk
OKP = Signer("EdDSA", "a").jwk
SMALL = Signer("RS256", "a", rsa_key("small", 1024)).jwk


@rows(
    ("jwk", "reason"),
    [
        ({}, "keys of type None"),
        ({**RSA, "kty": "AKP"}, "keys of type AKP"),
        ({"kty": "oct", "k": encoded(bytes(32)), "alg": "HS256"}, "its secret part"),
        ({**RSA, "kty": "oct"}, "keys of type oct"),
        ({**RSA, "kid": 7}, "its kid is no text"),
        ({**RSA, "kid": "x" * 2000}, "its kid is no text"),
        ({**RSA, "d": "AQAB"}, r"its secret part \(d\) was published"),
        (SMALL, "it has 1024 bits, and RSA keys have at least 2048"),
        ({**RSA, "n": encoded(b"\xff" * 2000)}, "it has 16000 bits, and RSA keys have at most 8192"),
        ({**RSA, "n": encoded(b"\xff" * 255 + b"\xfe")}, "its numbers are no RSA key"),
        ({**RSA, "e": "AQ"}, "its numbers are no RSA key"),
        ({**RSA, "e": "AQAA"}, "its numbers are no RSA key"),
        ({**RSA, "e": encoded(b"\x01" * 9)}, "its numbers are no RSA key"),
        ({**RSA, "n": "not base64url!"}, "its member n is missing or malformed"),
        ({**RSA, "n": 5}, "its member n is missing or malformed"),
        ({name: value for name, value in RSA.items() if name != "e"}, "its member e is missing"),
        ({**RSA, "alg": "HS256"}, "its alg HS256 is not for a key of its type"),
        ({**RSA, "alg": "RSA-OAEP"}, "its alg RSA-OAEP is not for a key of its type"),
        ({**RSA, "alg": "none"}, "its alg none is not"),
        ({**RSA, "alg": ["RS256"]}, "its alg .* is not"),
        ({**EC, "alg": "ES384"}, "its alg ES384 is not for a key of its type"),
        ({**EC, "crv": "secp256k1"}, "its curve secp256k1 is not one of"),
        ({**EC, "crv": ["P-256"]}, "its curve .* is not one of"),
        ({**EC, "y": encoded(bytes(32))}, "its point is not on its curve"),
        ({**EC, "y": encoded(bytes(31))}, "its member y is missing or malformed"),
        ({**OKP, "crv": "Ed448"}, "its curve Ed448 is not Ed25519"),
        ({**OKP, "x": encoded(bytes(33))}, "its member x is missing or malformed"),
    ],
)
def test_a_key_that_can_not_be_used_is_not(jwk: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnusableKeyError, match=reason):
        read_jwk(jwk)


@rows("said", [{"use": "enc"}, {"use": 1}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}])
def test_a_key_for_something_else_is_told_from_one_that_is_wrong(said: dict[str, Any]) -> None:
    with pytest.raises(NotForUsError):
        read_jwk({**RSA, **said})


def test_certificates_with_a_key_are_not_looked_at() -> None:
    assert read_jwk({**RSA, "x5c": ["nonsense"], "x5u": "http://127.0.0.1/", "key_ops": ["verify"]}).kid == "a"


def pem_of(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_public_keys_in_pem() -> None:
    assert list(read_pem(pem_of(Signer("RS256", "a").key)).verifiers) == ["RS256"]
    key = read_pem(pem_of(Signer("ES384", "a").key))
    assert (key.kid, list(key.verifiers)) == (None, ["ES384"])


@rows(
    ("pem", "reason"),
    [
        (b"-----BEGIN PUBLIC KEY-----\nnonsense", "no public key in PEM"),
        (pem_of(rsa_key("small", 1024)), "at least 2048"),
        (pem_of(ed448.Ed448PrivateKey.generate()), "no RSA, EC or Ed25519 key"),
        (pem_of(dsa.generate_private_key(1024)), "no RSA, EC or Ed25519 key"),
        (pem_of(ec.generate_private_key(ec.SECP256K1())), "none of the accepted algorithms"),
    ],
)
def test_other_keys_in_pem_are_not_used(pem: bytes, reason: str) -> None:
    with pytest.raises(UnusableKeyError, match=reason):
        read_pem(pem)


def test_a_secret_is_long_enough_for_each_of_its_algorithms() -> None:
    assert shared_secret(bytes(48), ["HS256", "HS384"]).verifiers.keys() == {"HS256", "HS384"}
    with pytest.raises(UnusableKeyError, match="it has 31 bytes, and HS256 needs at least 32"):
        shared_secret(bytes(31), ["HS256"])
    with pytest.raises(UnusableKeyError, match="HS512 needs at least 64"):
        shared_secret(bytes(48), ["HS256", "HS512"])


def test_a_public_key_is_no_secret() -> None:
    with pytest.raises(UnusableKeyError, match="no secret"):
        shared_secret(pem_of(Signer("RS256", "a").key), ["HS256"])
