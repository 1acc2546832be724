"""Where the keys of an issuer come from, and the messages by which workers get them.

The control process fetches (:mod:`portcullis.control.parts.key_sets`). It tells every worker what it has, under the
source's own topic, and workers that meet an unknown key ask it to look again.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

REFETCH: Final = "key_sets"
"""The topic of questions: a :class:`KeySource`; the answer is :data:`FRESH` or :data:`STALE`."""
FRESH: Final = b"\x01"
"""What is known was fetched as recently as it may be."""
STALE: Final = b"\x00"
"""The issuer could not be reached: there may be newer keys."""


class KeySource(msgspec.Struct, frozen=True, array_like=True):
    """Where to fetch: at ``url``, or by the discovery document of ``issuer`` where ``url`` is empty.

    ``algorithms``: what keys are for, ``None``: what each says itself; in seconds, ``refresh``: how often to fetch;
    ``refetch``: how long at least between fetches because of an unknown key; ``keep``: how long keys are used without
    the issuer.
    """

    issuer: str
    url: str = ""
    algorithms: tuple[str, ...] | None = None
    refresh: float = 300.0
    refetch: float = 10.0
    keep: float = 86_400.0

    @property
    def digest(self) -> str:
        """A name for it: letters and digits."""
        return hashlib.sha256(encode_source(self)).hexdigest()[:32]

    @property
    def topic(self) -> str:
        """Under which workers are told of its keys."""
        return f"key_set:{self.digest}"

    @property
    def place(self) -> str:
        """What to call it in words."""
        return self.url or self.issuer


class KeySetUpdate(msgspec.Struct, frozen=True, array_like=True):
    """The keys of a source: a JWK set, ``fetched`` and to be used until ``usable_until`` (Unix seconds)."""

    document: bytes
    fetched: float
    usable_until: float


_encode = msgspec.msgpack.Encoder().encode
_decode_source = msgspec.msgpack.Decoder(KeySource).decode
_decode_update = msgspec.msgpack.Decoder(KeySetUpdate).decode


def encode_source(source: KeySource) -> bytes:
    """As a question."""
    return _encode(source)


def decode_source(question: bytes) -> KeySource:
    """What :func:`encode_source` gave. Raises ``ValueError``."""
    return _decode_source(question)


def encode_update(update: KeySetUpdate) -> bytes:
    """As a message."""
    return _encode(update)


def decode_update(message: bytes) -> KeySetUpdate:
    """What :func:`encode_update` gave. Raises ``ValueError``."""
    return _decode_update(message)
