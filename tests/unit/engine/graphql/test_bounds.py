"""How large and how deep a text is."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.graphql.bounds import NESTING, check_size, depth_of
from portcullis.engine.graphql.errors import QueryError


@rows(("text", "depth"), [("", 0), ("{a}", 1), ("{a(b:[1]){c}}", 3), ("}}{", 1), ('{a(b:"[[[")}', 5), ("[" * 9, 9)])
def test_depth(text: str, depth: int) -> None:
    assert depth_of(text) == depth


def test_what_is_small_passes() -> None:
    check_size("{a}" * 100, 300)
    check_size("{" * NESTING, 1000)


@rows(("text", "most", "told"), [("{a}", 2, "too long"), ("{" * (NESTING + 1), 1000, "too deep")])
def test_what_is_too_large_is_refused(text: str, most: int, told: str) -> None:
    with pytest.raises(QueryError, match=told) as error:
        check_size(text, most)
    assert error.value.kind == "limit"
