"""References of a document to what it holds elsewhere, followed to their end."""

from __future__ import annotations

from typing import Any

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems


def follow(root: dict[str, Any], pointer: str, problems: Problems) -> tuple[str, Any]:
    """What is at ``pointer``, with references followed: its pointer and itself, or nothing if they go in a circle."""
    seen: set[str] = set()
    value = pointers.look_up(root, pointer)
    while isinstance(value, dict) and isinstance(value.get("$ref"), str):
        if pointer in seen:
            problems.error(pointer, "this reference leads back to itself")
            return pointer, {}
        seen.add(pointer)
        pointer = pointers.of_reference(value["$ref"])
        value = pointers.look_up(root, pointer)
    return pointer, value
