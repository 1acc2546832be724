"""Encrypted tokens (RFC 7516), taken out of their envelope. Inside must be a signed token, which is verified as any.

Encryption to a public key proves nothing about who wrote a token: it is an envelope and no more. What has hurt others
is not there: RSA with PKCS #1 v1.5 padding (Bleichenbacher), passwords (their cost is the sender's choice), compression
(RFC 8725 3.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwe
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from portcullis.engine import strict_json
from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.compact import MAX_TOKEN, header_object
from portcullis.engine.authentication.jose.errors import (
    MALFORMED_TOKEN,
    UNDECRYPTABLE_TOKEN,
    ForeignTokenError,
    TokenError,
)
from portcullis.engine.authentication.jose.keys import MIN_RSA_BITS, PEM, UnusableKeyError
from portcullis.engine.decision import shorten

_CONTENT_KEYS: Final = {
    "A128GCM": 16,
    "A192GCM": 24,
    "A256GCM": 32,
    "A128CBC-HS256": 32,
    "A192CBC-HS384": 48,
    "A256CBC-HS512": 64,
}
"""How the content may be encrypted, and the octets of the key of each."""
_RSA: Final = frozenset({"RSA-OAEP", "RSA-OAEP-256"})
_ECDH: Final = frozenset({"ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"})
_TYPES: Final[dict[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey, "oct": OctKey}
_CURVES: Final = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("X25519",)}
_MOST: Final = 4
"""Keys that are tried on one token."""


class DecryptionKey(msgspec.Struct, frozen=True, eq=False):
    """``algorithms`` and ``contents``: what ``alg`` and ``enc`` of a token may be; ``kid``: its name, if it has one."""

    kid: str | None
    algorithms: frozenset[str]
    contents: frozenset[str]
    key: Key


def read_decryption_key(content: bytes) -> DecryptionKey:
    """The key in a private key in PEM, or in a JSON web key. Raises :class:`UnusableKeyError`."""
    if PEM in content:
        return _from_pem(content)
    try:
        jwk = strict_json.loads(content, strict_json.Limits(depth=4, keys=64))
    except strict_json.MalformedJsonError:
        raise UnusableKeyError("it is neither a private key in PEM nor a JSON web key") from None
    if not isinstance(jwk, dict):
        raise UnusableKeyError("it is no JSON web key")
    return _from_jwk(jwk)


def _from_pem(content: bytes) -> DecryptionKey:
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKeyError("it is no private key in PEM, or one with a password") from None
    contents = frozenset(_CONTENT_KEYS)
    if isinstance(key, rsa.RSAPrivateKey):
        _check_size(key)
        return DecryptionKey(None, _RSA, contents, RSAKey(key, key))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return DecryptionKey(None, _ECDH, contents, ECKey(key, key))
    if isinstance(key, x25519.X25519PrivateKey):
        return DecryptionKey(None, _ECDH, contents, OKPKey(key, key))
    raise UnusableKeyError("it is no RSA, EC or X25519 key")


def _from_jwk(jwk: dict[str, Any]) -> DecryptionKey:
    kid, own = jwk.get("kid"), jwk.get("alg")
    if not (kid is None or isinstance(kid, str)) or not (own is None or isinstance(own, str)):
        raise UnusableKeyError("its kid or alg is no text")
    if jwk.get("use", "enc") != "enc":
        raise UnusableKeyError("it is not for encryption (use)")
    key = _imported(jwk)
    if isinstance(key, OctKey):
        return _secret(kid, own, key)
    if not isinstance(key, RSAKey):
        return DecryptionKey(kid, _narrowed(_ECDH, own), frozenset(_CONTENT_KEYS), key)
    if key.private_key is not None:
        _check_size(key.private_key)
    return DecryptionKey(kid, _narrowed(_RSA, own), frozenset(_CONTENT_KEYS), key)


def _imported(jwk: dict[str, Any]) -> Key:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if kind not in _TYPES or ("k" if kind == "oct" else "d") not in jwk:
        raise UnusableKeyError("it is no private RSA, EC or X25519 key, and no secret")
    if kind in _CURVES and curve not in _CURVES[kind]:
        raise UnusableKeyError(f"its curve {shorten(curve, 40)} is not one of {', '.join(_CURVES[kind])}")
    try:
        return _TYPES[kind].import_key(jwk)
    except Exception as error:  # noqa: BLE001 - whatever the library says of a key that it can't use
        raise UnusableKeyError(f"it is malformed ({type(error).__name__})") from None


def _secret(kid: str | None, own: str | None, key: OctKey) -> DecryptionKey:
    """The ``alg`` of a secret that encrypts the content itself names what it encrypts it with (RFC 7520 3.6)."""
    octets = len(key.get_op_key("decrypt"))
    fitting = frozenset(name for name, size in _CONTENT_KEYS.items() if size == octets)
    if own == "dir" or own in fitting:
        return DecryptionKey(kid, frozenset({"dir"}), fitting if own == "dir" else frozenset({own}), key)
    wrapping = frozenset({f"A{octets * 8}KW", f"A{octets * 8}GCMKW"}) if octets in (16, 24, 32) else frozenset()
    return DecryptionKey(kid, _narrowed(wrapping, own), frozenset(_CONTENT_KEYS), key)


def _narrowed(fitting: frozenset[str], own: str | None) -> frozenset[str]:
    narrowed = fitting if own is None else fitting & {own}
    if not narrowed:
        raise UnusableKeyError(f"its alg {shorten(own or '', 40)} is not one of {', '.join(sorted(fitting)) or 'ours'}")
    return narrowed


def _check_size(key: rsa.RSAPrivateKey) -> None:
    if key.key_size < MIN_RSA_BITS:
        raise UnusableKeyError(f"it has {key.key_size} bits, and RSA keys have at least {MIN_RSA_BITS}")


class Decrypter:
    """Opens tokens that were encrypted to one of ``keys``."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[DecryptionKey]) -> None:
        self._keys = tuple(keys)

    def decrypt(self, token: bytes) -> bytes:
        """What is in the encrypted ``token``. Raises :class:`TokenError`, the same one whatever went wrong with a key.

        A token that is not encrypted is a :class:`ForeignTokenError`.
        """
        if len(token) > MAX_TOKEN:
            raise TokenError(MALFORMED_TOKEN, f"{len(token)} bytes", f"at most {MAX_TOKEN} bytes")
        parts = token.split(b".")
        if len(parts) != 5:
            raise ForeignTokenError(MALFORMED_TOKEN, f"{len(parts)} parts", "an encrypted token")
        algorithm, content, kid = _read_header(parts[0])
        try:
            for part in parts[1:]:
                base64url.decode(part)
        except ValueError:
            raise TokenError(MALFORMED_TOKEN, "a part is not base64url", "base64url") from None
        fitting = [key for key in self._keys if key.kid is None or kid is None or key.kid == kid]
        for key in fitting[:_MOST]:
            if algorithm in key.algorithms and content in key.contents:
                plaintext = _open(token, key, (algorithm, content))
                if plaintext is not None:
                    return plaintext
        raise TokenError(UNDECRYPTABLE_TOKEN, f"alg {shorten(algorithm, 40)}, enc {shorten(content, 40)}", "our key")


def _read_header(encoded: bytes) -> tuple[str, str, str | None]:
    header = header_object(encoded)
    for refused in ("crit", "zip", "b64"):
        if refused in header:
            raise TokenError(MALFORMED_TOKEN, f"the header has {refused}", "a header without extensions")
    algorithm, content, kid = header.get("alg"), header.get("enc"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(content, str) or not (kid is None or isinstance(kid, str)):
        raise TokenError(MALFORMED_TOKEN, "alg, enc or kid of the header is no text", "text")
    return algorithm, content, kid


def _open(token: bytes, key: DecryptionKey, names: tuple[str, str]) -> bytes | None:
    registry = jwe.JWERegistry(algorithms=names, strict_check_header=False)
    try:
        return jwe.decrypt_compact(token, key.key, registry=registry).plaintext
    except Exception:  # noqa: BLE001 - whatever the library raises, the token can't be read
        return None
