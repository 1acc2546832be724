"""Pins: digests of public keys, by which a peer is known whatever certificate it shows (RFC 7469 2.4)."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509

_PREFIX: Final = "sha256/"
_BYTES: Final = 32


def read_pin(text: str) -> bytes:
    """The digest that a pin, ``sha256/`` and base64, holds. Raises ``ValueError``, which says what would be one."""
    try:
        digest = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if not text.startswith(_PREFIX) or len(digest) != _BYTES:
        raise ValueError("sha256/ and the SHA-256 of a public key in base64: 43 characters and a =")
    return digest


def written_pin(digest: bytes) -> str:
    """The pin that holds ``digest``."""
    return _PREFIX + base64.b64encode(digest).decode()


def pin_of(certificate: x509.Certificate) -> bytes:
    """The SHA-256 of the certificate's SubjectPublicKeyInfo."""
    # Where nothing is pinned nothing of this is loaded.
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(key).digest()


def check_pin(value: str) -> str:
    """``value`` if it is a pin."""
    read_pin(value)
    return value
