from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.compiled import Compiled, Frame
from portcullis.engine.cel.errors import EvaluationError, TooCostlyError
from portcullis.engine.cel.logic import compile_and, compile_choice, compile_not, compile_or, truth


def giving(value: Any) -> Compiled:
    def run(_frame: Frame) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return Compiled(run, bool if isinstance(value, bool) else None)


FAILED, WRONG = EvaluationError("failed"), "neither"
OUTCOMES = (True, False, FAILED, WRONG)


def outcome(compiled: Compiled) -> Any:
    try:
        return compiled.run(Frame())
    except EvaluationError:
        return "ERROR"


@rows(("one", "other"), [(one, other) for one in OUTCOMES for other in OUTCOMES])
def test_both_sides_count_alike_whatever_comes_first(one: Any, other: Any) -> None:
    known = [side for side in (one, other) if isinstance(side, bool)]
    wanted_and = False if False in known else True if len(known) == 2 else "ERROR"
    wanted_or = True if True in known else False if len(known) == 2 else "ERROR"
    assert outcome(compile_and(giving(one), giving(other))) == wanted_and
    assert outcome(compile_or(giving(one), giving(other))) == wanted_or


def test_what_takes_too_long_ends_it_all() -> None:
    costly = giving(TooCostlyError("steps"))
    for join, decided in ((compile_and, False), (compile_or, True)):
        with pytest.raises(TooCostlyError):
            join(costly, giving(decided)).run(Frame())
        assert join(giving(decided), costly).run(Frame()) is decided


def test_of_a_choice_only_one_side_is_asked() -> None:
    assert compile_choice(giving(True), giving(1), giving(FAILED)).run(Frame()) == 1
    assert compile_choice(giving(False), giving(FAILED), giving(2)).run(Frame()) == 2
    assert outcome(compile_choice(giving(WRONG), giving(1), giving(2))) == "ERROR"


def test_what_is_neither_true_nor_false_is_an_error() -> None:
    assert outcome(compile_not(giving(True))) is False
    for value in (0, 1, "", None, []):
        with pytest.raises(EvaluationError):
            truth(giving(value))(Frame())
