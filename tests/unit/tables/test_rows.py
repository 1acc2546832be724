"""The table of a test: every row is checked, every failure is told by the name of its row, and none is left out."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rows import rows


class Told:
    """What pytest's subtests would report: rows that failed, and why."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    @contextmanager
    def test(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            self.failed[name] = str(error)


def failures(test: Callable[..., Any], **asked: Any) -> dict[str, str]:
    """The rows of ``test`` that fail, each with its reason; ``asked``: what the test asks for beside its values."""
    told = Told()
    waiting = test(told, **asked)
    if waiting is not None:
        asyncio.run(waiting)
    return told.failed


def even(number: int) -> None:
    if number % 2:
        raise ValueError(f"{number} is odd")


def test_all_rows_are_checked_and_all_that_fail_are_told() -> None:
    assert failures(rows("number", [1, 2, 3, 4])(even)) == {"1": "1 is odd", "3": "3 is odd"}


def test_a_row_has_as_many_values_as_names() -> None:
    seen: list[object] = []
    test = rows(("a", "b"), [(1, "x"), (2, "y")])(lambda b, a: seen.append((a, b)))
    assert failures(test) == {}
    assert seen == [(1, "x"), (2, "y")]
    with pytest.raises(ValueError, match="zip"):
        rows(("a", "b"), [(1, 2, 3)])


@rows(
    ("options", "names"),
    [
        ({"ids": lambda number: f"number {number}"}, ["number 1", "number 3"]),
        ({"ids": ["one", "three"]}, ["one", "three"]),
        ({}, ["1", "3"]),
    ],
)
def test_a_row_is_named_by_a_function_by_a_list_or_by_its_values(options: dict[str, Any], names: list[str]) -> None:
    assert list(failures(rows("number", [1, 3], **options)(even))) == names


def test_a_row_may_bring_its_name_but_no_marks() -> None:
    assert list(failures(rows("number", [pytest.param(1, id="the first")])(even))) == ["the first"]
    with pytest.raises(ValueError, match="can't be marked"):
        rows("number", [pytest.param(1, marks=pytest.mark.slow)])


def test_the_name_of_a_long_value_is_short() -> None:
    (name,) = failures(rows("number", ["x" * 1000])(even))
    assert len(name) < 100


def test_tables_may_be_stacked() -> None:
    seen: list[object] = []
    test = rows("a", [1, 2])(rows("b", [3, 4])(lambda a, b: seen.append((a, b))))
    assert failures(test) == {}
    assert sorted(seen) == [(1, 3), (1, 4), (2, 3), (2, 4)]


def test_what_a_test_asks_for_beside_its_values_comes_from_pytest() -> None:
    def test(number: int, limit: int) -> None:
        if number > limit:
            raise ValueError("too large")

    over = rows("number", [1, 2, 3])(test)
    assert list(inspect.signature(over).parameters) == ["subtests", "limit"]
    assert list(failures(over, limit=2)) == ["3"]


def test_a_test_that_waits_is_waited_for() -> None:
    async def test(number: int) -> None:
        await asyncio.sleep(0)
        even(number)

    assert failures(rows("number", [1, 2, 3])(test)) == {"1": "1 is odd", "3": "3 is odd"}


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="checks nothing"):
        rows("number", [])


def test_names_that_the_test_does_not_take_are_an_error() -> None:
    with pytest.raises(TypeError, match="even takes no limit"):
        rows("limit", [1])(even)


def test_a_row_can_not_leave_itself_out() -> None:
    def test(number: int) -> None:
        pytest.skip("not today")

    with pytest.raises(pytest.fail.Exception, match="row 1 can't be skipped"):
        rows("number", [1])(test)(Told())
