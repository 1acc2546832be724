"""Tokens for tests: keys that sign, what their issuer publishes of them, and tokens of any shape.

Made with plain cryptography, so that it can be wrong in all the ways in which a token can be::

    signer = Signer("ES256", "key-1")
    token = signer.token({"iss": "https://id.example.com", "aud": "shop", "sub": "alice", "exp": now + 60})
    key_set = key_set_of(signer)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_DIGESTS: Final[Mapping[str, HashAlgorithm]] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}
_NAMES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def encoded(octets: bytes) -> str:
    """``octets`` as base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def part(value: object) -> str:
    """A part of a token: ``value`` as JSON, or octets and text as they are."""
    if isinstance(value, str):
        value = value.encode()
    return encoded(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:  # noqa: ARG001 - tells keys apart
    """A key that is made once for each ``name``: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class Signer:
    """A key of an issuer, for one algorithm. ``key``: a private key, or the octets of a secret."""

    def __init__(self, algorithm: str = "RS256", kid: str | None = "key-1", key: Any = None) -> None:
        self.algorithm = algorithm
        self.kid = kid
        self.key = _new_key(algorithm, kid or "") if key is None else key

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as an issuer publishes it."""
        named = {"kid": self.kid} if self.kid is not None else {}
        return {**named, "use": "sig", "alg": self.algorithm, **_numbers(self.algorithm, self.key)}

    def signature(self, signed: bytes, algorithm: str | None = None) -> bytes:
        """The signature of ``signed``, by this key's algorithm or another one that the key can be used for."""
        return _sign(algorithm or self.algorithm, self.key, signed)

    def token(self, claims: object, header: Mapping[str, Any] | None = None, *, algorithm: str | None = None) -> str:
        """A signed token. ``header`` adds to the usual one and replaces; a value of ``None`` leaves a parameter out."""
        usual = {"alg": algorithm or self.algorithm, "typ": "JWT", "kid": self.kid}
        whole = {name: value for name, value in {**usual, **(header or {})}.items() if value is not None}
        signed = f"{part(whole)}.{part(claims)}"
        return f"{signed}.{encoded(self.signature(signed.encode(), algorithm))}"


def key_set_of(*signers: Signer) -> dict[str, Any]:
    """The JWK set with the public keys of ``signers``."""
    return {"keys": [signer.jwk for signer in signers]}


def _new_key(algorithm: str, name: str) -> Any:
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa_key(name)


def _numbers(algorithm: str, key: Any) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        point = key.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": _NAMES[algorithm],
            "x": encoded(point.x.to_bytes(size, "big")),
            "y": encoded(point.y.to_bytes(size, "big")),
        }
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": encoded(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
        }
    raise ValueError("a secret is not published")


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _sign(algorithm: str, key: Any, signed: bytes) -> bytes:
    digest = _DIGESTS.get(algorithm[2:])
    if algorithm.startswith("HS") and digest is not None:
        return hmac.digest(key, signed, digest.name)
    if algorithm == "EdDSA" or digest is None:
        return bytes(key.sign(signed))
    if algorithm.startswith("RS"):
        return bytes(key.sign(signed, padding.PKCS1v15(), digest))
    if algorithm.startswith("PS"):
        return bytes(key.sign(signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest))
    size = (key.curve.key_size + 7) // 8
    first, second = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
    return first.to_bytes(size, "big") + second.to_bytes(size, "big")


def dpop_proof(
    signer: Signer,
    token: str,
    method: str,
    url: str,
    iat: float,
    jti: str,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A proof (RFC 9449) for one call with ``token``, by the key of ``signer``. Claims of ``None`` are left out."""
    public = {name: value for name, value in signer.jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
    ath = encoded(hashlib.sha256(token.encode()).digest())
    whole = {"jti": jti, "htm": method, "htu": url, "iat": int(iat), "ath": ath, **claims}
    said = {"typ": "dpop+jwt", "kid": None, "jwk": public, **(header or {})}
    return signer.token({name: value for name, value in whole.items() if value is not None}, said)


def thumbprint(signer: Signer) -> str:
    """The thumbprint of its public key (RFC 7638), as ``cnf.jkt`` of a token that is bound to it says it."""
    members = {name: value for name, value in signer.jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
    return encoded(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())
