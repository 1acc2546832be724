from __future__ import annotations

import pytest
from bench.errors import BenchError
from bench.machine import Cpus, busy_ns, cpus_of_this_machine, describe, parse_cpu_list, pick_cpus
from rows import rows


def test_the_second_cpu_is_on_another_core_where_there_is_one() -> None:
    siblings = {0: {0, 1}, 1: {0, 1}, 2: {2, 3}, 3: {2, 3}}

    assert pick_cpus([3, 2, 1, 0], siblings) == Cpus(proxy=0, load=2)


def test_two_threads_of_one_core_are_better_than_nothing() -> None:
    assert pick_cpus([0, 1], {0: {0, 1}}) == Cpus(proxy=0, load=1)


def test_one_cpu_is_too_few() -> None:
    with pytest.raises(BenchError, match="two CPUs"):
        pick_cpus([4], {})


@rows(("text", "cpus"), [("0\n", {0}), ("0-2,8", {0, 1, 2, 8}), ("3,1", {1, 3})])
def test_lists_of_cpus_are_read_as_the_kernel_writes_them(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus


def test_a_cpu_is_busy_but_for_idling_waiting_and_stolen_time() -> None:
    stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 1000 2000 4 5 6000 0 0\ncpu10 7 7 7 7 7 7 7 7 0 0\n"

    assert busy_ns(0, stat) == 15 * 10_000_000


def test_this_machine_can_be_described() -> None:
    described = describe(Cpus(0, 1))

    assert described["cpu"]
    assert described["kernel"]
    assert isinstance(described["memory_gib"], float)
    assert cpus_of_this_machine().proxy >= 0
