"""What the file allows in spite of everything: patterns at places of a request."""

from __future__ import annotations

from collections.abc import Iterable

from portcullis.engine.inspection.parts import Path
from portcullis.engine.openapi.pointer import join, split

ANY = "*"
"""In a pointer of the file: any one token, an index or a name."""


class Allowances:
    """Patterns that are allowed, by pointer: ``{"/body/items/*/title": ["xss-101"]}``."""

    def __init__(self, patterns: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._exact: dict[tuple[str, ...], frozenset[str]] = {}
        self._general: list[tuple[tuple[str, ...], frozenset[str]]] = []
        for pointer, ids in patterns:
            tokens = tuple(split(pointer))
            if ANY in tokens:
                self._general.append((tokens, frozenset(ids)))
            else:
                self._exact[tokens] = self._exact.get(tokens, frozenset()) | frozenset(ids)

    def at(self, path: Path) -> frozenset[str]:
        """The ids of the patterns that are allowed at ``path``."""
        if not self._exact and not self._general:
            return frozenset()
        tokens = tuple(map(str, path))
        found = self._exact.get(tokens, frozenset())
        for general, ids in self._general:
            if fits(general, tokens):
                found |= ids
        return found


def fits(general: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    """Whether ``tokens`` are what the pointer ``general`` says."""
    return len(general) == len(tokens) and all(one in (ANY, other) for one, other in zip(general, tokens, strict=True))


def pointer_for(path: Path) -> str:
    """The pointer to write in the file for what was found at ``path``: of all elements of a list."""
    return join("", *(ANY if isinstance(token, int) else token for token in path))
