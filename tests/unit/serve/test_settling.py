"""Memory that stays is no business of the garbage collector's."""

from __future__ import annotations

import gc
import weakref

import pytest

from portcullis.serve.settling import settle


class Node:
    """Refers to itself: only the collector finds that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def settled() -> None:
    """All that other tests have left: looking through it takes longer than these tests."""
    gc.freeze()


def test_what_exists_is_not_looked_at_again() -> None:
    kept = [Node()]
    settle()
    assert gc.get_freeze_count() > 0
    assert not any(each is kept for each in gc.get_objects())


def test_what_is_garbage_goes_first() -> None:
    garbage = weakref.ref(Node())
    settle()
    assert garbage() is None


@pytest.mark.slow
def test_what_settled_and_is_let_go_of_is_freed_nevertheless() -> None:
    kept = [[1]]
    settle()
    before = gc.get_freeze_count()
    kept.pop()
    assert gc.get_freeze_count() == before - 1
