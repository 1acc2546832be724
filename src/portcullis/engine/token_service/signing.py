"""Private keys that sign tokens: made, kept as PKCS #8, published as JSON web keys, named by their thumbprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.token_service.declaring import SigningAlgorithm

RSA_BITS: Final = 3072
"""NIST SP 800-57: as strong as the other two."""
_ECDSA: Final = ec.ECDSA(SHA256())
_PKCS1: Final = padding.PKCS1v15()
_SHA256: Final = SHA256()
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_json = msgspec.json.encode


def make_private_key(algorithm: SigningAlgorithm) -> bytes:
    """A new private key for ``algorithm``, as PKCS #8 in DER. One for RS256 takes a part of a second."""
    key: PrivateKey
    if algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class TokenSigner:
    """Signs tokens of one type with one key. ``private``: PKCS #8 in DER. Raises ``ValueError`` for another key.

    ``typ``: what the header says that its tokens are.
    """

    __slots__ = ("_header", "_signature", "jwk", "kid")

    def __init__(self, algorithm: str, private: bytes, typ: str) -> None:
        key = load_der_private_key(private, None)
        self._signature, public = _bound(algorithm, key)
        self.kid = _thumbprint(public)
        self.jwk: Mapping[str, str] = {**public, "kid": self.kid, "use": "sig", "alg": algorithm}
        self._header = base64url.encode(_json({"typ": typ, "alg": algorithm, "kid": self.kid}))

    def __repr__(self) -> str:
        return f"TokenSigner({self.kid})"

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with these claims."""
        signed = self._header + b"." + base64url.encode(_json(claims))
        return (signed + b"." + base64url.encode(self._signature(signed))).decode()


def _bound(algorithm: str, key: object) -> tuple[Callable[[bytes], bytes], dict[str, str]]:
    """How ``key`` signs, and its public part as members of a JSON web key."""
    if algorithm == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        point = key.public_key().public_numbers()
        return _ecdsa(key), {"crv": "P-256", "kty": "EC", "x": _number(point.x, 32), "y": _number(point.y, 32)}
    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return key.sign, {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(raw).decode()}
    if algorithm == "RS256" and isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return lambda signed: key.sign(signed, _PKCS1, _SHA256), {
            "e": _number(numbers.e, (numbers.e.bit_length() + 7) // 8),
            "kty": "RSA",
            "n": _number(numbers.n, (numbers.n.bit_length() + 7) // 8),
        }
    raise ValueError(f"the key does not sign by {algorithm}")


def _ecdsa(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(signed: bytes) -> bytes:
        first, second = decode_dss_signature(key.sign(signed, _ECDSA))
        return first.to_bytes(32, "big") + second.to_bytes(32, "big")  # RFC 7518 3.4

    return sign


def _number(value: int, size: int) -> str:
    return base64url.encode(value.to_bytes(size, "big")).decode()


def _thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638: the members that every key of its type has, in order."""
    return base64url.encode(sha256(_json(dict(sorted(public.items())))).digest()).decode()
