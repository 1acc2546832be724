"""Operations that were written otherwise than in the document: which one was meant?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

_VARIABLE = re.compile(r"\{[^{}]*+\}")
_MOST_COMPARED: Final = 20_000
"""How many pairs of names are compared letter by letter: a second's worth at most."""


class OperationNames:
    """The operations of one or several documents, ``"GET /orders/{order_id}"``, to look mistaken names up in."""

    def __init__(self, names: Collection[str]) -> None:
        self._by_folded = {_folded(name): name for name in names}
        self._compared = 0

    def nearest(self, name: str) -> str:
        """The operation that ``name``, which is not among them, was probably meant to be; ``""`` if none is near.

        Names of variables, case and a slash at the end are the first to be mistaken; then a base path that does not
        belong there; then letters.
        """
        wanted = _folded(name)
        for candidate in (wanted, *_without_base_paths(wanted)):
            if candidate in self._by_folded:
                return self._by_folded[candidate]
        self._compared += len(self._by_folded)
        near = get_close_matches(wanted, self._by_folded, n=1, cutoff=0.8) if self._compared <= _MOST_COMPARED else []
        return self._by_folded[near[0]] if near else ""


def _folded(name: str) -> str:
    return _VARIABLE.sub("{}", name).lower().rstrip("/")


def _without_base_paths(name: str) -> Iterator[str]:
    method, _, path = name.partition(" ")
    segments = path.split("/")
    for first in range(2, min(len(segments), 6)):
        yield f"{method} /{'/'.join(segments[first:])}"
