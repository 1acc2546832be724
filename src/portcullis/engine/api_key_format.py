"""API keys as text: how one looks, how one is made, and how one is recognised where it should not be.

A key is 62 characters::

    pcl_7h2k9x0q_5Jr0mWc…(43 characters)…Zt81Qa…(6 characters)
    │   │        │                        └ CRC-32 of everything before it, base 62
    │   │        └ the secret: 256 random bits, base 62
    │   └ public id: names the key in lists, logs and commands; not secret
    └ tells scanners, and people, what it is

The prefix and the checksum are for secret scanners: :data:`PATTERN` finds candidates in any text, and
:func:`is_well_formed` tells real keys from look-alikes without asking anyone. The checksum is no protection; it
also lets the gateway refuse junk before it looks anything up. A CRC-32 finds every change of a single character.

At rest there is only the SHA-256 of the whole key. One plain hash is right here, and a slow one would not be
better: nobody can try 2^256 secrets, however fast the hash is.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Final

PREFIX: Final = "pcl_"
ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6
KEY_LENGTH: Final = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH
PATTERN: Final = r"pcl_[0-9a-z]{8}_[0-9A-Za-z]{49}"
"""What a scanner looks for. A match is a key if its checksum is right: :func:`is_well_formed`."""

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_KEY: Final = re.compile(PATTERN.encode())
_KEY_IN_TEXT: Final = re.compile(rf"(pcl_[0-9a-z]{{{ID_LENGTH}}}_)[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")
_ID: Final = re.compile(rf"[0-9a-z]{{{ID_LENGTH}}}")


class ApiKey:
    """A key in clear, for the one moment it exists: between being made and being shown to its owner.

    ``id``: its public id; ``digest``: the SHA-256 that is kept. Only :meth:`reveal` gives the key itself.
    """

    __slots__ = ("_text", "digest", "id")

    def __init__(self, text: str) -> None:
        if not is_well_formed(text.encode()):
            raise ValueError("not an API key")
        self._text = text
        self.id = text[len(PREFIX) : len(PREFIX) + ID_LENGTH]
        self.digest = digest_of(text.encode())

    def reveal(self) -> str:
        """The key in clear. Hand it to its owner, and to nobody and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"ApiKey({PREFIX}{self.id}_***)"


def mint(random_below: Callable[[int], int]) -> ApiKey:
    """Make a new key. ``random_below(n)`` gives a number from 0 to n-1, unpredictably (``secrets.randbelow``)."""
    public_id = _in_base(_BASE36, random_below(36**ID_LENGTH), ID_LENGTH)
    secret = _in_base(_BASE62, random_below(62**SECRET_LENGTH), SECRET_LENGTH)
    body = f"{PREFIX}{public_id}_{secret}"
    return ApiKey(body + _checksum(body.encode()))


def is_well_formed(key: bytes) -> bool:
    """Whether ``key`` has the shape of a key and its checksum is right. Says nothing about whether it was issued."""
    return (
        len(key) == KEY_LENGTH
        and _KEY.fullmatch(key) is not None
        and _checksum(key[:-CHECKSUM_LENGTH]).encode() == key[-CHECKSUM_LENGTH:]
    )


def is_id(text: str) -> bool:
    """Whether ``text`` has the shape of a key's public id."""
    return _ID.fullmatch(text) is not None


def digest_of(key: bytes) -> bytes:
    """What of a key is kept: its SHA-256, 32 bytes."""
    return hashlib.sha256(key).digest()


def mask(text: str) -> str:
    """``text`` with the secret part of every key in it, right checksum or not, replaced by ``***``."""
    return _KEY_IN_TEXT.sub(r"\1***", text) if PREFIX in text else text


def _checksum(body: bytes) -> str:
    return _in_base(_BASE62, zlib.crc32(body), CHECKSUM_LENGTH)


def _in_base(alphabet: str, number: int, length: int) -> str:
    """``number`` in the base of ``alphabet``, most significant digit first, padded with zeros to ``length``."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
