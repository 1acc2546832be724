"""Functions and operators by the names that the syntax tree has for them.

What a function is called with was checked before. What must be a literal is asked for as one: patterns, time zones and
the like are read once, when a rule is compiled, and a mistake in them is one in the file.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from portcullis.engine.cel import arithmetic, comparing, containers, conversions, logic, networks, texts
from portcullis.engine.cel.compiled import Compiled, Frame, spend
from portcullis.engine.cel.errors import EvaluationError, no_overload
from portcullis.engine.cel.times import OF_DURATIONS, OF_TIMES, SECOND
from portcullis.engine.cel.values import Duration, Timestamp, TypeValue
from portcullis.engine.cel.zones import offset_of

Arguments: TypeAlias = Sequence[Compiled]
_CONVERSION_STEPS: Final = 8
"""Steps that a conversion takes at least."""
_READ: Final = 64
"""Characters of a text that a conversion may have to look at one by one; of longer ones it can only make octets."""

Builder: TypeAlias = Callable[[Arguments], Compiled]
"""Makes a call of its arguments. Raises :class:`LiteralError`."""


class LiteralError(ValueError):
    """The argument at ``index`` should be another literal. ``hint``: which."""

    def __init__(self, index: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.index = index
        self.hint = hint


def _literal(arguments: Arguments, index: int, what: str, hint: str) -> str:
    value = arguments[index].constant
    if type(value) is not str:
        raise LiteralError(index, f"{what} must be written in the rule", hint)
    return value


def _matches(arguments: Arguments) -> Compiled:
    pattern = _literal(arguments, 1, "the pattern", "text.matches('^[a-z]+$')")
    try:
        return texts.compile_matches(arguments[0], pattern)
    except EvaluationError as error:
        raise LiteralError(1, str(error), "patterns are RE2's: no lookaround, no references back") from None


def _ip_in(arguments: Arguments) -> Compiled:
    try:
        return networks.compile_ip_in(*arguments)
    except EvaluationError as error:
        raise LiteralError(1, str(error), "a network has no bits after its prefix: 10.0.0.0/8") from None


def _converted(name: str) -> Builder:
    kind, convert = conversions.conversion(name)

    def build(arguments: Arguments) -> Compiled:
        run = arguments[0].run

        def converted(frame: Frame) -> Any:
            value = run(frame)
            size = len(value) if type(value) in (str, bytes) else 0
            spend(frame, _CONVERSION_STEPS + min(size, _READ) + (size >> 6))
            return convert(value)

        return Compiled(converted, kind)

    return build


def _part_of_time(name: str) -> Builder:
    """A part of a point in time, in UTC or the zone that is given, or of a length of time."""
    of_length, of_local = OF_DURATIONS.get(name), OF_TIMES.get(name)

    def build(arguments: Arguments) -> Compiled:
        run, offset = arguments[0].run, _zone(arguments)

        def part(frame: Frame) -> int:
            value = run(frame)
            if type(value) is Timestamp:
                if of_local is None:
                    return value // 10**6 % 1000
                seconds = value // SECOND
                return of_local(seconds + offset(seconds))
            if type(value) is Duration and of_length is not None:
                return of_length(value)
            raise no_overload()

        return Compiled(part, int)

    return build


def _zone(arguments: Arguments) -> Callable[[int], int]:
    if len(arguments) == 1:
        return offset_of("UTC")
    hint = "Europe/Berlin, UTC or +02:00"
    zone = _literal(arguments, 1, "the time zone", hint)
    try:
        return offset_of(zone)
    except EvaluationError as error:
        raise LiteralError(1, str(error), hint) from None


def _typed(arguments: Arguments) -> Compiled:
    run = arguments[0].run
    return Compiled(lambda frame: conversions.type_of(run(frame)), TypeValue)


def _dynamic(arguments: Arguments) -> Compiled:
    return arguments[0]


def _spread(compile_it: Callable[..., Compiled]) -> Builder:
    return lambda arguments: compile_it(*arguments)


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}
_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": texts.contains,
}

BUILDERS: Final[dict[str, Builder]] = {
    "_&&_": _spread(logic.compile_and),
    "_||_": _spread(logic.compile_or),
    "!_": _spread(logic.compile_not),
    "_?_:_": _spread(logic.compile_choice),
    "_==_": _spread(comparing.compile_equal),
    "_!=_": _spread(comparing.compile_unequal),
    "@in": _spread(comparing.compile_in),
    "-_": _spread(arithmetic.compile_negation),
    "_[_]": _spread(containers.compile_index),
    "size": _spread(containers.compile_size),
    "matches": _matches,
    "lowerAscii": _spread(texts.compile_map(texts.lower_ascii)),
    "upperAscii": _spread(texts.compile_map(texts.upper_ascii)),
    "split": _spread(texts.compile_split),
    "ip_in": _ip_in,
    "type": _typed,
    "dyn": _dynamic,
    **{name: _spread(comparing.compile_order(compare)) for name, compare in _ORDERS.items()},
    **{name: _spread(arithmetic.compile_operator(name)) for name in arithmetic.OPERATORS},
    **{name: _spread(texts.compile_test(test)) for name, test in _TESTS.items()},
    **{name: _converted(name) for name in conversions.NAMES},
    **{name: _part_of_time(name) for name in (*OF_TIMES, "getMilliseconds")},
}
"""How each is compiled. The target of a method is its first argument."""
