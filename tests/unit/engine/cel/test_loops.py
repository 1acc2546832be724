from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.compiled import MAX_STEPS, Compiled, constant
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.loops import UnknownLoopError, compile_loop, items_of
from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, Node
from portcullis.engine.cel.types import DYN
from portcullis.engine.cel.values import as_key

TYPES = {"x": DYN}


def test_a_loop_goes_through_items_or_keys() -> None:
    assert list(items_of([1, 2])) == [1, 2]
    assert list(items_of({"a": 1, as_key(True): 2})) == ["a", True]
    for value in ("abc", 1, None):
        with pytest.raises(EvaluationError):
            items_of(value)


@rows(
    "text",
    [
        "x.all(v, v >= 0)",
        "x.exists(v, v < 0)",
        "x.exists_one(v, v < 0)",
        "x.map(v, v).size() == 0",
        "x.filter(v, v < 0).size() == 0",
        "x.all(v, x.exists(w, w < v))",
    ],
)
def test_a_loop_ends_where_its_steps_do(text: str, compile_expression: Callable[..., Any]) -> None:
    expression = compile_expression(text, TYPES)
    assert expression.value({"x": list(range(10))}) != "TOO COSTLY"
    assert expression.value({"x": list(range(MAX_STEPS))}) == "TOO COSTLY"


def test_a_turn_takes_as_many_steps_as_its_expression_has_nodes(compile_expression: Callable[..., Any]) -> None:
    expression = compile_expression("x.all(v, v > 0)", TYPES)
    assert expression.value({"x": [1] * 10}, steps=10 * 5) == ("bool", True)
    assert expression.value({"x": [1] * 10}, steps=10 * 5 - 1) == "TOO COSTLY"


def test_what_decides_ends_a_loop_early(compile_expression: Callable[..., Any]) -> None:
    expression = compile_expression("x.exists(v, v == 1) && !x.all(v, v != 1)", TYPES)
    assert expression.value({"x": [1] * 10 * MAX_STEPS}) == ("bool", True)


def test_loops_in_loops_have_variables_of_their_own(evaluate: Callable[..., Any]) -> None:
    assert evaluate("x.all(v, x.exists(w, w == v) && v > 0)", TYPES, {"x": [1, 2]}) == ("bool", True)
    assert evaluate("x.exists(v, [v + 1].exists(v, v == 3) && v == 2)", TYPES, {"x": [1, 2]}) == ("bool", True)
    assert evaluate("x.map(v, [v].map(w, w + v)) == [[2], [4]]", TYPES, {"x": [1, 2]}) == ("bool", True)


@rows(
    ("initial", "step"),
    [
        (Constant(0, 1), Call(0, "_+_", (Ident(0, "@result"), Constant(0, 1)))),
        (Constant(0, True), Call(0, "_||_", (Ident(0, "@result"), Constant(0, True)))),
        (Constant(0, "a"), Constant(0, "b")),
        (ListLiteral(0, ()), Constant(0, 1)),
        (ListLiteral(0, ()), Call(0, "_+_", (Ident(0, "other"), ListLiteral(0, (Constant(0, 1),))))),
        (Ident(0, "x"), Call(0, "_&&_", (Ident(0, "@result"), Constant(0, True)))),
    ],
)
def test_a_loop_of_another_shape_is_not_guessed_at(initial: Node, step: Node) -> None:
    loop = Loop(0, "v", ListLiteral(0, ()), "@result", initial, step, Ident(0, "@result"))
    with pytest.raises(UnknownLoopError):
        compile_loop(loop, constant([]), 0, 1, lambda _node: Compiled(lambda _frame: True))
