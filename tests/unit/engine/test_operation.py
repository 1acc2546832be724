"""Compiled operations."""

from __future__ import annotations

import pytest

from portcullis.engine.operation import UNROUTED, Operation


def test_what_was_not_routed_accepts_no_body_and_runs_no_steps() -> None:
    assert UNROUTED.max_body == 0
    assert (UNROUTED.head_steps, UNROUTED.body_steps) == ((), ())
    assert (UNROUTED.api, UNROUTED.version, UNROUTED.name, UNROUTED.upstream) == ("", "", "", "")


def test_two_operations_are_never_the_same_however_alike() -> None:
    one = Operation("shop", "v1", "GET /", (), (), 0, "shop", str)
    other = Operation("shop", "v1", "GET /", (), (), 0, "shop", str)
    assert one != other
    assert len({one, other}) == 2


def test_an_operation_does_not_change() -> None:
    with pytest.raises(AttributeError):
        UNROUTED.max_body = 1  # type: ignore[misc]
