"""How workers are told of challenges by which an authority has names proven: the topic, and what is said in it."""

from __future__ import annotations

from typing import Final

import msgspec

TOPIC: Final = "acme"
ACME_PATH: Final = "/.well-known/acme-challenge/"
"""Before the token of an http-01 challenge (RFC 8555 8.3)."""
ACME_PROTOCOL: Final = b"acme-tls/1"
"""What an authority asks for by ALPN in a tls-alpn-01 challenge (RFC 8737)."""


class Challenges(msgspec.Struct, frozen=True):
    """Those that are open. ``http``: what is answered to a token; ``tls``: PEM certificate and key by name."""

    http: dict[str, str] = {}
    tls: dict[str, str] = {}


_decoder: Final = msgspec.msgpack.Decoder(Challenges)


def encode(challenges: Challenges) -> bytes:
    """What is told of :data:`TOPIC`: all that are open."""
    return msgspec.msgpack.encode(challenges)


def decode(known: bytes) -> Challenges:
    """The reverse. Raises ``ValueError``."""
    return _decoder.decode(known)
