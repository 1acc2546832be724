"""The macros ``all``, ``exists``, ``exists_one``, ``map`` and ``filter``.

The parser expands a macro into a loop that folds a list into one value; here the macro is told again from the shape of
that loop, and becomes a loop of Python's. ``all`` and ``exists`` join their items with ``&&`` and ``||``, so that an
error at one of them may not matter; in the others it does. Each turn takes as many steps as its expression has nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from portcullis.engine.cel.compiled import MAX_STEPS, Compiled, Frame, Run
from portcullis.engine.cel.errors import EvaluationError, TooCostlyError, no_overload
from portcullis.engine.cel.logic import truth
from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, Node
from portcullis.engine.cel.values import LISTS, from_key

CompileNode: TypeAlias = Callable[[Node], Compiled]


class UnknownLoopError(ValueError):
    """A loop that none of the macros is expanded to."""


def items_of(value: Any) -> Sequence[Any]:
    """What a loop over ``value`` goes through: items of a list, keys of a map. Raises :class:`EvaluationError`."""
    if type(value) in LISTS:
        items: Sequence[Any] = value
        return items
    if isinstance(value, Mapping):
        return [from_key(key) for key in value]
    raise no_overload()


def compile_loop(loop: Loop, over: Compiled, slot: int, weight: int, compile_node: CompileNode) -> Compiled:
    """``loop`` through ``over``. ``slot``: of its variable; ``weight``: steps of one turn."""
    step, initial = loop.step, loop.initial
    items = _Items(over.run, slot, weight)
    if isinstance(initial, ListLiteral):
        condition, value = _appended(step, loop.accumulator)
        return _collect(items, None if condition is None else compile_node(condition), compile_node(value))
    known = initial.value if isinstance(initial, Constant) else None
    if isinstance(step, Call):
        if (known, step.function) == (True, "_&&_"):
            return _fold(items, compile_node(step.arguments[1]), until=False)
        if (known, step.function) == (False, "_||_"):
            return _fold(items, compile_node(step.arguments[1]), until=True)
        if type(known) is int and step.function == "_?_:_":
            return _count(items, compile_node(step.arguments[0]))
    raise UnknownLoopError


def _appended(step: Node, accumulator: str) -> tuple[Node | None, Node]:
    """Of a step that makes a list longer: the condition for that, and what is appended."""
    condition = None
    if isinstance(step, Call) and step.function == "_?_:_":
        condition, step = step.arguments[:2]
    if isinstance(step, Call) and step.function == "_+_":
        before, added = step.arguments
        if isinstance(before, Ident) and before.name == accumulator and isinstance(added, ListLiteral):
            return condition, added.items[0]
    raise UnknownLoopError


class _Items:
    """What a loop goes through, and where its turns are counted."""

    __slots__ = ("run", "slot", "weight")

    def __init__(self, run: Run, slot: int, weight: int) -> None:
        self.run = run
        self.slot = slot
        self.weight = weight


_OVERSPENT: Final = f"more than {MAX_STEPS:,} steps"


def _fold(items: _Items, predicate: Compiled, *, until: bool) -> Compiled:
    """``all`` (until one is false) or ``exists`` (until one is true)."""
    run, slot, weight, is_true = items.run, items.slot, items.weight, truth(predicate)

    def go_through(frame: Frame) -> bool:
        error = None
        slots = frame.slots
        for item in items_of(run(frame)):
            frame.steps -= weight
            if frame.steps < 0:
                raise TooCostlyError(_OVERSPENT)
            slots[slot] = item
            try:
                if is_true(frame) is until:
                    return until
            except EvaluationError as caught:
                error = caught
        if error is not None:
            raise error
        return not until

    return Compiled(go_through, bool)


def _count(items: _Items, predicate: Compiled) -> Compiled:
    """``exists_one``."""
    run, slot, weight, is_true = items.run, items.slot, items.weight, truth(predicate)

    def go_through(frame: Frame) -> bool:
        count = 0
        slots = frame.slots
        for item in items_of(run(frame)):
            frame.steps -= weight
            if frame.steps < 0:
                raise TooCostlyError(_OVERSPENT)
            slots[slot] = item
            count += is_true(frame)
        return count == 1

    return Compiled(go_through, bool)


def _collect(items: _Items, condition: Compiled | None, value: Compiled) -> Compiled:
    """``map`` and ``filter``."""
    run, slot, weight, result = items.run, items.slot, items.weight, value.run
    is_true = None if condition is None else truth(condition)

    def go_through(frame: Frame) -> list[Any]:
        collected: list[Any] = []
        slots = frame.slots
        for item in items_of(run(frame)):
            frame.steps -= weight
            if frame.steps < 0:
                raise TooCostlyError(_OVERSPENT)
            slots[slot] = item
            if is_true is None or is_true(frame):
                collected.append(result(frame))
        return collected

    return Compiled(go_through, list, value.kind)
