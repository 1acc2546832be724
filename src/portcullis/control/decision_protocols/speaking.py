"""What the protocols have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from portcullis.engine.decision_points.questions import Entity, Question

Post: TypeAlias = Callable[[str, Any], Awaitable[Any]]
"""Posts a JSON document to a URL, with whatever the decision point wants to know its caller by; gives the answer's."""


class DecisionPointSettings(msgspec.Struct, frozen=True):
    """A decision point. ``token``: the place of it, ``env:NAME``; ``timeout``: in seconds; the rest as in the file."""

    kind: str
    url: str
    token: str = ""
    store: str = ""
    model: str = ""
    timeout: float = 1.0


Decide: TypeAlias = Callable[[Post, DecisionPointSettings, Sequence[Question]], Awaitable[list[bool]]]


class BadAnswerError(Exception):
    """An answer that decides nothing. The message says what is wrong with it, in words for the record."""


def plain(value: Any, field: str) -> bool:
    """``value`` if it is ``true`` or ``false``; nothing else is taken for one of them."""
    if value is True or value is False:
        return bool(value)
    raise BadAnswerError(f"{field} is neither true nor false")


def member(document: Any, name: str) -> Any:
    """What a JSON object has at ``name``; ``None`` if there is nothing, or no object."""
    return document.get(name) if isinstance(document, dict) else None


def entity(found: Entity) -> dict[str, Any]:
    """A subject or a resource, as AuthZEN writes it."""
    written: dict[str, Any] = {"type": found.type, "id": found.id}
    return {**written, "properties": found.properties} if found.properties else written


def evaluation(question: Question) -> dict[str, Any]:
    """A question, as AuthZEN writes it (Authorization API 1.0, 5 and 6.1)."""
    written: dict[str, Any] = {
        "subject": entity(question.subject),
        "action": {"name": question.action},
        "resource": entity(question.resource),
    }
    return {**written, "context": question.context} if question.context else written
