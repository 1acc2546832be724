"""Tuples that a worker asks the control process to keep, since it saw that an object was created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from portcullis.engine.relations.tuples import RelationTuple

KEEP: Final = "relations.keep"
"""The topic of these questions."""

_encode = msgspec.msgpack.Encoder().encode
_decode_tuples = msgspec.msgpack.Decoder(list[RelationTuple]).decode
_decode_kept = msgspec.msgpack.Decoder(list[bool]).decode


def encode_tuples(tuples: Sequence[RelationTuple]) -> bytes:
    """The question to keep ``tuples``."""
    return _encode(tuples)


def decode_tuples(question: bytes) -> list[RelationTuple]:
    """What :func:`encode_tuples` was given. Raises ``ValueError``."""
    return _decode_tuples(question)


def encode_kept(kept: Sequence[bool]) -> bytes:
    """The answer: for each tuple whether its subject has the relation now; else somebody else has it already."""
    return _encode(kept)


def decode_kept(answer: bytes) -> list[bool]:
    """What :func:`encode_kept` was given. Raises ``ValueError``."""
    return _decode_kept(answer)
