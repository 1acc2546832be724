from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.jose.claims import TokenRules
from portcullis.engine.authentication.jose.compact import Header
from portcullis.engine.authentication.jose.errors import (
    BAD_SIGNATURE,
    EXPIRED_TOKEN,
    FOREIGN_AUDIENCE,
    FOREIGN_ISSUER,
    MALFORMED_TOKEN,
    REFUSED_ALGORITHM,
    UNKNOWN_SIGNER,
    WRONG_TOKEN_TYPE,
    NoKeysError,
    TokenError,
    UnknownSignerError,
)
from portcullis.engine.authentication.jose.key_set import KeySet, read_key_set
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.codes import Code
from portcullis.testing.tokens import Signer, encoded, key_set_of, part, rsa_key

NOW = 1_800_000_000.0
RULES = TokenRules("https://id.example.com", frozenset({"shop"}))
CLAIMS = {"iss": RULES.issuer, "aud": "shop", "sub": "alice", "exp": NOW + 60}
FIRST, SECOND, THIRD = Signer("ES256", "first"), Signer("RS256", "second", rsa_key("a")), Signer("EdDSA", "third")


class Keys:
    """Keys that a test changes. ``used``: signatures that were verified by them."""

    def __init__(self, *signers: Signer) -> None:
        self.forget: list[Callable[[], None]] = []
        self.away = False
        self.used = 0
        self.set(*signers)

    def set(self, *signers: Signer) -> None:
        self.keys = read_key_set(json.dumps(key_set_of(*signers)).encode()).keys
        for each in self.forget:
            each()

    def usable(self, now: float) -> KeySet:
        if self.away:
            raise NoKeysError("away")
        self.used += 1
        return self.keys

    def on_change(self, forget: Callable[[], None]) -> None:
        self.forget.append(forget)


@pytest.fixture
def keys() -> Keys:
    return Keys(FIRST, SECOND, THIRD)


@pytest.fixture
def verifier(keys: Keys) -> TokenVerifier:
    return TokenVerifier(keys, PUBLIC_ALGORITHMS, RULES)


def code_of(verifier: TokenVerifier, token: str) -> Code:
    with pytest.raises(TokenError) as caught:
        verifier.verify(token.encode(), NOW)
    assert len(caught.value.found) <= 200
    return caught.value.code


@rows("signer", [FIRST, SECOND, THIRD], ids=lambda signer: signer.algorithm)
def test_a_token_says_what_its_issuer_signed(verifier: TokenVerifier, signer: Signer) -> None:
    for _ in range(2):  # the second time its header is known
        verified = verifier.verify(signer.token(CLAIMS).encode(), NOW)
        assert verified.header == Header(signer.algorithm, signer.kid, "jwt")
        assert (verified.claims, verified.until) == (CLAIMS, NOW + 60)
        assert signer.token(CLAIMS).startswith(verified.signed.decode() + ".")


def test_a_signature_of_anybody_else_is_none(verifier: TokenVerifier) -> None:
    for _ in range(2):
        assert code_of(verifier, Signer("ES256", "first").token(CLAIMS)) is BAD_SIGNATURE
        verifier.verify(FIRST.token(CLAIMS).encode(), NOW)


def test_a_token_without_a_key_id_is_verified_by_any_fitting_key() -> None:
    other = Signer("ES256", "other")
    verifier = TokenVerifier(Keys(other, FIRST, SECOND), PUBLIC_ALGORITHMS, RULES)
    for signer in (FIRST, other, FIRST):
        assert verifier.verify(signer.token(CLAIMS, {"kid": None}).encode(), NOW).claims == CLAIMS
    assert code_of(verifier, Signer("ES256", None).token(CLAIMS)) is BAD_SIGNATURE


def test_a_public_key_is_never_a_secret(verifier: TokenVerifier) -> None:
    jwk = SECOND.jwk
    for secret in (json.dumps(jwk).encode(), jwk["n"].encode()):
        assert code_of(verifier, Signer("HS256", "second", secret).token(CLAIMS)) is REFUSED_ALGORITHM


