from __future__ import annotations

import dataclasses
import io
import json

import pytest
from bench.cases import CASES, FIGURES, RATIOS
from bench.measure import QUICK
from bench.model import OURS
from bench.report import RESULTS_BEGIN, RESULTS_END, Report, with_results
from bench.results import CaseResult, Measured, Round, Window, figures_of, ratios_of
from rich.console import Console

NAMED = {case.name: case for case in CASES}


@pytest.fixture
def report() -> Report:
    def rounds(figure: float) -> list[Round]:
        window = Window(1.0, {"p": 1_000_000_000}, 0)
        details = {"requests_per_second": 44_000.0, "busy": 0.98}
        return [Round(figure + spread, window, details) for spread in (0.25, 0, -0.25)]

    measured = [Measured(OURS, "Portcullis", rounds(18)), Measured("envoy", "Envoy", rounds(36))]
    results = [
        CaseResult(NAMED["passthrough"], measured, {"nginx": "it is not installed"}),
        CaseResult(NAMED["idle"], [Measured(OURS, "Portcullis", [Round(2795.4)])]),
    ]
    machine = {"cpu": "A CPU", "virtual": True, "cpus": 2, "kernel": "6", "system": "Debian", "python": "3.11"}
    ratios, figures = ratios_of(results, RATIOS), figures_of(results, FIGURES)
    versions = {"envoy": "1.40.0"}
    begun = "2026-11-24T07:00:00+00:00"
    return Report(begun, QUICK, machine, versions, {}, results, ratios, figures, ["a remark"])


def test_the_json_has_flat_ratios_and_figures_and_every_round(report: Report) -> None:
    found = json.loads(json.dumps(report.as_json()))

    assert found["ratios"] == {"passthrough_vs_envoy": 0.5}
    assert found["figures"] == {"idle_connection_bytes": 2795.4}
    assert found["goals"] == {"passthrough_vs_envoy": 0.55, "idle_connection_bytes": 8192}
    assert found["missed"] == []
    passthrough = found["cases"]["passthrough"]
    assert passthrough["figure"] == "CPU microseconds a request"
    assert passthrough["left_out"] == {"nginx": "it is not installed"}
    ours = passthrough["contenders"][OURS]
    assert (ours["median"], ours["min"], ours["max"]) == (18.0, 17.75, 18.25)
    assert ours["details"] == {"requests_per_second": 44_000.0, "busy": 0.98}
    assert ours["rounds"][0]["figure"] == 18.25
    assert ours["rounds"][0]["cpu_ns"] == {"p": 1_000_000_000}


def test_the_tables_tell_figures_goals_remarks_and_who_is_missing(report: Report) -> None:
    output = io.StringIO()
    report.print_to(Console(file=output, width=110))

    for text in (
        *("CPU microseconds a request", "18.0", "36.0", "44,000", "98%", "0.500", "met"),
        *("bytes of memory an idle connection", "2,795", "8,192"),
        *("note: a remark", "left out: passthrough/nginx: it is not installed"),
    ):
        assert text in output.getvalue()


def test_cases_whose_figure_is_the_same_stand_in_one_table_whoever_took_it(report: Report) -> None:
    http2 = CaseResult(NAMED["http2"], report.results[0].measured)
    several = dataclasses.replace(report, results=[report.results[0], http2, *report.results[1:]])
    page = several.as_markdown()
    assert page.count("### CPU microseconds a request") == 1
    assert "| pass-through GET by HTTP/2 | Portcullis | **18.0** |" in page
    assert "| pass-through GET | Portcullis | **18.0** |" in page


@pytest.mark.parametrize(("goal", "told"), [(30_720.0, "30,720"), (0.55, "0.55"), (60.0, "60"), (1.0, "1"), (None, "")])
def test_goals_are_told_without_what_they_do_not_need(report: Report, goal: float | None, told: str) -> None:
    figure = dataclasses.replace(report.figures[0], goal=goal)
    page = dataclasses.replace(report, figures=[figure]).as_markdown()
    assert f"| `{figure.name}` | 2,795 | {told} |" in page


def test_the_page_gets_the_results_between_its_marks(report: Report) -> None:
    page = f"# Page\n\n{RESULTS_BEGIN}\nold\n{RESULTS_END}\n\nend\n"

    published = with_results(page, report.as_markdown())

    assert "old" not in published
    assert "| case | proxy | median | min | max | requests/s | busy |" in published
    assert "| pass-through GET | Portcullis | **18.0** | 17.8 | 18.2 | 44,000 | 98% |" in published
    assert "![Memory an idle connection, bytes](images/benchmark-idle.svg)" in published
    assert "benchmark-latency.svg" not in published
    assert "| 9,000 idle connections | Portcullis | **2,795** |\n" in published
    assert "| `passthrough_vs_envoy` | 0.500 | 0.55 |" in published
    assert "| `idle_connection_bytes` | 2,795 | 8,192 |" in published
    assert published.startswith("# Page\n")
    assert published.endswith(f"{RESULTS_END}\n\nend\n")
    assert with_results(published, report.as_markdown()) == published


def test_a_page_without_a_place_for_results_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_results("# Page", "x")
