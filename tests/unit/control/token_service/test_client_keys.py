from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from rows import rows

from portcullis.control.token_service.client_keys import MAX_KEYS, MAX_TEXT, read_client_keys
from portcullis.engine.authentication.jose.key_set import read_key_file
from portcullis.testing.tokens import Signer, key_set_of

SIGNER = Signer("ES256", "k")
PUBLIC = SIGNER.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE = SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
SECRET_PART = {**SIGNER.jwk, "d": "c2VjcmV0LXBhcnQtb2YtYS1rZXk"}


@rows("text", [PUBLIC, f"\n{PUBLIC}\n", json.dumps(key_set_of(SIGNER)), json.dumps({"keys": [SIGNER.jwk], "x": 1})])
def test_public_keys_are_kept_so_that_they_verify(text: str) -> None:
    assert read_key_file(read_client_keys(text)).size == 1


def test_of_a_key_only_what_is_needed_is_kept() -> None:
    kept = read_client_keys(json.dumps({"keys": [{**SIGNER.jwk, "note": "of ours"}]}))
    assert json.loads(kept) == key_set_of(SIGNER)


@rows(
    ("text", "why"),
    [
        ("", "neither"),
        ("{}", "neither"),
        ("ssh-ed25519 AAAA", "neither"),
        (json.dumps(SIGNER.jwk), "neither"),
        ('{"keys": []}', "between 1 and 8"),
        (json.dumps({"keys": [{**SIGNER.jwk, "use": "enc"}]}), "between 1 and 8"),
        (json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0LXBhcnQtb2YtYS1rZXk"}]}), "not used"),
        (json.dumps({"keys": [{**SIGNER.jwk, "alg": "HS256"}]}), "alg HS256"),
        (json.dumps({"keys": [{**SIGNER.jwk, "alg": "none"}]}), "alg none"),
        (json.dumps({"keys": [SECRET_PART]}), "secret part"),
        (json.dumps(key_set_of(SIGNER, Signer("ES256", "k"))), "several have this kid"),
        (json.dumps(key_set_of(*(Signer("ES256", f"k{n}") for n in range(MAX_KEYS + 1)))), "between 1 and 8"),
        (PRIVATE, "private key"),
        (PUBLIC + PRIVATE, "private key"),
        (PUBLIC[:80], "no public key"),
        (WEAK.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), "at least 2048"),
        (" " * 10 + "x" * (MAX_TEXT + 1), "at most"),
    ],
)
def test_what_can_not_be_used_is_told_without_repeating_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_client_keys(text)
    assert "c2VjcmV0" not in str(caught.value)
    assert "MIG" not in str(caught.value)
