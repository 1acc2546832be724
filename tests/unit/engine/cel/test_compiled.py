from __future__ import annotations

import pytest

from portcullis.engine.cel.compiled import MAX_STEPS, Compiled, Frame, constant, spend
from portcullis.engine.cel.errors import EvaluationError, TooCostlyError


def test_a_constant_knows_its_value_and_its_type() -> None:
    known = constant(None)
    assert (known.is_constant, known.constant, known.kind, known.run(Frame())) == (True, None, type(None), None)
    assert not Compiled(lambda _frame: 1).is_constant


def test_steps_are_spent_until_there_are_none_left() -> None:
    frame = Frame()
    spend(frame, MAX_STEPS)
    spend(frame, 0)
    with pytest.raises(TooCostlyError, match="100,000 steps"):
        spend(frame, 1)


def test_too_many_steps_are_no_error_that_an_or_could_make_up_for() -> None:
    assert not issubclass(TooCostlyError, EvaluationError)


def test_each_evaluation_has_slots_of_its_own() -> None:
    one, other = Frame(), Frame()
    one.slots.append(1)
    assert other.slots == []
