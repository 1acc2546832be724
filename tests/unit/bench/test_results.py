from __future__ import annotations

from dataclasses import replace

import pytest
from bench.cases import CASES, OURS, Ratio
from bench.load import Load
from bench.results import CaseResult, Measured, RatioResult, Round, ratios_of, remarks_on

CASE = CASES[0]


def one_round(cpu_us: float, wall: float = 1.0, others_us: int = 0, requests: int = 1000) -> Round:
    load = Load(requests, 1.0, refused=0, broken=0, p50_us=1, p99_us=2)
    return Round(load, wall, {"a": int(cpu_us * requests * 750), "b": int(cpu_us * requests * 250)}, others_us * 1000)


def measured(name: str, *figures: float) -> Measured:
    return Measured(name, name.title(), [one_round(each, wall=each / 1000) for each in figures])


def test_a_figure_is_the_cpu_time_of_all_processes_by_the_requests() -> None:
    assert one_round(20).cpu_us == pytest.approx(20)
    assert one_round(20, wall=0.04).busy == pytest.approx(0.5)


def test_the_median_of_the_rounds_ignores_one_bad_round() -> None:
    assert measured("x", 20, 21, 90).cpu_us == pytest.approx(21)
    assert measured("x", 20, 20, 20).by_process() == pytest.approx({"a": 15, "b": 5})


def test_a_ratio_is_ours_by_theirs_and_absent_without_one_of_them() -> None:
    result = CaseResult(CASE, [measured(OURS, 10), measured("envoy", 40)])
    ratios = [Ratio("x", CASE.name, "envoy", 0.5), Ratio("y", CASE.name, "nginx"), Ratio("z", "else", "envoy")]

    found = ratios_of([result], ratios)

    assert [(each.ratio.name, each.value) for each in found] == [("x", pytest.approx(0.25))]


@pytest.mark.parametrize(("value", "goal", "met"), [(0.5, 0.5, True), (0.51, 0.5, False), (9, None, None)])
def test_a_goal_is_met_up_to_its_value(value: float, goal: float | None, met: bool | None) -> None:
    assert RatioResult(Ratio("x", "c", "t", goal), value).met is met


def test_a_quiet_and_busy_run_needs_no_remark() -> None:
    assert remarks_on([CaseResult(CASE, [measured("envoy", 20, 20)])]) == []


def test_noise_idling_and_lost_log_lines_are_told() -> None:
    noisy = Measured("a", "A", [one_round(20, wall=0.02 / 0.6, others_us=11_000)])
    waiting = Measured("b", "B", [one_round(20, wall=0.04)])
    forgetful = Measured("c", "C", [one_round(20, wall=0.02)], logged=0.9)
    disturbed = Measured("d", "D", [replace(one_round(20, wall=0.02), others_on_load_ns=8_000_000)])

    remarks = remarks_on([CaseResult(CASE, [noisy, waiting, forgetful, disturbed])])

    assert remarks == [
        f"{CASE.name}/a: others used 33% of its CPU",
        f"{CASE.name}/b: it waited for load and upstream, and used 50% of its CPU",
        f"{CASE.name}/c: only 90.0% of the answers are in its access log",
        f"{CASE.name}/d: others used 40% of the CPU of load and upstream",
    ]
