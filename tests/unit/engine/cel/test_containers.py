from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.compiled import Compiled, constant
from portcullis.engine.cel.containers import compile_list, compile_map, fold, index
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.types import DYN
from portcullis.engine.cel.values import Uint

CLAIMS = MappingProxyType({"a": MappingProxyType({"b": 1}), "list": (1, 2)})


@rows(
    ("text", "result"),
    [
        ("x.a.b", ("int", 1)),
        ("x['a']['b']", ("int", 1)),
        ("has(x.a.b)", ("bool", True)),
        ("has(x.c)", ("bool", False)),
        ("x.list[1]", ("int", 2)),
        ("size(x)", ("int", 2)),
        ("'a' in x", ("bool", True)),
        ("x.exists(key, key == 'list')", ("bool", True)),
        ("x == {'a': {'b': 1}, 'list': [1, 2]}", ("bool", True)),
        ("type(x) == map && type(x.list) == list", ("bool", True)),
    ],
)
def test_maps_need_not_be_dictionaries_nor_lists_lists(text: str, result: Any, evaluate: Callable[..., Any]) -> None:
    assert evaluate(text, {"x": DYN}, {"x": CLAIMS}) == result


@rows(
    ("container", "key", "value"),
    [
        ([7, 8], 1, 8),
        ((7, 8), Uint(1), 8),
        ([7, 8], 1.0, 8),
        ({"a": 1}, "a", 1),
        ({1: 2}, Uint(1), 2),
        ({1: 2}, 1.0, 2),
    ],
)
def test_items_are_found_by_index_and_key(container: Any, key: Any, value: Any) -> None:
    assert index(container, key) == value


@rows(
    ("container", "key"),
    [
        ([7], 1),
        ([7], -1),
        ([7], "0"),
        ([7], 0.5),
        ([7], True),
        ({"a": 1}, "b"),
        ({1: 2}, True),
        ({"a": 1}, None),
        ("a", 0),
    ],
)
def test_what_is_not_there_is_an_error_that_says_nothing_of_it(container: Any, key: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        index(container, key)
    assert repr(key) not in str(caught.value)


def test_a_list_of_literals_is_one() -> None:
    literals = compile_list([constant("a"), constant("b")])
    assert (literals.constant, literals.item) == (["a", "b"], str)
    mixed = compile_list([constant("a"), constant(1), Compiled(lambda _frame: 2)])
    assert (mixed.is_constant, mixed.item, mixed.run(None)) == (False, None, ["a", 1, 2])


def test_a_key_that_is_given_twice_is_found_as_early_as_can_be() -> None:
    with pytest.raises(EvaluationError):
        compile_map([(constant("a"), constant(1)), (constant("a"), constant(2))])
    late = compile_map([(constant("a"), constant(1)), (Compiled(lambda _frame: "a"), constant(2))])
    with pytest.raises(EvaluationError):
        late.run(None)


def test_what_is_always_the_same_is_worked_out_once() -> None:
    turns: list[int] = []
    folded = fold(Compiled(lambda _frame: turns.append(1) or 5, int))  # type: ignore[func-returns-value]
    assert (folded.run(None), folded.run(None), folded.constant, turns) == (5, 5, 5, [1])
