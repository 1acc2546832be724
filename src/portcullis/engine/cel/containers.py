"""Lists and maps: literals, ``a.b``, ``a[b]``, ``has(a.b)`` and ``size(a)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portcullis.engine.cel.compiled import NO_CONSTANT, Compiled, Frame, constant
from portcullis.engine.cel.errors import EvaluationError, no_overload
from portcullis.engine.cel.values import LISTS, Uint, as_key


def compile_select(operand: Compiled, name: str) -> Compiled:
    """``operand.name``."""
    run = operand.run
    no_key = f"there is no {name!r}"

    def select(frame: Frame) -> Any:
        value = run(frame)
        if type(value) is not dict and not isinstance(value, Mapping):
            raise EvaluationError(f"{name!r} is asked of something without fields")
        try:
            return value[name]
        except KeyError:
            raise EvaluationError(no_key) from None

    return Compiled(select, operand.item)


def compile_has(operand: Compiled, name: str) -> Compiled:
    """``has(operand.name)``."""
    run = operand.run

    def has(frame: Frame) -> bool:
        value = run(frame)
        if type(value) is not dict and not isinstance(value, Mapping):
            raise EvaluationError(f"{name!r} is asked of something without fields")
        return name in value

    return Compiled(has, bool)


def compile_index(operand: Compiled, key: Compiled) -> Compiled:
    """``operand[key]``."""
    if key.is_constant and type(key.constant) is str:
        return compile_select(operand, key.constant)
    run, run_key = operand.run, key.run
    return Compiled(lambda frame: index(run(frame), run_key(frame)), operand.item)


def index(container: Any, key: Any) -> Any:
    """The item at ``key`` of a list, or the value for it of a map. Raises :class:`EvaluationError`."""
    if type(container) in LISTS:
        place = _whole(key)
        if place is None:
            raise EvaluationError("the index of a list is a whole number")
        if not 0 <= place < len(container):
            raise EvaluationError("a list has no item at this index")
        return container[place]
    if not isinstance(container, Mapping):
        raise no_overload()
    known = _whole(key) if type(key) is float else as_key(key)
    try:
        return container[known]
    except KeyError:
        raise EvaluationError("a map has no such key") from None


def _whole(value: Any) -> int | None:
    """``value``, if it is a whole number, whatever its type."""
    if type(value) is int or type(value) is Uint:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def compile_size(operand: Compiled) -> Compiled:
    """``size(operand)``: characters, octets, items or entries."""
    run = operand.run

    def size(frame: Frame) -> int:
        value = run(frame)
        if type(value) in (str, bytes, list, tuple, dict) or isinstance(value, Mapping):
            return len(value)
        raise no_overload()

    return Compiled(size, int)


def compile_list(items: Sequence[Compiled]) -> Compiled:
    """``[a, b]``."""
    kinds = {item.kind for item in items}
    kind = kinds.pop() if len(kinds) == 1 else None
    if all(item.is_constant for item in items):
        return constant([item.constant for item in items], kind)
    runs = tuple(item.run for item in items)
    return Compiled(lambda frame: [run(frame) for run in runs], list, kind)


_TWICE: Final = "a map has the same key twice"


def compile_map(entries: Sequence[tuple[Compiled, Compiled]]) -> Compiled:
    """``{a: b}``. Raises :class:`EvaluationError` where its literal keys can't be those of a map."""
    literal = [as_key(key.constant) for key, _ in entries if key.is_constant]
    if len(set(literal)) < len(literal):
        raise EvaluationError(_TWICE)
    runs = tuple((key.run, value.run) for key, value in entries)
    kinds = {value.kind for _, value in entries}
    kind = kinds.pop() if len(kinds) == 1 else None

    def build(frame: Frame) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        for run_key, run_value in runs:
            key = as_key(run_key(frame))
            if key in built:
                raise EvaluationError(_TWICE)
            built[key] = run_value(frame)
        return built

    return Compiled(build, dict, kind)


def fold(compiled: Compiled) -> Compiled:
    """``compiled``, which needs nothing but constants, as the constant that it is. Raises :class:`EvaluationError`."""
    if compiled.constant is not NO_CONSTANT:
        return compiled
    value = compiled.run(Frame())
    folded = constant(value, compiled.item)
    return folded if compiled.kind is None or folded.kind is compiled.kind else compiled
