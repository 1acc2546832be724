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
    assert [queue.take(2), queue.take(2), queue.take(9), queue.take(9)] == [b"ab", b"cd", b"efg", b""]
    assert (queue.size, budget.held) == (0, 0)


def test_what_the_budget_does_not_allow_is_not_held():
    budget = BufferBudget(4)
    queue = SendQueue(budget)
    assert queue.add(b"abc")
    assert not queue.add(b"de")
    queue.release()
    assert (queue.size, budget.held) == (0, 0)


def test_small_pieces_are_held_as_one():
    queue = SendQueue(BufferBudget(100_000))
    for number in range(10_000):
        queue.add(bytes([number % 256]) * 2)
    assert len(queue._pieces) < 10
    assert queue.take(6) == b"\0\0\1\1\2\2"


def test_a_large_piece_is_not_copied_for_each_byte_that_is_taken():
    queue = SendQueue(BufferBudget(10**6))
    data = bytes(range(250)) * 1000
    queue.add(b"ab")
    queue.add(data)
    assert max(map(len, queue._pieces)) == 64 * 1024
    taken = b"".join(iter(lambda: queue.take(10_000), b""))
    assert taken == b"ab" + data
