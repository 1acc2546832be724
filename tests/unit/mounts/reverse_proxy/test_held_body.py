"""Bytes that are held: counted, in few pieces, given back."""

from __future__ import annotations

from portcullis.mounts.buffers import BufferBudget
from portcullis.mounts.reverse_proxy.held_body import SMALL_PIECE, HeldBody


def test_what_is_held_is_counted_and_given_back_once() -> None:
    budget = BufferBudget(10)
    held = HeldBody(budget)
    assert held.add(b"hello")
    assert held.add(b"")
    assert (held.size, budget.held, held.whole()) == (5, 5, b"hello")
    held.release()
    held.release()
    assert (held.size, budget.held, held.whole()) == (0, 0, b"")


def test_what_the_budget_does_not_allow_is_not_held() -> None:
    budget = BufferBudget(10)
    held = HeldBody(budget)
    assert held.add(b"hello")
    assert not held.add(b"world!")
    assert (held.whole(), budget.held) == (b"hello", 5)


def test_small_pieces_are_put_together_and_large_ones_stay_as_they_are() -> None:
    held = HeldBody(BufferBudget(10**6))
    for _ in range(10_000):
        held.add(b"x")
    assert held.pieces == 3
    large = b"y" * SMALL_PIECE
    other = HeldBody(BufferBudget(10**6))
    other.add(large)
    assert other.whole() is large
