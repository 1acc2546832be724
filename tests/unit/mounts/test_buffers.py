"""The budget of buffered bytes."""

from __future__ import annotations

from portcullis.engine.codes import BUFFERS_FULL
from portcullis.engine.decision import Refuse
from portcullis.mounts.buffers import BufferBudget, BufferShares


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


def test_a_client_has_its_share_on_all_its_connections() -> None:
    budget = BufferBudget(100)
    shares = BufferShares(budget, 40)
    one, again, other = shares.of("192.0.2.1"), shares.of("192.0.2.1"), shares.of("192.0.2.2")
    assert one.take(30)
    assert not again.take(11)
    assert again.take(10)
    assert other.take(40)
    assert (one.held, other.held, budget.held) == (40, 40, 80)
    one.give(5)
    assert (again.held, budget.held) == (35, 75)
    assert again.take(5)


def test_addresses_of_one_ipv6_network_share() -> None:
    shares = BufferShares(BufferBudget(100), 40)
    assert shares.of("2001:db8::1") is (kept := shares.of("2001:db8::2"))
    assert shares.of("2001:db8:0:1::1") is not kept


def test_what_the_worker_can_not_hold_no_client_can() -> None:
    budget = BufferBudget(50)
    shares = BufferShares(budget, 40)
    one, other = shares.of("192.0.2.1"), shares.of("192.0.2.2")
    assert one.take(40)
    assert not other.take(20)
    assert other.held == 0
    assert budget.held == 40


def test_whose_last_connection_goes_is_forgotten() -> None:
    shares = BufferShares(BufferBudget(100), 40)
    one = shares.of("192.0.2.1")
    assert len(shares) == 1
    del one
    assert len(shares) == 0


def test_a_refusal_names_the_bound_that_was_met() -> None:
    budget = BufferBudget(100)
    shares = BufferShares(budget, 40)
    one, other = shares.of("192.0.2.1"), shares.of("192.0.2.2")
    one.take(40)
    assert source(one.full()) == "#/process/buffer_memory_per_address"
    budget.take(60)
    assert source(other.full()) == source(budget.full()) == "#/process/buffer_memory"


def source(refusal: Refuse) -> str:
    assert refusal.code is BUFFERS_FULL
    assert refusal.finding is not None
    return refusal.finding.source
