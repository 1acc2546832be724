"""Inert controls: what the configuration says, and no request ever meets.

The commonest failure of a gateway is not a rule that is wrong but one that is written, reviewed, shown, and never
reached. So what provably does nothing is an error, told with its place, the reason, and what would be right. Where it
does nothing only as things are (an operation that the document gets tomorrow would be governed by it) it is a warning.
What the file does not say itself is never told of: defaults may be as idle as they like.

Each module here finds one kind, by a function ``find(estate)``; the first paragraph of its docstring says what it
finds. They are found by their place: adding one takes the module and its cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.inert.estate import Estate

_NOT_A_KIND = ("estate", "governed", "memory", "query_rules", "session_rules", "usage")


@cache
def kinds() -> Sequence[ModuleType]:
    """The modules that each find one kind, by name."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name not in _NOT_A_KIND)
    return [import_module(f"{__name__}.{name}") for name in names]


def find_inert(estate: Estate) -> Iterator[Diagnostic]:
    """Everything in ``estate``, which is sound otherwise, that does nothing."""
    for kind in kinds():
        yield from kind.find(estate)
