from __future__ import annotations

from bench.cases import CASES, FIGURES, RATIOS, left_out_of_quick
from bench.install import PROGRAMS
from bench.model import OURS

CONTENDERS = {case.name: {each.name for each in case.contenders} for case in CASES}


def test_names_are_unique() -> None:
    assert len(CONTENDERS) == len(CASES)
    assert len({each.name for each in (*RATIOS, *FIGURES)}) == len(RATIOS) + len(FIGURES)
    for case in CASES:
        assert len(CONTENDERS[case.name]) == len(case.contenders)


def test_each_ratio_compares_two_that_take_part_in_its_case() -> None:
    for ratio in RATIOS:
        assert {ratio.ours, ratio.theirs} <= CONTENDERS[ratio.case]


def test_each_figure_is_of_a_case_that_ours_takes_part_in_and_of_a_detail_its_method_shows() -> None:
    details = {case.name: case.method.details for case in CASES}
    for figure in FIGURES:
        assert OURS in CONTENDERS[figure.case]
        assert figure.detail is None or figure.detail in details[figure.case]


def test_each_program_can_be_had() -> None:
    assert {each.tool for case in CASES for each in case.contenders} <= set(PROGRAMS)


def test_a_refusal_never_expects_the_upstreams_answer() -> None:
    for case in CASES:
        assert case.body is None or case.status < 400


def test_a_quick_run_says_what_it_leaves_out_and_keeps_ours_in_all_others() -> None:
    told = left_out_of_quick()

    assert "load_20000" in told
    assert "policy/envoy_uncached" in told
    for case in CASES:
        if case.in_quick:
            assert any(each.in_quick for each in case.contenders if each.name == OURS)
