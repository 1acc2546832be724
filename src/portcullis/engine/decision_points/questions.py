"""What a decision point is asked, whatever protocol it speaks, and what it said.

The model is that of the AuthZEN Authorization API: whether a *subject* may do an *action* with a *resource*. Never part
of a question is a credential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

DECIDE: Final = "decisions"
"""The topic of these questions."""
MOST_TOGETHER: Final = 200
"""Questions that may be asked at a time: for a list, one for each item."""

_NOTHING: Final[Mapping[str, Any]] = {}


class Entity(msgspec.Struct, frozen=True, array_like=True):
    """A subject or a resource: of which type, which one, and what else is known of it."""

    type: str
    id: str
    properties: Mapping[str, Any] = _NOTHING


class Question(msgspec.Struct, frozen=True, array_like=True):
    """Whether ``subject`` may do ``action`` with ``resource``; ``context``: under which circumstances."""

    subject: Entity
    action: str
    resource: Entity
    context: Mapping[str, Any] = _NOTHING


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """Questions to the decision point that the file calls ``point``."""

    point: str
    questions: list[Question]


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """The answer to each question, in their order; none where there is a ``failure``, in words for the record."""

    decisions: list[bool]
    failure: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode_asked = msgspec.msgpack.Decoder(Asked).decode
_decode_decided = msgspec.msgpack.Decoder(Decided).decode


def encode_question(question: Question) -> bytes:
    """``question`` as bytes, by which it is told from others. Raises ``TypeError`` for properties that are no JSON."""
    return _encode(question)


def encode_asked(point: str, questions: Sequence[Question]) -> bytes:
    """Questions for the control process."""
    return _encode(Asked(point, list(questions)))


def decode_asked(data: bytes) -> Asked:
    """What :func:`encode_asked` was given. Raises ``ValueError``."""
    return _decode_asked(data)


def encode_decided(decided: Decided) -> bytes:
    """An answer for the worker."""
    return _encode(decided)


def decode_decided(data: bytes) -> Decided:
    """What :func:`encode_decided` was given. Raises ``ValueError``."""
    return _decode_decided(data)
