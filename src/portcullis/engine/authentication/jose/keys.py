"""Keys that verify signatures: read from JSON web keys (RFC 7517), PEM, or made of a shared secret.

A key verifies by the algorithms that it is for, and by no other. What it is for is said by its type and curve, by its
own ``alg``, and by the operator; never by a token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.algorithms import ALGORITHMS, Verify
from portcullis.engine.authentication.jose.compact import MAX_KID
from portcullis.engine.authentication.jose.names import ED25519, PUBLIC_ALGORITHMS, SECRET_BYTES, USUAL_FOR_RSA
from portcullis.engine.authentication.jose.roca import is_marked
from portcullis.engine.decision import shorten

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

MIN_RSA_BITS: Final = 2048
"""RFC 7518 3.3, NIST SP 800-131A."""
MAX_RSA_BITS: Final = 8192
"""Above it every signature takes milliseconds to verify."""
MAX_RSA_EXPONENT: Final = 2**32
PEM: Final = b"-----BEGIN "
_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}
_NAMES_OF_CURVES: Final = {curve.name: name for name, (curve, _) in _CURVES.items()}
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class UnusableKeyError(ValueError):
    """A key can't be used. Says why, in words that follow the key's name."""


class NotForUsError(UnusableKeyError):
    """A key is fine, but for something else: for encryption, or by an algorithm that is not accepted here."""


class VerificationKey(msgspec.Struct, frozen=True, eq=False):
    """``verifiers``: how it verifies, by algorithm; ``material``: what it is made of, equal for equal keys only.

    ``kid``: its name, where it has one; ``is_secret``: a shared secret, not a public key.
    """

    kid: str | None
    verifiers: Mapping[str, Verify]
    material: bytes
    is_secret: bool = False


def read_jwk(jwk: Mapping[str, Any], accepted: Collection[str] | None = None) -> VerificationKey:
    """The key of a public JSON web key, for those of its algorithms that are ``accepted`` (``None``: the usual one).

    Certificates in it (``x5c``, ``x5u``) are not looked at: that the key is the issuer's, where it came from says.
    Raises :class:`UnusableKeyError`.
    """
    kid = jwk.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_KID):
        raise UnusableKeyError("its kid is no text")
    _check_use(jwk)
    if published := sorted(_SECRET_MEMBERS & jwk.keys()):
        raise UnusableKeyError(f"its secret part ({published[0]}) was published with it")
    return _key(kid, _public_key(jwk), jwk.get("alg"), accepted)


def read_pem(pem: bytes, accepted: Collection[str] | None = None) -> VerificationKey:
    """The key of a public key in PEM; otherwise as :func:`read_jwk`."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKeyError("it is no public key in PEM") from None
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key.public_numbers().n, key.public_numbers().e)
    if isinstance(key, PublicKey):
        return _key(None, key, None, accepted)
    raise UnusableKeyError("it is no RSA, EC or Ed25519 key")


def shared_secret(secret: bytes, accepted: Collection[str], kid: str | None = None) -> VerificationKey:
    """The key of a secret that issuer and gateway share. Raises :class:`UnusableKeyError` for one that can't be one."""
    if PEM in secret:  # a public key, which the whole world may sign with then
        raise UnusableKeyError("it is a key in PEM, and no secret (RFC 8725 2.1)")
    for algorithm in accepted:
        if len(secret) < SECRET_BYTES[algorithm]:
            least = f"{algorithm} needs at least {SECRET_BYTES[algorithm]} (RFC 7518 3.2)"
            raise UnusableKeyError(f"it has {len(secret)} bytes, and {least}")
    verifiers = {algorithm: ALGORITHMS[algorithm].bind(secret) for algorithm in accepted}
    return VerificationKey(kid, verifiers, secret, is_secret=True)


def _check_use(jwk: Mapping[str, Any]) -> None:
    """RFC 7517 4.2 and 4.3."""
    use, operations = jwk.get("use"), jwk.get("key_ops")
    if use is not None and use != "sig":
        raise NotForUsError("it is not for signatures (use)")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        raise NotForUsError("it is not for verifying (key_ops)")


