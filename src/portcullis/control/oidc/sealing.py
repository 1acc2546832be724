"""What belongs to a session, encrypted by a key made from its id: whoever reads the database reads none of it.

The id is only in the browser, and in a question for as long as it takes to answer it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
"""NIST SP 800-38D 8.2.2: random ones of 96 bits; each key seals a few thousand times at most."""


class Contents(msgspec.Struct, frozen=True, array_like=True):
    """``claims``: of the user, a JSON object; ``tokens_end``: when they have to be renewed, ``None`` for never;
    ``renewed``: when they were (Unix seconds).
    """

    claims: bytes
    id_token: str
    refresh_token: str
    tokens_end: float | None
    renewed: float

    def __repr__(self) -> str:
        return f"Contents(tokens_end={self.tokens_end})"


class SealError(Exception):
    """It was not sealed for this session, or is damaged."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Contents).decode


def digest_of(session: bytes) -> bytes:
    """What a session is known by in the database and to workers."""
    return hashlib.sha256(session).digest()


def seal(session: bytes, realm: str, contents: Contents) -> bytes:
    """``contents``, for the session with this id."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(_key(session)).encrypt(nonce, _encode(contents), realm.encode())


def unseal(session: bytes, realm: str, sealed: bytes) -> Contents:
    """What was sealed. Raises :class:`SealError`."""
    try:
        opened = AESGCM(_key(session)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], realm.encode())
        return _decode(opened)
    except (InvalidTag, ValueError):
        raise SealError("the session's contents can't be opened") from None


def _key(session: bytes) -> bytes:
    return hmac.digest(session, b"portcullis session contents", "sha256")
