from __future__ import annotations

import io
import json

import pytest
from bench.cases import CASES, OURS, RATIOS
from bench.chart import draw
from bench.load import Load
from bench.measure import QUICK
from bench.report import RESULTS_BEGIN, RESULTS_END, Report, with_results
from bench.results import CaseResult, Measured, Round, ratios_of
from rich.console import Console


@pytest.fixture
def report() -> Report:
    load = Load(1000, 1.0, refused=0, broken=0, p50_us=1, p99_us=2)
    measured = [
        Measured(OURS, "Portcullis", [Round(load, 1.0, {"p": 18_000_000}, 0)], logged=1.0),
        Measured("envoy", "Envoy", [Round(load, 1.0, {"p": 36_000_000}, 0)]),
    ]
    results = [CaseResult(CASES[0], measured, {"nginx": "it is not installed"})]
    machine = {"cpu": "A CPU", "virtual": True, "cpus": 2, "kernel": "6", "system": "Debian", "python": "3.11"}
    ratios = ratios_of(results, RATIOS)
    versions = {"envoy": "1.40.0"}
    return Report("2026-11-24T07:00:00+00:00", QUICK, machine, versions, {}, results, ratios, ["a remark"])


def test_the_json_has_flat_ratios_and_every_round(report: Report) -> None:
    found = json.loads(json.dumps(report.as_json()))

    assert found["ratios"] == {"passthrough_vs_envoy": 0.5}
    assert found["goals"] == {"passthrough_vs_envoy": 0.55}
    ours = found["cases"]["passthrough"]["contenders"][OURS]
    assert ours["cpu_us"] == {"median": 18.0, "min": 18.0, "max": 18.0}
    assert ours["rounds"][0]["requests"] == 1000
    assert found["cases"]["passthrough"]["left_out"] == {"nginx": "it is not installed"}


def test_the_table_tells_figures_goals_remarks_and_who_is_missing(report: Report) -> None:
    output = io.StringIO()
    report.print_to(Console(file=output, width=100))

    for text in ("18.0", "36.0", "0.500", "met", "note: a remark", "left out: passthrough/nginx: it is not installed"):
        assert text in output.getvalue()


def test_the_page_gets_the_results_between_its_marks(report: Report) -> None:
    page = f"# Page\n\n{RESULTS_BEGIN}\nold\n{RESULTS_END}\n\nend\n"

    published = with_results(page, report.as_markdown())

    assert "old" not in published
    assert "| pass-through GET | Portcullis | **18.0** |" in published
    assert published.startswith("# Page\n")
    assert published.endswith(f"{RESULTS_END}\n\nend\n")
    assert with_results(published, report.as_markdown()) == published


def test_a_page_without_a_place_for_results_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_results("# Page", "x")


def test_the_chart_runs_no_script_and_is_the_same_for_the_same_figures(report: Report) -> None:
    first = draw(report.results, ["passthrough"])

    assert first == draw(report.results, ["passthrough"])
    assert "<script" not in first
    assert "Portcullis" in first
    assert "https://" not in first.replace("http://www.w3.org", "")
