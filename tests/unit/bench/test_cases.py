from __future__ import annotations

from bench.cases import CASES, OURS, RATIOS
from bench.install import PROGRAMS


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({ratio.name for ratio in RATIOS}) == len(RATIOS)
    for case in CASES:
        assert len({each.name for each in case.contenders}) == len(case.contenders)


def test_each_ratio_compares_two_that_take_part_in_its_case() -> None:
    contenders = {case.name: {each.name for each in case.contenders} for case in CASES}
    for ratio in RATIOS:
        assert {OURS, ratio.theirs} <= contenders[ratio.case]


def test_each_program_can_be_had() -> None:
    assert {each.tool for case in CASES for each in case.contenders} <= set(PROGRAMS)


def test_a_refusal_never_expects_the_upstreams_answer() -> None:
    for case in CASES:
        assert (case.body is None) == (case.status >= 400)
