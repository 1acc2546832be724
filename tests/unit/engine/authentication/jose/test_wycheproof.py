"""Project Wycheproof's vectors: every invalid one is refused, every valid one accepted but for a list with reasons."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from rows import rows

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.compact import read_header, split
from portcullis.engine.authentication.jose.encryption import Decrypter, read_decryption_key
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.key_set import KeySet
from portcullis.engine.authentication.jose.keys import UnusableKeyError, VerificationKey, read_jwk, shared_secret
from portcullis.engine.authentication.jose.names import SECRET_BYTES

NO_BASE64 = "a character outside of base64url is in it"
KEY_SAYS_OTHERWISE = "the key says another algorithm than the token"
NO_ALGORITHM = "the key says an algorithm that does not exist (ES521)"
PKCS1 = "RSA1_5 is what Bleichenbacher's attack is about: never accepted"
COMPRESSED = "compressed: never accepted (RFC 8725 3.6)"

# By file and test: vectors that are valid, and that are refused here nevertheless.
REFUSED: Mapping[tuple[str, int], str] = {
    ("signature", 346): KEY_SAYS_OTHERWISE,
    ("signature", 347): NO_ALGORITHM,
    ("signature", 350): KEY_SAYS_OTHERWISE,
    ("signature", 351): NO_ALGORITHM,
    ("signature", 372): NO_BASE64,
    ("signature", 373): NO_BASE64,
    **{("encryption", number): PKCS1 for number in (*range(100, 106), 112, 128)},
    ("encryption", 135): COMPRESSED,
}

# Vectors that are called invalid, and are the very text of one that is called valid: the padding that they were to
# have is not in the file.
SAME_TEXT: Mapping[tuple[str, int], int] = {("signature", 367): 357, ("signature", 370): 357}


def vectors(corpora: Path, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    document = json.loads((corpora / f"jwt/wycheproof/json_web_{name}_test.json").read_text(encoding="utf-8"))
    for group in document["testGroups"]:
        for test in group["tests"]:
            yield group, test


def key_of(jwk: dict[str, Any]) -> VerificationKey:
    """A public key as an issuer publishes it, or a secret as the file names it."""
    if jwk["kty"] != "oct":
        return read_jwk(jwk)
    algorithm = jwk.get("alg", "HS256")
    if jwk.get("use", "sig") != "sig" or algorithm not in SECRET_BYTES:
        raise UnusableKeyError("not for signatures")
    return shared_secret(base64url.decode(jwk["k"].encode()), [algorithm], jwk.get("kid"))


def verifies(group: dict[str, Any], token: object) -> bool:
    """Whether ``token`` is accepted: its form, its header, its key, its signature; not what it says."""
    published = group.get("public") or group["private"]
    try:
        keys = KeySet(key_of(jwk) for jwk in published.get("keys", [published]))
        signed, header64, payload, signature = split(
            token.encode() if isinstance(token, str) else json.dumps(token).encode()
        )
        header = read_header(header64)
        base64url.decode(payload)
        octets = base64url.decode(signature)
        return any(_one_verifies(verify, octets, signed) for verify in keys.candidates(header.algorithm, header.kid))
    except (TokenError, ValueError):
        return False


def _one_verifies(verify: Any, signature: bytes, signed: bytes) -> bool:
    try:
        verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def opens(group: dict[str, Any], test: dict[str, Any]) -> bool:
    try:
        key = read_decryption_key(json.dumps(group["private"]).encode())
        plaintext = Decrypter([key]).decrypt(test["jwe"].encode())
    except (TokenError, UnusableKeyError, AttributeError):
        return False
    return "pt" not in test or plaintext == bytes.fromhex(test["pt"])


@pytest.mark.slow
@rows("name", ["signature", "key", "crypto", "encryption"])
def test_vectors(corpora: Path, name: str) -> None:
    wrong, refused = [], set()
    total = 0
    for group, test in vectors(corpora, name):
        with warnings.catch_warnings(action="error"):
            accepted = verifies(group, test["jws"]) if "jws" in test else opens(group, test)
        total += 1
        if (name, test["tcId"]) in SAME_TEXT:
            [same] = [each for each in group["tests"] if each["tcId"] == SAME_TEXT[name, test["tcId"]]]
            assert (same["jws"], same["result"]) == (test["jws"], "valid")
        elif accepted != (test["result"] == "valid"):
            if accepted or (name, test["tcId"]) not in REFUSED:
                wrong.append((group["comment"], test["tcId"], test["comment"], test["result"]))
            else:
                refused.add((name, test["tcId"]))
    assert wrong == []
    assert refused == {key for key in REFUSED if key[0] == name}, "an exception is stale"
    assert total > 20
