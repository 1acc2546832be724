from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import pytest
from oidc_world import SOURCE
from rows import rows

from portcullis.control.oidc.id_tokens import (
    check_id_token,
    check_nonce,
    check_renewed,
    id_token_rules,
    token_hash,
)
from portcullis.engine.authentication.jose.compact import Header
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.verifier import VerifiedToken

NOW = 1_000_000.0
STRONG = msgspec.structs.replace(SOURCE, audiences=("api",), max_age=60.0, acr_values=("gold",))


def verified(**claims: Any) -> VerifiedToken:
    return VerifiedToken(Header("ES256"), {"aud": "web", **claims}, NOW + 60, b"")


@rows(
    "claims",
    [
        {},
        {"aud": ["web"]} | {"azp": "web"},
        {"azp": "web"},
        {"at_hash": token_hash("ES256", "token")},
    ],
)
def test_an_id_token_for_us_alone_is_taken(claims: dict[str, Any]) -> None:
    check_id_token(SOURCE, verified(**claims), "token", NOW)


@rows(
    ("claims", "reason"),
    [
        ({"aud": ["web", "other"], "azp": "web"}, "aud"),
        ({"aud": ["web", 5]}, "aud"),
        ({"aud": ["web", "web"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"azp": None}, "azp"),
        ({"at_hash": token_hash("ES256", "another")}, "at_hash"),
        ({"at_hash": token_hash("ES512", "token")}, "at_hash"),
        ({"at_hash": 5}, "at_hash"),
        ({"at_hash": "é\ud800"}, "at_hash"),
    ],
)
def test_any_other_is_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenError) as caught:
        check_id_token(SOURCE, verified(**claims), "token", NOW)
    assert caught.value.found.startswith(reason)


@rows(
    ("claims", "is_fine"),
    [
        ({"acr": "gold", "auth_time": NOW - 60}, True),
        ({"acr": "gold", "auth_time": NOW - 60, "aud": ["web", "api"], "azp": "web"}, True),
        ({"acr": "gold", "auth_time": NOW - 91}, False),
        ({"acr": "gold", "auth_time": "now"}, False),
        ({"acr": "gold", "auth_time": True}, False),
        ({"acr": "gold"}, False),
        ({"acr": "silver", "auth_time": NOW}, False),
        ({"acr": ["gold"], "auth_time": NOW}, False),
        ({"auth_time": NOW}, False),
        ({"acr": "gold", "auth_time": NOW, "aud": ["web", "api"]}, False),
    ],
)
def test_a_recent_and_strong_login_must_be_one(claims: dict[str, Any], is_fine: bool) -> None:
    if is_fine:
        check_id_token(STRONG, verified(**claims), "token", NOW)
    else:
        with pytest.raises(TokenError):
            check_id_token(STRONG, verified(**claims), "token", NOW)


@rows("claims", [{}, {"nonce": None}, {"nonce": ""}, {"nonce": "N"}, {"nonce": ["n"]}, {"nonce": "\ud800"}])
def test_another_nonce_is_refused(claims: dict[str, Any]) -> None:
    check_nonce({"nonce": "n"}, "n")
    with pytest.raises(TokenError):
        check_nonce(claims, "n")


@rows(
    ("claims", "is_fine"),
    [
        ({"sub": "a"}, True),
        ({"sub": "a", "nonce": "n", "sid": "s", "auth_time": 1}, True),
        ({"sub": "b"}, False),
        ({}, False),
        ({"sub": "a", "nonce": "m"}, False),
        ({"sub": "a", "sid": "t"}, False),
        ({"sub": "a", "auth_time": 2}, False),
    ],
)
def test_a_refresh_is_of_the_same_login(claims: dict[str, Any], is_fine: bool) -> None:
    before = {"sub": "a", "nonce": "n", "sid": "s", "auth_time": 1}
    if is_fine:
        check_renewed(claims, before)
    else:
        with pytest.raises(TokenError):
            check_renewed(claims, before)


@rows(
    ("algorithm", "digest"),
    [("RS256", "sha256"), ("PS384", "sha384"), ("ES512", "sha512"), ("EdDSA", "sha512"), ("Ed25519", "sha512")],
)
def test_at_hash_is_half_of_the_digest_of_the_algorithm(algorithm: str, digest: str) -> None:
    whole = hashlib.new(digest, b"token").digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    assert token_hash(algorithm, "token") == half


def test_other_kinds_of_tokens_are_none() -> None:
    rules = id_token_rules(SOURCE)
    assert rules.types == {"", "jwt"}
    assert (rules.audiences, rules.issuer) == ({"web"}, SOURCE.issuer)