def _key(kid: str | None, key: PublicKey, own: Any, accepted: Collection[str] | None) -> VerificationKey:
    kinds, curve = _kind_of(key)
    fitting = {n for n in PUBLIC_ALGORITHMS if (ALGORITHMS[n].key_type, ALGORITHMS[n].curve) == (kinds, curve)}
    if own is not None:
        fitting &= _meant_by(own)
        if not fitting:
            raise UnusableKeyError(f"its alg {shorten(own, 40)} is not for a key of its type")
    if accepted is not None:
        fitting &= _with_both_names(accepted)
    elif own is None and kinds == "RSA":
        fitting &= USUAL_FOR_RSA
    if not fitting:
        raise NotForUsError(f"it is for none of the accepted algorithms ({', '.join(sorted(accepted or ()))})")
    verifiers = {name: ALGORITHMS[name].bind(key) for name in sorted(fitting)}
    return VerificationKey(kid, verifiers, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _meant_by(own: Any) -> set[str]:
    return _with_both_names([own]) if isinstance(own, str) else set()


def _with_both_names(names: Collection[str]) -> set[str]:
    return {*names, *ED25519} if ED25519 & set(names) else set(names)


def _kind_of(key: PublicKey) -> tuple[str, str]:
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", ""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "OKP", "Ed25519"
    return "EC", _NAMES_OF_CURVES.get(key.curve.name, key.curve.name)


def _public_key(jwk: Mapping[str, Any]) -> PublicKey:
    kind = jwk.get("kty")
    if kind == "RSA":
        return _rsa(jwk)
    if kind == "EC":
        return _ec(jwk)
    if kind == "OKP":
        return _okp(jwk)
    raise UnusableKeyError(f"keys of type {shorten(kind, 40)} are not used here")


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(_octets(jwk, name), "big") for name in ("n", "e"))
    _check_rsa(modulus, exponent)
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise UnusableKeyError("its numbers are no RSA key") from None


def _check_rsa(modulus: int, exponent: int) -> None:
    bits = modulus.bit_length()
    if bits < MIN_RSA_BITS:
        raise UnusableKeyError(f"it has {bits} bits, and RSA keys have at least {MIN_RSA_BITS} (RFC 7518 3.3)")
    if bits > MAX_RSA_BITS:
        raise UnusableKeyError(f"it has {bits} bits, and RSA keys have at most {MAX_RSA_BITS} here")
    if modulus % 2 == 0 or exponent % 2 == 0 or not 3 <= exponent <= MAX_RSA_EXPONENT:
        raise UnusableKeyError("its numbers are no RSA key")
    if is_marked(modulus):
        raise UnusableKeyError("it can be factored (ROCA, CVE-2017-15361)")


def _ec(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in _CURVES:
        raise UnusableKeyError(f"its curve {shorten(name, 40)} is not one of {', '.join(_CURVES)}")
    curve, size = _CURVES[name]
    x, y = (_octets(jwk, coordinate, size) for coordinate in ("x", "y"))
    try:
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve).public_key()
    except ValueError:
        raise UnusableKeyError("its point is not on its curve") from None


def _okp(jwk: Mapping[str, Any]) -> ed25519.Ed25519PublicKey:
    if jwk.get("crv") != "Ed25519":
        raise UnusableKeyError(f"its curve {shorten(jwk.get('crv'), 40)} is not Ed25519")
    return ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x", 32))


def _octets(jwk: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    """The octets of a member; those of a coordinate have a fixed number (RFC 7518 6.2.1.2)."""
    text = jwk.get(name)
    try:
        octets = base64url.decode(text.encode()) if isinstance(text, str) else b""
    except ValueError:
        octets = b""
    if not octets or (size is not None and len(octets) != size):
        raise UnusableKeyError(f"its member {name} is missing or malformed")
    return octets
