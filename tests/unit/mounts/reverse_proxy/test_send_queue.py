from __future__ import annotations

from portcullis.mounts.buffers import BufferBudget
from portcullis.mounts.reverse_proxy.send_queue import SendQueue


def test_bytes_come_out_in_order_and_are_counted_meanwhile():
    budget = BufferBudget(10)
    queue = SendQueue(budget)
    assert queue.add(b"abc")
    assert queue.add(b"")
    assert queue.add(b"defg")
    assert (queue.size, budget.held) == (7, 7)
    assert [queue.take(2), queue.take(2), queue.take(3), queue.take(9), queue.take(9)] == [
        b"ab",
        b"c",
        b"def",
        b"g",
        b"",
    ]
    assert (queue.size, budget.held) == (0, 0)


def test_what_the_budget_does_not_allow_is_not_held():
    budget = BufferBudget(4)
    queue = SendQueue(budget)
    assert queue.add(b"abc")
    assert not queue.add(b"de")
    queue.release()
    assert (queue.size, budget.held) == (0, 0)