def test_algorithms_are_pinned_by_the_file_and_by_the_key(keys: Keys) -> None:
    assert code_of(TokenVerifier(keys, {"ES256"}, RULES), SECOND.token(CLAIMS)) is REFUSED_ALGORITHM
    verifier = TokenVerifier(keys, PUBLIC_ALGORITHMS, RULES)
    assert code_of(verifier, SECOND.token(CLAIMS, algorithm="PS256")) is REFUSED_ALGORITHM
    assert code_of(verifier, SECOND.token(CLAIMS, {"alg": "ES256"})) is REFUSED_ALGORITHM


@rows("name", ["none", "None", "nOnE", "", "HS256", "es256", "RS1", "ES256K", "dir"])
def test_other_algorithms_are_none(verifier: TokenVerifier, name: str) -> None:
    signed = f"{part({'alg': name, 'kid': 'first'})}.{part(CLAIMS)}"
    for signature in ("", encoded(FIRST.signature(signed.encode()))):
        assert code_of(verifier, f"{signed}.{signature}") is REFUSED_ALGORITHM


def test_a_token_for_others_costs_no_key_and_no_signature(keys: Keys, verifier: TokenVerifier) -> None:
    keys.away = True
    assert code_of(verifier, FIRST.token({**CLAIMS, "iss": "https://other.example.com"})) is FOREIGN_ISSUER
    assert code_of(verifier, FIRST.token({**CLAIMS, "aud": "other"})) is FOREIGN_AUDIENCE
    assert code_of(verifier, FIRST.token(CLAIMS, {"typ": "dpop+jwt"})) is WRONG_TOKEN_TYPE
    assert keys.used == 0


def test_what_else_a_token_says_is_looked_at_once_it_is_known_to_be_the_issuers(verifier: TokenVerifier) -> None:
    expired = {**CLAIMS, "exp": NOW - 1}
    assert code_of(verifier, FIRST.token(expired)) is EXPIRED_TOKEN
    assert code_of(verifier, Signer("ES256", "first").token(expired)) is BAD_SIGNATURE


def test_keys_that_are_gone_are_gone_though_their_header_was_known(keys: Keys, verifier: TokenVerifier) -> None:
    token = FIRST.token(CLAIMS)
    verifier.verify(token.encode(), NOW)
    keys.set(SECOND)
    with pytest.raises(UnknownSignerError):
        verifier.verify(token.encode(), NOW)
    keys.set(Signer("ES256", "first"))
    assert code_of(verifier, token) is BAD_SIGNATURE
    keys.away = True
    with pytest.raises(NoKeysError):
        verifier.verify(token.encode(), NOW)


def test_a_key_that_nobody_knows_may_be_a_new_one(verifier: TokenVerifier) -> None:
    assert code_of(verifier, Signer("ES256", "new").token(CLAIMS)) is UNKNOWN_SIGNER


def test_headers_are_not_remembered_without_end(verifier: TokenVerifier) -> None:
    for number in range(200):
        verifier.verify(FIRST.token(CLAIMS, {"n": number}).encode(), NOW)
    assert len(verifier._remembered) <= 64


def test_headers_of_tokens_that_were_refused_are_not_remembered(verifier: TokenVerifier) -> None:
    stranger = Signer("ES256", "first")
    for number in range(10):
        code_of(verifier, stranger.token(CLAIMS, {"n": number}))
    assert not verifier._remembered


@rows("signature", ["!", "YQ==", "+///", "Y"])
def test_a_signature_is_base64url(verifier: TokenVerifier, signature: str) -> None:
    signed = FIRST.token(CLAIMS).rpartition(".")[0]
    assert code_of(verifier, f"{signed}.{signature}") is MALFORMED_TOKEN


def test_a_token_has_one_spelling(verifier: TokenVerifier) -> None:
    """Otherwise a token that was revoked or used could be spelt in another way."""
    token = SECOND.token(CLAIMS)
    last = token[-1]
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if other != last:
            assert code_of(verifier, token[:-1] + other) in (BAD_SIGNATURE, MALFORMED_TOKEN)


def test_the_payload_is_not_exchanged_between_tokens(verifier: TokenVerifier) -> None:
    def pieces(claims: dict[str, Any]) -> list[str]:
        return SECOND.token(claims).split(".")

    mine, admins = pieces(CLAIMS), pieces({**CLAIMS, "sub": "admin"})
    assert code_of(verifier, ".".join((mine[0], admins[1], mine[2]))) is BAD_SIGNATURE
