from __future__ import annotations

from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from rows import rows

from portcullis.engine.authentication.jose.algorithms import ALGORITHMS, Verify
from portcullis.testing.tokens import Signer

SIGNED = b"what was signed"
SECRET = bytes(range(64))


def signer_of(name: str) -> Signer:
    if name.startswith("HS"):
        return Signer(name, "a", SECRET)
    return Signer("EdDSA" if name == "Ed25519" else name, "a")


def verifier_of(name: str, signer: Signer) -> Verify:
    key: Any = signer.key
    return ALGORITHMS[name].bind(key if isinstance(key, bytes) else key.public_key())


@rows("name", ALGORITHMS)
def test_a_signature_verifies_and_nothing_else_does(name: str) -> None:
    signer = signer_of(name)
    verify, signature = verifier_of(name, signer), signer.signature(SIGNED)
    verify(signature, SIGNED)
    turned = bytes([signature[0] ^ 1]) + signature[1:]
    for wrong in (b"", turned, signature[:-1], signature + b"\0", b"\0" * len(signature), b"\xff" * len(signature)):
        with pytest.raises(InvalidSignature):
            verify(wrong, SIGNED)
    with pytest.raises(InvalidSignature):
        verify(signature, SIGNED + b"!")


@rows("name", ["RS256", "PS256", "RS512", "PS384"])
def test_one_way_to_sign_is_not_taken_for_another_of_the_same_key(name: str) -> None:
    signer = Signer(name, "a")
    for other in {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} - {name}:
        with pytest.raises(InvalidSignature):
            verifier_of(other, signer)(signer.signature(SIGNED), SIGNED)


@rows(("name", "size"), [("ES256", 32), ("ES384", 48), ("ES512", 66)])
def test_numbers_of_an_ecdsa_signature_must_be_in_range(name: str, size: int) -> None:
    signer = signer_of(name)
    verify, signature = verifier_of(name, signer), signer.signature(SIGNED)
    zero, most = bytes(size), b"\xff" * size
    for wrong in (zero + zero, zero + signature[size:], signature[:size] + zero, most + most):
        with pytest.raises(InvalidSignature):
            verify(wrong, SIGNED)
