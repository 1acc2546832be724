"""Tokens as the peers and Portcullis get them: the same claims, signed by the same kind of key.

The token is the same in every request.
"""

from __future__ import annotations

import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://id.shop.example"
AUDIENCE = "shop"


class Issuer:
    """Signs tokens with a key of its own (RSA, 2,048 bits)."""

    def __init__(self) -> None:
        self._key = generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, plan: str) -> str:
        """A token of the caller ``bench`` with the claim ``plan``, which holds for a day."""
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "plan": plan, "exp": int(time.time()) + 86_400}
        return sign(self._key, claims)

    def key_set(self) -> str:
        """The JWK set (RFC 7517) to verify them with."""
        return json.dumps({"keys": [public_jwk(self._key)]})


def bearer(token: str) -> dict[str, str]:
    """The header field that carries ``token``."""
    return {"Authorization": f"Bearer {token}"}


def forged(token: str) -> str:
    """``token`` with another signature."""
    return token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")


def sign(key: RSAPrivateKey, claims: dict[str, object]) -> str:
    """A JWT (RFC 7519) with these claims, signed by RS256."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "bench"}
    signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{_base64url(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def public_jwk(key: RSAPrivateKey) -> dict[str, str]:
    """The public half of ``key`` as a JWK (RFC 7517)."""
    numbers = key.public_key().public_numbers()

    def integer(value: int) -> str:
        return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))

    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": "bench",
        "n": integer(numbers.n),
        "e": integer(numbers.e),
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
