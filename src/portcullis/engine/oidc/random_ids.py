"""Ids and secrets of 256 bits, as text: base64url without padding, in one spelling only."""

from __future__ import annotations

import secrets
from typing import Final

from portcullis.engine.authentication.jose import base64url

ID_BYTES: Final = 32
_TEXT_LENGTH: Final = 43


def new_id() -> bytes:
    """An id that nobody can guess."""
    return secrets.token_bytes(ID_BYTES)


def as_text(octets: bytes) -> str:
    """``octets`` in base64url."""
    return base64url.encode(octets).decode()


def read_id(text: bytes) -> bytes | None:
    """The id that ``text`` is the one spelling of; ``None`` where it is none."""
    if len(text) != _TEXT_LENGTH:
        return None
    try:
        return base64url.decode(text)
    except ValueError:
        return None
