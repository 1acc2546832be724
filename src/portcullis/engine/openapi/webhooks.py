"""The calls that a service makes, as its document declares them: webhooks, and the callbacks of operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import METHODS
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow


class SpecCall(msgspec.Struct, frozen=True):
    """A call that the service makes.

    ``name``: of the webhook, or the expression that gives a callback its URL; ``method``: upper-case; ``pointer``: the
    JSON pointer of its operation; ``caused_by``: the name of the operation whose callback it is, ``""`` for webhooks.
    """

    name: str
    method: str
    pointer: str
    caused_by: str = ""


def read_calls(root: dict[str, Any], operations: Iterable[SpecOperation]) -> Iterator[SpecCall]:
    """The webhooks of the document ``root``, and the callbacks of ``operations``. What makes no sense is left out."""
    yield from _calls(root, "/webhooks", "")
    for operation in operations:
        callbacks = pointers.join(operation.pointer, "callbacks")
        for name in _keys(_followed(root, callbacks)[1]):
            pointer, _ = _followed(root, pointers.join(callbacks, name))
            yield from _calls(root, pointer, operation.name)


def _calls(root: dict[str, Any], owner: str, caused_by: str) -> Iterator[SpecCall]:
    """What the path items below ``owner`` hold."""
    for name in _keys(_followed(root, owner)[1]):
        pointer, item = _followed(root, pointers.join(owner, name))
        for method in METHODS:
            if method in _keys(item):
                yield SpecCall(name, method.upper(), pointers.join(pointer, method), caused_by)


def _keys(value: Any) -> list[str]:
    return [key for key in value if not key.startswith("x-")] if isinstance(value, dict) else []


def _followed(root: dict[str, Any], pointer: str) -> tuple[str, Any]:
    try:
        return follow(root, pointer, Problems())
    except LookupError:
        return pointer, None
