"""The signature algorithms that are accepted at all (RFC 7518 3, RFC 8037 3.1), and how each of them verifies.

An algorithm is a row of a table, bound to a key of its own type and curve: there is no way to hand a public key to
HMAC, or a key to ``none``, since neither can be written down here (RFC 8725 2.1, 3.1, 3.2).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

Verify = Callable[[bytes, bytes], None]
"""Takes a signature and what was signed. Raises ``InvalidSignature``."""
KeyType = Literal["RSA", "EC", "OKP", "oct"]


class Algorithm(msgspec.Struct, frozen=True):
    """One row: the ``kty`` and ``crv`` of its keys, and what makes a :data:`Verify` of one."""

    key_type: KeyType
    curve: str
    bind: Callable[[Any], Verify]


def _pkcs1(digest: HashAlgorithm) -> Callable[[rsa.RSAPublicKey], Verify]:
    scheme = padding.PKCS1v15()

    def bind(key: rsa.RSAPublicKey) -> Verify:
        verify = key.verify
        return lambda signature, signed: verify(signature, signed, scheme, digest)

    return bind


def _pss(digest: HashAlgorithm) -> Callable[[rsa.RSAPublicKey], Verify]:
    # The salt is exactly as long as the digest (RFC 7518 3.5).
    scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)

    def bind(key: rsa.RSAPublicKey) -> Verify:
        verify = key.verify
        return lambda signature, signed: verify(signature, signed, scheme, digest)

    return bind


def _ecdsa(digest: HashAlgorithm, size: int) -> Callable[[ec.EllipticCurvePublicKey], Verify]:
    """``size``: octets of each of the two numbers that the signature consists of (RFC 7518 3.4)."""
    scheme = ec.ECDSA(digest)

    def bind(key: ec.EllipticCurvePublicKey) -> Verify:
        verify, number = key.verify, int.from_bytes

        def check(signature: bytes, signed: bytes) -> None:
            if len(signature) != 2 * size:
                raise InvalidSignature
            verify(
                encode_dss_signature(number(signature[:size], "big"), number(signature[size:], "big")), signed, scheme
            )

        return check

    return bind


def _eddsa(key: ed25519.Ed25519PublicKey) -> Verify:
    return key.verify


def _hmac(digest: str) -> Callable[[bytes], Verify]:
    def bind(key: bytes) -> Verify:
        def check(signature: bytes, signed: bytes) -> None:
            if not hmac.compare_digest(signature, hmac.digest(key, signed, digest)):
                raise InvalidSignature

        return check

    return bind


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "RS256": Algorithm("RSA", "", _pkcs1(SHA256())),
    "RS384": Algorithm("RSA", "", _pkcs1(SHA384())),
    "RS512": Algorithm("RSA", "", _pkcs1(SHA512())),
    "PS256": Algorithm("RSA", "", _pss(SHA256())),
    "PS384": Algorithm("RSA", "", _pss(SHA384())),
    "PS512": Algorithm("RSA", "", _pss(SHA512())),
    "ES256": Algorithm("EC", "P-256", _ecdsa(SHA256(), 32)),
    "ES384": Algorithm("EC", "P-384", _ecdsa(SHA384(), 48)),
    "ES512": Algorithm("EC", "P-521", _ecdsa(SHA512(), 66)),
    "EdDSA": Algorithm("OKP", "Ed25519", _eddsa),
    "Ed25519": Algorithm("OKP", "Ed25519", _eddsa),
    "HS256": Algorithm("oct", "", _hmac("sha256")),
    "HS384": Algorithm("oct", "", _hmac("sha384")),
    "HS512": Algorithm("oct", "", _hmac("sha512")),
}
