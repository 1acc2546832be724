"""How large and how deep the text of a query is, found out before anything recursive looks at it."""

from __future__ import annotations

from typing import Final

from portcullis.engine.graphql.errors import QueryError

_OPENING: Final = frozenset("{[(")
_CLOSING: Final = frozenset("}])")
NESTING: Final = 64
"""Brackets of any kind in one another, in a query: its parser calls itself for each."""


def depth_of(text: str) -> int:
    """How many brackets stand in one another at most; those in strings and comments count too, to be safe."""
    deepest = depth = 0
    for character in text:
        if character in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif character in _CLOSING and depth:
            depth -= 1
    return deepest


def check_size(text: str, max_bytes: int) -> None:
    """Raise :class:`QueryError` for a query that is too long or nested too deep to be parsed."""
    if len(text) > max_bytes:
        raise QueryError("limit", "The query is too long.", f"{len(text)} characters", f"at most {max_bytes}")
    if text.count("{") + text.count("[") + text.count("(") > NESTING and (depth := depth_of(text)) > NESTING:
        raise QueryError("limit", "The query is nested too deep.", f"{depth} levels", f"at most {NESTING}")
