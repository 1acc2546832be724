from __future__ import annotations

from portcullis.engine.cel.errors import EvaluationError, InvalidRuleError, Problem, no_overload


def test_the_problems_of_a_rule_come_in_the_order_of_its_text_and_once() -> None:
    late, early = Problem(9, "late"), Problem(2, "early", "hint")
    error = InvalidRuleError([late, early, late])
    assert error.problems == (early, late)
    assert str(error) == "early; late"


def test_an_operation_for_other_values_is_an_error_of_the_evaluation() -> None:
    assert isinstance(no_overload(), EvaluationError)
