"""What clients are given: secrets and refresh tokens of 256 random bits, of which only a digest is kept.

So much randomness can't be guessed, and one SHA-256 is as good as any slow hash.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

SECRET_PREFIX: Final = "pcs_"  # noqa: S105 - what secrets begin with
REFRESH_PREFIX: Final = "pcr_"


def new_secret() -> str:
    """A client's secret."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def new_refresh_token() -> str:
    """A refresh token."""
    return REFRESH_PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What is kept of it."""
    return sha256(secret.encode()).digest()
