"""Why a rule does not hold for an object, for the record: the comparison, and the values that were compared.

The caller never sees it.
"""

from __future__ import annotations

from typing import Any, Final

from portcullis.engine.decision import Finding, shorten
from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.selecting import Way
from portcullis.engine.objects.syntax import Path, Rule
from portcullis.engine.openapi.pointer import join

_MAX_VALUE: Final = 40
_MAX_POINTER: Final = 200


def explain(rule: Rule, decider: Decider, given: Given, value: Any, way: Way, source: str) -> Finding:
    """Why ``decider``, which was made of ``rule``, does not let the object ``value`` pass.

    ``way``: where in its document the object stands; ``source``: where the rule is written.
    """
    atom = decider.culprit(given, value)
    pointer, found = "", []
    for path, read, of_object in decider.values(atom, given, value):
        found.append(f"{path} is {shown(read)}")
        if not pointer and path.root != "identity":
            pointer = pointer_to(path, way if of_object else ())
    return Finding(pointer or "/identity", shorten(", ".join(found)), shorten(rule.said(atom)), source)


def pointer_to(path: Path, way: Way) -> str:
    """Where in the exchange the value at ``path`` of the object at ``way`` is, as findings name it."""
    if path.root == "response":
        return pointer_of("/response/body", (*way, *path.item_steps))
    return pointer_of("", ("body", *way, *path.item_steps) if path.list_steps is not None else path.item_steps)


def pointer_of(above: str, way: Way) -> str:
    """What is at ``way`` below ``above``, as findings name it."""
    return shorten(join(above, *map(str, way)), _MAX_POINTER)


def shown(value: Any) -> str:
    """``value`` in a few words."""
    if value is None:
        return "missing"
    if isinstance(value, frozenset):
        return f"[{shorten(', '.join(sorted(map(str, value))), _MAX_VALUE)}]"
    if isinstance(value, str):
        return f'"{shorten(value, _MAX_VALUE)}"'
    return shorten(value, _MAX_VALUE)
