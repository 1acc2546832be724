"""Proofs of possession (RFC 9449 4): small tokens that a caller signs for one request with the key of its token.

The key comes with the proof and is nobody's until its thumbprint is the one that the access token names: whatever is
signed with another key proves nothing. A proof is good for one method, one URL, one access token, a short time, and
once.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature

from portcullis.engine.authentication.dpop import INVALID_PROOF
from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.algorithms import Verify
from portcullis.engine.authentication.jose.claims import LATEST_DATE, is_identifier
from portcullis.engine.authentication.jose.compact import header_object, media_type, read_claims, split
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.keys import UnusableKeyError, read_jwk
from portcullis.engine.authentication.request_signing import Freshness, SignatureError
from portcullis.engine.authentication.signature_base import authority
from portcullis.engine.decision import shorten
from portcullis.engine.request import RequestView
from portcullis.engine.target import TargetError, normalise_path

MAX_PROOF: Final = 8 * 1024
"""Bytes of a proof; one with a large RSA key has 2,000."""
_TYPE: Final = "dpop+jwt"
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}
"""What a key's thumbprint is made of (RFC 7638 3.2, RFC 8037 2)."""
_PORTS: Final = {"http": 80, "https": 443}
_MAX_REMEMBERED: Final = 1_024
"""Headers that are remembered with their key: a caller writes the same one into all of its proofs."""


class ProofVerifier:
    """Verifies proofs by the ``accepted`` algorithms. ``origins``: what callers may take the gateway for, if not it."""

    def __init__(self, accepted: Collection[str], origins: Collection[str], freshness: Freshness) -> None:
        self._accepted = frozenset(accepted)
        self._origins = frozenset(origins)
        self._freshness = freshness
        self._remembered: dict[bytes, tuple[str, Verify]] = {}

    def verify(self, proof: bytes, thumbprint: str, token: bytes, request: RequestView, now: float) -> ProvenProof:
        """What ``proof`` says, if it is one for ``request`` with ``token``, whose key has ``thumbprint``.

        Raises :class:`SignatureError`; whether the proof was used before, and its nonce, are not its affair.
        """
        try:
            if len(proof) > MAX_PROOF:
                raise _invalid(f"a proof of {len(proof)} bytes", f"at most {MAX_PROOF}")
            signed, encoded_header, encoded_claims, encoded_signature = split(proof)
            known = self._remembered.get(encoded_header) or self._read_header(encoded_header)
            if not hmac.compare_digest(known[0].encode(), thumbprint.encode("utf-8", "surrogatepass")):
                raise _invalid("a proof with another key", "the key that the token is bound to (cnf.jkt)")
            known[1](base64url.decode(encoded_signature), signed)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[encoded_header] = known
            return self._check(read_claims(encoded_claims), token, request, now)
        except TokenError as error:
            raise _invalid(error.found, error.allowed) from None
        except (InvalidSignature, ValueError):
            raise _invalid("a wrong signature", "a signature of the key in the proof") from None

    def _read_header(self, encoded: bytes) -> tuple[str, Verify]:
        header = header_object(encoded)
        kind, algorithm, jwk = header.get("typ"), header.get("alg"), header.get("jwk")
        if not isinstance(kind, str) or media_type(kind) != _TYPE:
            raise _invalid(f"typ {shorten(kind, 60)}", _TYPE)
        if "crit" in header or "b64" in header:
            raise _invalid("a header with extensions", "a header without crit and b64")
        if not isinstance(algorithm, str) or algorithm not in self._accepted:
            raise _invalid(f"alg {shorten(algorithm, 40)}", ", ".join(sorted(self._accepted)))
        if not isinstance(jwk, dict):
            raise _invalid("a header without jwk", "the public key, as jwk")
        try:
            key = read_jwk(jwk, [algorithm])
        except UnusableKeyError as error:
            raise _invalid(f"a key that can't be used: {error}", f"a public key for {algorithm}") from None
        return thumbprint_of(jwk), key.verifiers[algorithm]

    def _check(self, claims: Mapping[str, Any], token: bytes, request: RequestView, now: float) -> ProvenProof:
        jti, issued, nonce = claims.get("jti"), claims.get("iat"), claims.get("nonce")
        if not is_identifier(jti):
            raise _invalid(f"jti {shorten(jti, 60)}", "a jti that is never used again")
        if claims.get("htm") != request.method:
            raise _invalid(f"htm {shorten(claims.get('htm'), 40)}", request.method)
        self._check_url(claims.get("htu"), request)
        hashed = claims.get("ath")
        if not isinstance(hashed, str) or not hmac.compare_digest(
            base64url.encode(sha256(token).digest()), hashed.encode("utf-8", "surrogatepass")
        ):
            raise _invalid("a proof for another token", "ath, the SHA-256 of the token")
        if not (type(issued) is int or type(issued) is float) or not 0 <= issued <= LATEST_DATE:
            raise _invalid(f"iat {shorten(issued, 60)}", "a date in Unix seconds")
        if nonce is not None and type(nonce) is not str:
            raise _invalid("a nonce that is no text", "the nonce that was given")
        return ProvenProof(jti, nonce, self._freshness.check(issued, now))

    def _check_url(self, htu: Any, request: RequestView) -> None:
        origin, path = origin_and_path(htu)
        origins: Collection[str] = self._origins or (f"{request.scheme}://{authority(request)}",)
        if origin not in origins or path != request.path:
            raise _invalid(f"htu {shorten(htu, 80)}", shorten(f"{' or '.join(sorted(origins))}{request.path}"))


class ProvenProof:
    """A proof that is fine: its ``jti`` and its ``nonce``, and for how many seconds more it passes."""

    __slots__ = ("jti", "lasts", "nonce")

    def __init__(self, jti: str, nonce: str | None, lasts: float) -> None:
        self.jti = jti
        self.nonce = nonce
        self.lasts = lasts


def origin_and_path(htu: Any) -> tuple[str, str]:
    """Origin and path of a URL, normalised (RFC 3986 6.2.2, 6.2.3), without query and fragment.

    Raises :class:`SignatureError` for anything else.
    """
    if not isinstance(htu, str) or not htu.isascii() or not htu.isprintable() or len(htu) > MAX_PROOF:
        raise _invalid(f"htu {shorten(htu, 60)}", "the URL of the call")
    try:
        parts = urlsplit(htu)
        host, port = parts.hostname, parts.port
        path = normalise_path(parts.path or "/", encoded_slash=True)
    except (ValueError, TargetError):
        raise _invalid(f"htu {shorten(htu, 60)}", "the URL of the call") from None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        raise _invalid(f"htu {shorten(htu, 60)}", "a URL with http or https, a host, and no user")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}"), path


def thumbprint_of(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a public JSON web key in base64url (RFC 7638)."""
    members: Sequence[str] = _MEMBERS[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


def _invalid(found: str, allowed: str) -> SignatureError:
    return SignatureError(INVALID_PROOF, found, allowed)
