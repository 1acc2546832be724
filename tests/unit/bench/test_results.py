from __future__ import annotations

from dataclasses import replace

import pytest
from bench.cases import CASES
from bench.model import OURS, Figure, Ratio
from bench.results import CaseResult, Measured, Outcome, Round, Window, figures_of, ratios_of, remarks_on
from rows import rows

CASE = CASES[0]


def one_round(figure: float, busy: float = 1.0, others: float = 0.0, on_load: float = 0.0, **details: float) -> Round:
    cpu = {"a": int(750e6 * busy), "b": int(250e6 * busy)}
    return Round(figure, Window(1.0, cpu, int(others * 1e9), int(on_load * 1e9)), details)


def measured(name: str, *figures: float) -> Measured:
    return Measured(name, name.title(), [one_round(each) for each in figures])


def test_a_window_adds_up_the_cpu_time_of_all_processes() -> None:
    window = Window(2.0, {"a": 750_000_000, "b": 250_000_000}, 500_000_000, -5)

    assert window.cpu_us == pytest.approx(1e6)
    assert window.busy == pytest.approx(0.5)
    assert window.others == pytest.approx(0.25)
    assert window.others_on_load == 0


def test_the_median_of_the_rounds_ignores_one_bad_round() -> None:
    assert measured("x", 20, 21, 90).figure == pytest.approx(21)
    assert measured("x", 20).by_process() == pytest.approx({"a": 0.75, "b": 0.25})


def test_details_and_shares_have_medians_too_where_there_are_any() -> None:
    rounds = [one_round(1, p50=7), one_round(1, p50=8), one_round(1, p50=90), Round(1)]

    assert Measured("x", "X", rounds).detail("p50") == 8
    assert Measured("x", "X", rounds).detail("else") is None
    assert Measured("x", "X", rounds).of_windows(lambda window: window.busy) == pytest.approx(1)
    assert Measured("x", "X", [Round(1)]).of_windows(lambda window: window.busy) is None
    assert Measured("x", "X", [Round(1)]).by_process() == {}


def test_a_ratio_is_ours_by_theirs_and_absent_without_one_of_them() -> None:
    result = CaseResult(CASE, [measured(OURS, 10), measured("envoy", 40), measured("other", 5)])
    ratios = [
        Ratio("x", CASE.name, "envoy", 0.5),
        Ratio("y", CASE.name, "nginx"),
        Ratio("z", "else", "envoy"),
        Ratio("w", CASE.name, "envoy", ours="other"),
    ]

    found = ratios_of([result], ratios)

    assert [(each.name, each.value, each.goal) for each in found] == [("x", 0.25, 0.5), ("w", 0.125, None)]


def test_a_figure_is_ours_alone_and_absent_where_it_was_not_measured() -> None:
    ours = Measured(OURS, "Portcullis", [one_round(10, pss_mib=120)])
    figures = [
        Figure("seconds", CASE.name, goal=12),
        Figure("mib", CASE.name, "pss_mib"),
        Figure("y", CASE.name, "else"),
        Figure("z", "else"),
    ]

    found = figures_of([CaseResult(CASE, [ours])], figures)

    assert found == [Outcome("seconds", 10, 12), Outcome("mib", 120)]


@rows(("value", "goal", "met"), [(0.5, 0.5, True), (0.51, 0.5, False), (9, None, None)])
def test_a_goal_is_met_up_to_its_value(value: float, goal: float | None, met: bool | None) -> None:
    assert Outcome("x", value, goal).met is met


def test_a_quiet_and_busy_run_needs_no_remark() -> None:
    assert remarks_on([CaseResult(CASE, [measured("envoy", 20, 20)])]) == []


def test_noise_idling_lost_log_lines_and_what_a_setup_has_to_say_are_told() -> None:
    noisy = Measured("a", "A", [one_round(20, busy=0.6, others=0.33)])
    waiting = Measured("b", "B", [one_round(20, busy=0.5)])
    forgetful = Measured("c", "C", [one_round(20, logged=0.9)], ("it has no inspection",))
    disturbed = Measured("d", "D", [one_round(20, on_load=0.4)])

    remarks = remarks_on([CaseResult(CASE, [noisy, waiting, forgetful, disturbed])])

    assert remarks == [
        f"{CASE.name}/a: others used 33% of its CPU",
        f"{CASE.name}/b: it waited for load and upstream, and used 50% of its CPU",
        f"{CASE.name}/c: it has no inspection",
        f"{CASE.name}/c: only 90.0% of the answers are in its access log",
        f"{CASE.name}/d: others used 40% of the CPU of load and upstream",
    ]


def test_idling_is_no_fault_where_a_proxy_is_not_meant_to_be_busy() -> None:
    calm = replace(CASE, method=replace(CASE.method, saturates=False))

    assert remarks_on([CaseResult(calm, [Measured("b", "B", [one_round(20, busy=0.5)])])]) == []
