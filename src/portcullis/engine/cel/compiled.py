"""What an expression is compiled to: a function of the frame in which it is asked, and what is known beforehand.

Knowing the type of a value spares the test of it each time. It is taken only from what cannot be otherwise: literals,
declared names, results of operations that give nothing else. What CEL's checker says is not enough for that: there
``[1] + dyn(['a'])`` is a list of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine.cel.errors import TooCostlyError

MAX_STEPS: Final = 100_000
"""Steps that one evaluation may take; a step is a node of the syntax tree, 0.05 to 0.1 us."""


class Frame(msgspec.Struct, eq=False, gc=False):
    """One evaluation. ``steps``: how many are left; ``slots``: the variables of loops."""

    steps: int = MAX_STEPS
    slots: list[Any] = []


Run: TypeAlias = Callable[[Any], Any]
"""Gives the value of an expression in a frame. Raises ``EvaluationError`` and ``TooCostlyError``."""
Test: TypeAlias = Callable[[Any], bool]
"""A :data:`Run` of an expression that can only be true or false."""


class _NoConstant:
    def __repr__(self) -> str:
        return "NO_CONSTANT"


NO_CONSTANT: Final = _NoConstant()


class Compiled(msgspec.Struct, frozen=True, eq=False):
    """An expression that can be asked.

    ``kind``: the Python type of its value; ``item``: that of a list's items or of a map's values; both ``None`` where
    it may be any; ``constant``: its value, where that is always the same; ``members``: gives something to look for
    texts in, where that is cheaper than the list.
    """

    run: Run
    kind: type | None = None
    item: type | None = None
    constant: Any = NO_CONSTANT
    members: Callable[[Any], Container[str]] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether its value is always the same."""
        return self.constant is not NO_CONSTANT


def constant(value: Any, item: type | None = None) -> Compiled:
    """The expression that always has ``value``."""
    return Compiled(lambda _frame: value, type(value), item, value)


def spend(frame: Frame, steps: int) -> None:
    """Take ``steps``. Raises :class:`TooCostlyError` if there are not so many left."""
    frame.steps -= steps
    if frame.steps < 0:
        raise TooCostlyError(f"more than {MAX_STEPS:,} steps")
