"""Base64url as JOSE wants it (RFC 7515 2): without padding, without anything else, and in one spelling only.

What decodes leniently lets a token be spelt in many ways: each of them would miss the cache, and pass a list of tokens
that were revoked or used.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

# The characters of the other alphabet, and padding, become what no alphabet has.
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")
_PADDING: Final = (b"", b"", b"==", b"=")
# The last character of a text whose length is no multiple of four carries 4 or 2 bits too many, which must be 0; none
# leaves a single character over.
_LAST: Final = (frozenset[int](), frozenset[int](), frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))


def decode(text: bytes) -> bytes:
    """The octets that ``text`` stands for. Raises ``ValueError`` for whatever is not their only spelling."""
    surplus = len(text) & 3
    if surplus and text[-1] not in _LAST[surplus]:
        raise ValueError("not base64url")
    try:
        return a2b_base64(text.translate(_TO_STANDARD) + _PADDING[surplus], strict_mode=True)
    except Error:
        raise ValueError("not base64url") from None


def encode(octets: bytes) -> bytes:
    """``octets`` as base64url without padding."""
    return b2a_base64(octets, newline=False).rstrip(b"=").translate(_FROM_STANDARD)
