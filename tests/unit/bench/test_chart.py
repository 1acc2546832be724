from __future__ import annotations

from bench.cases import CASES
from bench.chart import CHARTS, Chart, Group, draw
from bench.model import OURS
from bench.results import CaseResult, Measured, Round

NAMED = {case.name: case for case in CASES}
RESULTS = [
    CaseResult(NAMED["latency"], [Measured(OURS, "Portcullis", [Round(912.0, details={"p50_us": 123.0})])]),
    CaseResult(NAMED["passthrough"], [Measured("unheard-of", "A new one", [Round(31.0)])]),
]


def test_a_chart_has_a_group_for_each_case_or_detail() -> None:
    drawn = draw(RESULTS, Chart("x.svg", "Time", (Group("latency", "p50_us", "the half"), Group("latency"))))

    assert drawn is not None
    for text in ("Time (less is better)", "the half", NAMED["latency"].title, "Portcullis", ">123<", ">912<"):
        assert text in drawn


def test_a_contender_without_a_colour_of_its_own_is_drawn_too() -> None:
    drawn = draw(RESULTS, Chart("x.svg", "Time", (Group("passthrough"),)))

    assert drawn is not None
    assert "A new one" in drawn


def test_what_was_not_measured_is_not_drawn() -> None:
    assert draw(RESULTS, Chart("x.svg", "Time", (Group("idle"),))) is None
    assert draw([CaseResult(NAMED["idle"], [], {OURS: "it broke"})], Chart("x.svg", "Time", (Group("idle"),))) is None


def test_a_chart_runs_no_script_and_is_the_same_for_the_same_figures() -> None:
    chart = Chart("x.svg", "Time", (Group("latency"),))
    first = draw(RESULTS, chart)

    assert first is not None
    assert first == draw(RESULTS, chart)
    assert "<script" not in first
    assert "https://" not in first.replace("http://www.w3.org", "")


def test_all_charts_are_of_cases_that_exist_and_have_files_of_their_own() -> None:
    assert {group.case for chart in CHARTS for group in chart.groups} <= set(NAMED)
    assert len({chart.file for chart in CHARTS}) == len(CHARTS)
