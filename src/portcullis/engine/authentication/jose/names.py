"""Names of signature algorithms, for the file: without what verifies by them, which few need to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

SignatureAlgorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "HS256",
    "HS384",
    "HS512",
]
"""All names that may be in the file. ``Ed25519`` (RFC 9864) is the newer name of what ``EdDSA`` means here."""

SECRET_BYTES: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Those whose key is a secret that both sides know, each with its shortest secret: as long as its digest (RFC 7518
3.2)."""
SECRET_ALGORITHMS: Final = frozenset(SECRET_BYTES)
PUBLIC_ALGORITHMS: Final = frozenset(get_args(SignatureAlgorithm)) - SECRET_ALGORITHMS
"""Those whose key can be published."""
USUAL_FOR_RSA: Final = frozenset({"RS256"})
"""What an RSA key is for that does not say so: each key has one algorithm (RFC 8725 3.1), and nearly all have this."""
ED25519: Final = frozenset({"EdDSA", "Ed25519"})
"""Two names of one algorithm: RFC 9864 replaces the one by the other, and issuers change over one by one."""
