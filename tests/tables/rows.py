"""One test for a whole table: each row is checked like any other, and every row that fails is told.

As a test of its own a row costs pytest about a millisecond, most of it for what a row that only holds values does not
need: fixtures, captured output, a report. Hence: where a test is a function of values, its table is given to ``rows``;
where each row needs something made for it (a folder, a database, a patched module), to ``pytest.mark.parametrize``.
"""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

Test = Callable[..., Any]

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60
SHORT.maxlevel = 2


class Row(NamedTuple):
    """Values by the names of the test's parameters, and what the row is called, if it has a name of its own."""

    values: Mapping[str, Any]
    called: str = ""

    @property
    def id(self) -> str:
        """What it is called where it fails."""
        return self.called or "-".join(map(SHORT.repr, self.values.values()))


def rows(
    names: str | Sequence[str], table: Iterable[Any], ids: Callable[[Any], object] | Sequence[str] | None = None
) -> Callable[[Test], Test]:
    """Check a test with every row of ``table``; written as ``pytest.mark.parametrize`` is, and stacked as it is.

    A row is one value where ``names`` is one name, otherwise as many values as names, or a ``pytest.param`` with an id.
    ``ids`` makes the names of the rows from their values, or lists them; without it they are the values, cut short.
    What the test asks for beside its values is made once for all rows, so it must be fit to be used again.
    """
    entries = list(table)
    if not entries:
        raise ValueError("a table without rows checks nothing")
    made = [_row(names, entry) for entry in entries]
    if callable(ids):
        made = [Row(row.values, "-".join(str(ids(value)) for value in row.values.values())) for row in made]
    elif ids is not None:
        made = [Row(row.values, name) for name, row in zip(ids, made, strict=True)]

    def decorate(test: Any) -> Test:
        inner: list[Row] = getattr(test, "rows", [])
        together = [Row({**a.values, **b.values}, f"{a.id}-{b.id}") for a in inner for b in made]
        return _over(together or made, test.__wrapped__ if inner else test)

    return decorate


def _row(names: str | Sequence[str], entry: Any) -> Row:
    called = ""
    if isinstance(entry, type(pytest.param())):
        if entry.marks:
            raise ValueError("a row can't be marked: it is no test of its own")
        called = entry.id if isinstance(entry.id, str) else ""
        entry = entry.values[0] if isinstance(names, str) else entry.values
    values = {names: entry} if isinstance(names, str) else dict(zip(names, entry, strict=True))
    return Row(values, called)


def _over(table: Sequence[Row], test: Test) -> Test:
    """The test of all rows: it asks for what ``test`` asks for beside its values, and for pytest's subtests."""
    given = inspect.signature(test)
    missing = table[0].values.keys() - given.parameters.keys()
    if missing:
        raise TypeError(f"{test.__name__} takes no {', '.join(sorted(missing))}")

    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def check(subtests: pytest.Subtests, **shared: Any) -> None:
            for row in table:
                with _told(row, subtests):
                    await test(**row.values, **shared)

    else:

        @functools.wraps(test)
        def check(subtests: pytest.Subtests, **shared: Any) -> None:
            for row in table:
                with _told(row, subtests):
                    test(**row.values, **shared)

    asked = [parameter for name, parameter in given.parameters.items() if name not in table[0].values]
    subtests = inspect.Parameter("subtests", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    check.__signature__ = inspect.Signature([subtests, *asked])  # type: ignore[attr-defined]
    check.rows = list(table)  # type: ignore[attr-defined]
    return check


@contextmanager
def _told(row: Row, subtests: pytest.Subtests) -> Iterator[None]:
    """A failure inside is told as one of this row, and the rows after it are checked all the same."""
    try:
        yield
    except pytest.skip.Exception:
        pytest.fail(f"row {row.id} can't be skipped: it is no test of its own", pytrace=False)
    except (Exception, pytest.fail.Exception):
        with subtests.test(row.id):
            raise
