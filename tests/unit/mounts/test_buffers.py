"""The budget of buffered bytes."""

from __future__ import annotations

from portcullis.mounts.buffers import BufferBudget


def test_bytes_are_taken_up_to_the_cap_and_not_one_more() -> None:
    budget = BufferBudget(10)
    assert budget.take(4)
    assert budget.take(6)
    assert not budget.take(1)
    assert budget.held == 10


def test_what_is_refused_is_not_held() -> None:
    budget = BufferBudget(10)
    assert not budget.take(11)
    assert budget.held == 0
    assert budget.take(10)


def test_what_is_given_back_can_be_taken_again() -> None:
    budget = BufferBudget(10)
    budget.take(10)
    budget.give(3)
    assert budget.held == 7
    assert not budget.take(4)
    assert budget.take(3)


def test_nothing_can_always_be_taken() -> None:
    budget = BufferBudget(0)
    assert budget.take(0)
    assert not budget.take(1)
