"""The examples of RFC 7520 and RFC 8037: what is compact and allowed here comes out as the book says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.compact import read_header, split
from portcullis.engine.authentication.jose.encryption import Decrypter, read_decryption_key
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.key_set import KeySet
from portcullis.engine.authentication.jose.keys import UnusableKeyError, VerificationKey, read_jwk, shared_secret

# What of the book is not accepted, and why.
REFUSED: Mapping[str, str] = {
    "hmac-sha2_b64_false": "b64 is not for tokens (RFC 7797 7)",
    "5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2": "RSA1_5 is never accepted",
    "5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2": "passwords are never accepted",
    "5_9.compressed_content": "what is compressed is never accepted",
}


def examples(corpora: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Those with a compact form whose input is a ``kind``, by name."""
    found = {}
    for path in sorted((corpora / "jwt/cookbook").rglob("*.json")):
        whole = json.loads(path.read_text(encoding="utf-8"))
        for example in (whole, whole.get("sign", {}), whole.get("encrypt", {})):
            # A signature over content that is elsewhere has no token of its own.
            detached = example.get("output", {}).get("compact", "..").split(".")[1] == ""
            if kind in example.get("input", {}) and not (kind == "payload" and detached):
                found[path.stem] = example
    return {name: each for name, each in found.items() if "compact" in each["output"]}


def key_of(jwk: dict[str, Any], algorithm: str) -> VerificationKey:
    if jwk["kty"] == "oct":
        return shared_secret(base64url.decode(jwk["k"].encode()), [algorithm], jwk.get("kid"))
    return read_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e", "kid") if name in jwk}, [algorithm])


def content_of(token: str, jwk: dict[str, Any]) -> str:
    """The payload of ``token``, if it was signed by the key ``jwk``."""
    signed, header64, payload, signature = split(token.encode())
    header = read_header(header64)
    [verify] = KeySet([key_of(jwk, header.algorithm)]).candidates(header.algorithm, header.kid)
    verify(base64url.decode(signature), signed)
    return base64url.decode(payload).decode()


def test_signatures(corpora: Path) -> None:
    found = examples(corpora, "payload")
    assert len(found) == 7
    for name, example in found.items():
        token, key = example["output"]["compact"], example["input"]["key"]
        if name in REFUSED:
            with pytest.raises(TokenError):
                content_of(token, key)
            continue
        assert content_of(token, key) == example["input"]["payload"], name
        with pytest.raises(InvalidSignature):
            content_of(token.replace(".", ".AAAA", 1), key)


@pytest.mark.slow
def test_encryption(corpora: Path) -> None:
    found = examples(corpora, "plaintext")
    assert len(found) == 11
    for name, example in found.items():
        token, key = example["output"]["compact"].encode(), example["input"].get("key", {})
        if name in REFUSED:
            with pytest.raises((TokenError, UnusableKeyError)):
                Decrypter([read_decryption_key(json.dumps(key).encode())]).decrypt(token)
            continue
        opened = Decrypter([read_decryption_key(json.dumps(key).encode())]).decrypt(token)
        assert opened.decode() == example["input"]["plaintext"], name


@pytest.mark.slow
def test_a_signed_token_in_an_envelope(corpora: Path) -> None:
    [nested] = [each for name, each in examples(corpora, "plaintext").items() if name.startswith("6.")]
    [signed] = [each for name, each in examples(corpora, "payload").items() if name.startswith("6.")]
    key = read_decryption_key(json.dumps(nested["input"]["key"]).encode())
    inner = Decrypter([key]).decrypt(nested["output"]["compact"].encode())
    assert json.loads(content_of(inner.decode(), signed["input"]["key"]))["iss"] == "hobbiton.example"


def test_every_exception_is_in_the_book(corpora: Path) -> None:
    assert REFUSED.keys() <= examples(corpora, "payload").keys() | examples(corpora, "plaintext").keys()
