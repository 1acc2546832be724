"""``&&``, ``||``, ``!`` and ``? :``.

An error on one side of ``&&`` does not matter where the other is false, nor of ``||`` where it is true, whichever comes
first (cel-spec, "Logical Operators"). What is neither true nor false counts as an error.
"""

from __future__ import annotations

from portcullis.engine.cel.compiled import Compiled, Frame, Test
from portcullis.engine.cel.errors import EvaluationError, no_overload


def truth(operand: Compiled) -> Test:
    """What gives ``operand``, and an error where it is neither true nor false."""
    run = operand.run
    if operand.kind is bool:
        return run

    def is_true(frame: Frame) -> bool:
        value = run(frame)
        if value is True or value is False:
            return value
        raise no_overload()

    return is_true


def compile_and(one: Compiled, other: Compiled) -> Compiled:
    """``one && other``."""
    left, right = truth(one), truth(other)

    def both(frame: Frame) -> bool:
        try:
            if not left(frame):
                return False
        except EvaluationError:
            if right(frame):
                raise
            return False
        return right(frame)

    return Compiled(both, bool)


def compile_or(one: Compiled, other: Compiled) -> Compiled:
    """``one || other``."""
    left, right = truth(one), truth(other)

    def either(frame: Frame) -> bool:
        try:
            if left(frame):
                return True
        except EvaluationError:
            if right(frame):
                return True
            raise
        return right(frame)

    return Compiled(either, bool)


def compile_not(operand: Compiled) -> Compiled:
    """``!operand``."""
    run = truth(operand)
    return Compiled(lambda frame: not run(frame), bool)


def compile_choice(condition: Compiled, one: Compiled, other: Compiled) -> Compiled:
    """``condition ? one : other``."""
    is_true, left, right = truth(condition), one.run, other.run
    kind = one.kind if one.kind is other.kind else None
    item = one.item if kind is not None and one.item is other.item else None
    return Compiled(lambda frame: left(frame) if is_true(frame) else right(frame), kind, item)
