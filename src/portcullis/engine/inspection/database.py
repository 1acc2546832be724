"""Many expressions as one automaton: a single pass over a text says which of them match somewhere in it.

Hyperscan matches octets, in linear time whatever the text. Its scratch space is one for each database: a process scans
from one thread. A process that is forked has a copy of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hyperscan

_FLAGS = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH


class ExpressionError(ValueError):
    """An expression can't be compiled. Says which, and why."""


class Database:
    """A compiled set of expressions by name, matched in any case; ``.`` is any octet. Compiling takes a moment.

    Raises :class:`ExpressionError`.
    """

    def __init__(self, expressions: Mapping[str, str]) -> None:
        self._names = tuple(expressions)
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            self._compile(self._database, *expressions.values())
        except hyperscan.HyperscanError as error:
            raise ExpressionError(self._first_fault(expressions) or str(error)) from None
        self._ends: dict[int, int] = {}
        self._scan: Callable[..., None] = self._database.scan
        self._note = self._make_note()

    @staticmethod
    def _compile(database: hyperscan.Database, *expressions: str) -> None:
        database.compile(expressions=[expression.encode() for expression in expressions], flags=_FLAGS)

    def _first_fault(self, expressions: Mapping[str, str]) -> str:
        for name, expression in expressions.items():
            try:
                self._compile(hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK), expression)
            except hyperscan.HyperscanError as error:
                return f"{name}: {error}"
        return ""

    def _make_note(self) -> Callable[[int, int, int, int, object], None]:
        ends = self._ends

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[number] = end

        return note

    @property
    def size(self) -> int:
        """Bytes of memory it takes."""
        return self._database.size()

    def scan(self, data: bytes) -> Mapping[str, int]:
        """The expressions that match in ``data``, in their order, each with the offset where its first match ends."""
        ends = self._ends
        self._scan(data, self._note)
        if not ends:
            return _NOTHING
        found = {self._names[number]: end for number, end in sorted(ends.items())}
        ends.clear()
        return found


_NOTHING: Mapping[str, int] = {}
