from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rows import rows

from portcullis.engine.authentication.jose.algorithms import Verify
from portcullis.engine.authentication.jose.errors import REFUSED_ALGORITHM, TokenError, UnknownSignerError
from portcullis.engine.authentication.jose.key_set import (
    MAX_KEYS,
    MAX_TRIED,
    NO_KEYS,
    KeySet,
    MalformedKeySetError,
    read_key_file,
    read_key_set,
)
from portcullis.engine.authentication.jose.keys import read_jwk, shared_secret
from portcullis.testing.tokens import Signer, encoded, key_set_of

FIRST, SECOND = Signer("ES256", "first"), Signer("ES256", "second")


def read(*members: Any, accepted: list[str] | None = None) -> KeySet:
    return read_key_set(json.dumps({"keys": members}).encode(), accepted).keys


def verifies(verify: Verify, signer: Signer) -> bool:
    try:
        verify(signer.signature(b"x"), b"x")
    except InvalidSignature:
        return False
    return True


def test_a_token_that_names_its_key_is_verified_by_it() -> None:
    keys = read(FIRST.jwk, SECOND.jwk)
    [verify] = keys.candidates("ES256", "second")
    assert verifies(verify, SECOND)
    assert not verifies(verify, FIRST)
    assert repr(keys) == "KeySet(2 keys, ES256)"


def test_a_token_that_names_none_may_be_of_any_key_for_its_algorithm() -> None:
    keys = read(FIRST.jwk, SECOND.jwk, Signer("EdDSA", "third").jwk)
    assert len(keys.candidates("ES256", None)) == 2
    assert len(keys.candidates("EdDSA", None)) == 1


def test_a_key_without_a_name_may_be_meant_by_any() -> None:
    keys = read(Signer("ES256", None).jwk, SECOND.jwk)
    assert len(keys.candidates("ES256", "unheard of")) == 1


def test_a_key_that_is_not_known_may_be_a_newer_one() -> None:
    for algorithm, kid in (("ES256", "third"), ("ES384", None)):
        with pytest.raises(UnknownSignerError):
            read(FIRST.jwk).candidates(algorithm, kid)
    with pytest.raises(UnknownSignerError):
        NO_KEYS.candidates("ES256", "first")


def test_a_known_key_is_used_for_its_own_algorithm_only() -> None:
    with pytest.raises(TokenError) as caught:
        read(FIRST.jwk).candidates("HS256", "first")
    assert caught.value.code is REFUSED_ALGORITHM


def test_keys_are_not_tried_without_end() -> None:
    many = [Signer("ES256", f"{number}").jwk for number in range(MAX_TRIED + 1)]
    assert len(read(*many[1:]).candidates("ES256", None)) == MAX_TRIED
    with pytest.raises(TokenError, match="unknown_signer") as caught:
        read(*many).candidates("ES256", None)
    assert not isinstance(caught.value, UnknownSignerError)  # newer keys would not help


def test_of_different_keys_with_one_name_none_is_used() -> None:
    keys = read(FIRST.jwk, {**SECOND.jwk, "kid": "first"}, Signer("ES256", "third").jwk)
    with pytest.raises(UnknownSignerError):
        keys.candidates("ES256", "first")
    assert keys.size == 1
    assert keys.problems == ('the keys "first" are not used: several have this kid',)


def test_keys_for_different_algorithms_may_share_a_name() -> None:
    keys = read(FIRST.jwk, Signer("EdDSA", "first").jwk)
    assert (len(keys.candidates("ES256", "first")), len(keys.candidates("EdDSA", "first"))) == (1, 1)


def test_a_key_that_is_listed_twice_is_one() -> None:
    signer = Signer("RS256", "a")
    keys = read(signer.jwk, signer.jwk, {**signer.jwk, "alg": "RS512"})
    assert (keys.size, keys.problems) == (1, ())
    assert keys.candidates("RS256", "a")
    assert keys.candidates("RS512", "a")


def test_secrets_and_public_keys_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="not kept together"):
        KeySet([read_jwk(FIRST.jwk), shared_secret(bytes(32), ["HS256"], "s")])


def test_a_set_says_why_it_does_not_use_a_key_and_passes_over_those_for_encryption() -> None:
    encryption = {**Signer("RS256", "e").jwk, "use": "enc"}
    weak = {"kty": "oct", "k": encoded(bytes(32)), "kid": "secret", "alg": "HS256"}
    read_set = read_key_set(json.dumps({"keys": [encryption, weak, 7, FIRST.jwk]}).encode())
    assert read_set.keys.problems == (
        'key 2 ("secret") is not used: its secret part (k) was published with it',
        "key 3 is not used: keys of type None are not used here",
    )
    assert read_set.keys.size == 1
    assert [key["kid"] for key in json.loads(read_set.document)["keys"]] == ["first"]


def test_what_is_passed_on_can_be_read_again_and_holds_nothing_but_the_key() -> None:
    jwk = {**FIRST.jwk, "x5c": ["certificate"], "note": "x" * 1000}
    document = read_key_set(json.dumps({"keys": [jwk]}).encode()).document
    assert json.loads(document) == key_set_of(FIRST)
    assert read_key_set(document).document == document


def test_a_set_without_keys_is_one() -> None:
    assert read_key_set(b'{"keys": []}').keys.size == 0


@rows(
    ("document", "reason"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b'{"keys": [], "keys": []}', "the same key twice"),
        (b'\xff\xfe{"keys": []}', "no JSON"),
        (b"[]", 'a list "keys"'),
        (b"{}", 'a list "keys"'),
        (b'{"keys": {}}', 'a list "keys"'),
        (b'{"error": "server_error"}', 'a list "keys"'),
        (b'{"keys": ' + b"[" * 100 + b"]" * 100 + b"}", "levels"),
        (b'{"keys": [' + b"[" * 2000 + b"]" * 2000 + b"]}", "no JSON"),
        (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(), f"at most {MAX_KEYS}"),
        (json.dumps({"keys": [{"n": "x" * 70_000}]}).encode(), "a string is too long"),
    ],
)
def test_what_is_no_key_set_is_told(document: bytes, reason: str) -> None:
    with pytest.raises(MalformedKeySetError, match=reason):
        read_key_set(document)


def test_a_file_has_a_set_or_one_key_in_pem() -> None:
    pem = FIRST.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content in (b"\n" + pem, json.dumps(key_set_of(FIRST)).encode()):
        [verify] = read_key_file(content).candidates("ES256", None)
        assert verifies(verify, FIRST)
