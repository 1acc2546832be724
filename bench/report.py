"""Say what came out: as JSON with every figure, as a table on the terminal, as Markdown for the page in ``docs``."""

from __future__ import annotations

import dataclasses
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.measure import Pace
from bench.results import CaseResult, Measured, RatioResult, Round

RESULTS_BEGIN, RESULTS_END = "<!-- results: written by make bench -->", "<!-- end of results -->"


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run."""

    begun: str
    """When, ISO 8601 in UTC."""
    pace: Pace
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    left_out: Mapping[str, str]
    """Programs that could not be had, and why."""
    results: Sequence[CaseResult]
    ratios: Sequence[RatioResult]
    remarks: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Everything; ``ratios`` is flat: name to number."""
        return {
            "format": 1,
            "begun": self.begun,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "left_out": dict(self.left_out),
            "pace": dataclasses.asdict(self.pace),
            "ratios": {each.ratio.name: round(each.value, 4) for each in self.ratios},
            "goals": {each.ratio.name: each.ratio.goal for each in self.ratios if each.ratio.goal is not None},
            "remarks": list(self.remarks),
            "cases": {result.case.name: _case(result) for result in self.results},
        }

    def print_to(self, console: Console) -> None:
        """The table for a person, then what to know before trusting it."""
        table = Table("case", "proxy", title="CPU microseconds a request", title_justify="left", box=SIMPLE_HEAD)
        for heading in ("median", "min", "max", "req/s", "busy"):
            table.add_column(heading, justify="right", no_wrap=True)
        for result in self.results:
            for index, each in enumerate(result.measured):
                median, low, high = _spread(each)
                table.add_row(
                    "" if index else result.case.title,
                    each.title,
                    f"[bold]{median:.1f}[/]",
                    f"{low:.1f}",
                    f"{high:.1f}",
                    f"{_median_of(each, _rate):,.0f}",
                    f"{_median_of(each, _busy):.0%}",
                )
            table.add_section()
        console.print(table)
        ratios = Table("ratio (ours / theirs)", title="Ratios", title_justify="left", box=SIMPLE_HEAD)
        for heading in ("value", "goal", ""):
            ratios.add_column(heading, justify="right")
        for found in self.ratios:
            goal = "" if found.ratio.goal is None else f"{found.ratio.goal:g}"
            mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[found.met]
            ratios.add_row(found.ratio.name, f"{found.value:.3f}", goal, mark)
        console.print(ratios)
        for remark in self.remarks:
            console.print(f"note: {remark}", style="yellow", highlight=False, markup=False)
        for who, why in self._missing():
            console.print(f"left out: {who}: {why}", style="red", highlight=False, markup=False)

    def as_markdown(self) -> str:
        """The same for the page in ``docs``."""
        lines = [
            f"Measured {self.begun[:10]} on {self.machine['cpu']}"
            f"{' (virtual machine)' if self.machine['virtual'] else ''}, {self.machine['cpus']} CPUs, "
            f"Linux {self.machine['kernel']}, {self.machine['system']}, Python {self.machine['python']}; "
            + ", ".join(f"{name} {version}" for name, version in self.versions.items())
            + f". {self.pace.rounds} rounds of {self.pace.seconds} s.",
            "",
            "| case | proxy | CPU us a request | min | max | requests/s | CPU busy |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for result in self.results:
            for each in result.measured:
                median, low, high = _spread(each)
                rate, busy = _median_of(each, _rate), _median_of(each, _busy)
                lines.append(
                    f"| {result.case.title} | {each.title} | **{median:.1f}** | {low:.1f} | {high:.1f} "
                    f"| {rate:,.0f} | {busy:.0%} |"
                )
        lines += ["", "| ratio (ours / theirs) | value | goal |", "| --- | ---: | ---: |"]
        for found in self.ratios:
            goal = "" if found.ratio.goal is None else f"{found.ratio.goal:g}"
            lines.append(f"| `{found.ratio.name}` | {found.value:.3f} | {goal} |")
        if self.remarks:
            lines += ["", "What this run says of itself:", "", *(f"- {remark}" for remark in self.remarks)]
        return "\n".join(lines) + "\n"

    def _missing(self) -> list[tuple[str, str]]:
        missing = list(self.left_out.items())
        for result in self.results:
            for name, why in result.left_out.items():
                if why not in self.left_out.values():
                    missing.append((f"{result.case.name}/{name}", why))
        return missing


def with_results(page: str, results: str) -> str:
    """The page with its part between the two marks replaced.

    Raises:
        ValueError: the page lacks the marks.

    """
    part = re.compile(f"{re.escape(RESULTS_BEGIN)}.*?{re.escape(RESULTS_END)}", re.DOTALL)
    if not part.search(page):
        raise ValueError("the page has no place for results")
    return part.sub(lambda _match: f"{RESULTS_BEGIN}\n\n{results}\n{RESULTS_END}", page, count=1)


def _case(result: CaseResult) -> dict[str, Any]:
    request = result.case.request
    return {
        "title": result.case.title,
        "request": {"method": request.method, "path": request.path, "body_bytes": len(request.body.encode())},
        "status": result.case.status,
        "left_out": result.left_out,
        "contenders": {each.name: _measured(each) for each in result.measured},
    }


def _measured(each: Measured) -> dict[str, Any]:
    median, low, high = _spread(each)
    return {
        "title": each.title,
        "cpu_us": {"median": round(median, 3), "min": round(low, 3), "max": round(high, 3)},
        "cpu_us_by_process": {name: round(value, 3) for name, value in each.by_process().items()},
        "requests_per_second": round(_median_of(each, _rate)),
        "busy": round(_median_of(each, _busy), 3),
        "logged": None if each.logged is None else round(each.logged, 4),
        "rounds": [
            {
                "cpu_us": round(one.cpu_us, 3),
                "cpu_ns": one.cpu_ns,
                "wall_seconds": round(one.wall_seconds, 3),
                "busy": round(one.busy, 3),
                "others": round(one.others, 3),
                "others_on_load": round(one.others_on_load, 3),
                **dataclasses.asdict(one.load),
            }
            for one in each.rounds
        ],
    }


def _rate(one: Round) -> float:
    return one.load.requests / one.load.seconds


def _busy(one: Round) -> float:
    return one.busy


def _spread(each: Measured) -> tuple[float, float, float]:
    figures = [one.cpu_us for one in each.rounds]
    return each.cpu_us, min(figures), max(figures)


def _median_of(each: Measured, figure: Callable[[Round], float]) -> float:
    return statistics.median(map(figure, each.rounds))
