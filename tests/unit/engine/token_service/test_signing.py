from __future__ import annotations

import json
from functools import cache
from hashlib import sha256

import pytest
from rows import rows

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.claims import TokenRules
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.key_ring import FixedKeys
from portcullis.engine.authentication.jose.key_set import read_key_set
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.token_service.declaring import SigningAlgorithm
from portcullis.engine.token_service.signing import TokenSigner, make_private_key

CLAIMS = {"iss": "https://i", "aud": "shop", "sub": "a", "exp": 2000}


def verifier(signer: TokenSigner) -> TokenVerifier:
    keys = read_key_set(json.dumps({"keys": [dict(signer.jwk)]}).encode()).keys
    rules = TokenRules("https://i", frozenset({"shop"}), frozenset({"at+jwt"}))
    return TokenVerifier(FixedKeys(keys), ["ES256", "EdDSA", "RS256"], rules)


@cache
def signer_of(algorithm: SigningAlgorithm, _which: str = "one") -> TokenSigner:
    """Made once: making an RSA key takes longer than all that is done with it."""
    return TokenSigner(algorithm, make_private_key(algorithm), "at+jwt")


@rows("algorithm", ["ES256", "EdDSA"])
def test_what_was_signed_verifies_by_the_published_key_and_no_other(algorithm: SigningAlgorithm) -> None:
    check_signatures(algorithm)


@pytest.mark.slow
def test_all_this_holds_for_rsa_too() -> None:
    check_signatures("RS256")
    check_what_is_shown("RS256")


def check_signatures(algorithm: SigningAlgorithm) -> None:
    signer, other = signer_of(algorithm), signer_of(algorithm, "other")
    token = signer.sign(CLAIMS).encode()
    verified = verifier(signer).verify(token, 1000)
    assert (verified.claims, verified.header.kid) == (CLAIMS, signer.kid)
    with pytest.raises(TokenError):
        verifier(other).verify(token, 1000)


def test_every_signature_has_its_full_length() -> None:
    signer = TokenSigner("ES256", make_private_key("ES256"), "at+jwt")
    lengths = {len(base64url.decode(signer.sign({"n": n}).rpartition(".")[2].encode())) for n in range(300)}
    assert lengths == {64}


def test_a_key_is_named_by_its_thumbprint() -> None:
    signer = TokenSigner("ES256", make_private_key("ES256"), "at+jwt")
    members = {name: signer.jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    assert signer.kid == base64url.encode(sha256(text).digest()).decode()


@rows("algorithm", ["ES256", "EdDSA"])
def test_nothing_secret_is_published_or_shown(algorithm: SigningAlgorithm) -> None:
    check_what_is_shown(algorithm)


def check_what_is_shown(algorithm: SigningAlgorithm) -> None:
    signer = signer_of(algorithm)
    assert not signer.jwk.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert repr(signer) == f"TokenSigner({signer.kid})"


def test_a_key_signs_by_its_own_algorithm_only() -> None:
    with pytest.raises(ValueError, match="RS256"):
        TokenSigner("RS256", make_private_key("ES256"), "at+jwt")
