"""Names of tokens: they can't be guessed, and are no secrets."""

from __future__ import annotations

import secrets
from typing import Final

_BYTES: Final = 16


def new_id() -> str:
    """A new one, of 128 random bits."""
    return secrets.token_urlsafe(_BYTES)
