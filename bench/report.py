"""Say what came out: as JSON with every figure, as tables on the terminal, as Markdown for the page in ``docs``."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.chart import CHARTS, Chart
from bench.measure import Pace
from bench.model import Method
from bench.results import CaseResult, Measured, Outcome

RESULTS_BEGIN, RESULTS_END = "<!-- results: written by make bench -->", "<!-- end of results -->"


@dataclass(frozen=True, slots=True)
class Section:
    """The results of one method as rows of text."""

    title: str
    charts: list[Chart]
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]


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
    ratios: Sequence[Outcome]
    figures: Sequence[Outcome]
    remarks: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Everything; ``ratios`` and ``figures`` are flat: name to number."""
        outcomes = [*self.ratios, *self.figures]
        return {
            "format": 2,
            "begun": self.begun,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "left_out": dict(self.left_out),
            "pace": dataclasses.asdict(self.pace),
            "ratios": {each.name: round(each.value, 4) for each in self.ratios},
            "figures": {each.name: round(each.value, 2) for each in self.figures},
            "goals": {each.name: each.goal for each in outcomes if each.goal is not None},
            "missed": [each.name for each in outcomes if each.met is False],
            "remarks": list(self.remarks),
            "cases": {result.case.name: _case(result) for result in self.results},
        }

    def print_to(self, console: Console) -> None:
        """The tables for a person, then what to know before trusting them."""
        for section in self._sections():
            table = Table("case", "proxy", title=section.title, title_justify="left", box=SIMPLE_HEAD)
            for heading in section.headings:
                table.add_column(heading, justify="right", no_wrap=True)
            for _, rows in itertools.groupby(section.rows, key=lambda row: row[0]):
                for number, (case, proxy, figure, *others) in enumerate(rows):
                    table.add_row("" if number else case, proxy, f"[bold]{figure}[/]", *others)
                table.add_section()
            console.print(table)
        marks = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}
        for title, outcomes in self._outcomes():
            table = Table(title, box=SIMPLE_HEAD)
            for heading in ("value", "goal", ""):
                table.add_column(heading, justify="right")
            for each in outcomes:
                table.add_row(each.name, _number(each.value), _goal(each), marks[each.met])
            console.print(table)
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
        ]
        for section in self._sections():
            lines += ["", f"### {_heading(section.title)}", ""]
            for chart in section.charts:
                lines += [f"![{chart.title}](images/{chart.file})", ""]
            lines += _rows(("case", "proxy", *section.headings), 2)
            for case, proxy, figure, *others in section.rows:
                lines.append(f"| {' | '.join((case, proxy, f'**{figure}**', *others))} |")
        for title, outcomes in self._outcomes():
            lines += ["", f"### {_heading(title)}", "", *_rows(("", "value", "goal"), 1)]
            lines += [f"| `{each.name}` | {_number(each.value)} | {_goal(each)} |" for each in outcomes]
        if self.remarks:
            lines += ["", "What this run says of itself:", "", *(f"- {remark}" for remark in self.remarks)]
        return "\n".join(lines) + "\n"

    def _sections(self) -> Iterator[Section]:
        shown = [result for result in self.results if result.measured]
        for title, method in {result.case.method.title: result.case.method for result in shown}.items():
            results = {result.case.name: result for result in shown if result.case.method.title == title}
            charts = [chart for chart in CHARTS if any(group.case in results for group in chart.groups)]
            rows = [
                (result.case.title, each.title, *_cells(each, method))
                for result in results.values()
                for each in result.measured
            ]
            spread = () if method.once else ("min", "max")
            headings = tuple(heading.removesuffix(" %") for heading in method.details.values())
            yield Section(title, charts, ("figure" if method.once else "median", *spread, *headings), rows)

    def _outcomes(self) -> Iterator[tuple[str, Sequence[Outcome]]]:
        if self.ratios:
            yield "ratios, ours by theirs", self.ratios
        if self.figures:
            yield "figures of ours", self.figures

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


def _heading(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cells(each: Measured, method: Method) -> Iterator[str]:
    figures = [one.figure for one in each.rounds]
    for figure in (each.figure,) if method.once else (each.figure, min(figures), max(figures)):
        yield f"{figure:,.{method.digits}f}"
    for name, heading in method.details.items():
        value = each.detail(name)
        yield "" if value is None else f"{value:.0%}" if heading.endswith("%") else _number(value)


def _number(value: float) -> str:
    """Three decimals below ten, one below a thousand, none above."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def _goal(outcome: Outcome) -> str:
    text = "" if outcome.goal is None else _number(outcome.goal)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rows(headings: Sequence[str], texts: int) -> list[str]:
    """Head of a Markdown table whose first columns are text, and the others numbers."""
    rule = ["---" if number < texts else "---:" for number in range(len(headings))]
    return [f"| {' | '.join(headings)} |", f"| {' | '.join(rule)} |"]


def _case(result: CaseResult) -> dict[str, Any]:
    request = result.case.request
    return {
        "title": result.case.title,
        "figure": result.case.method.title,
        "request": {"method": request.method, "path": request.path, "body_bytes": len(request.body.encode())},
        "status": result.case.status,
        "left_out": result.left_out,
        "contenders": {each.name: _measured(each) for each in result.measured},
    }


def _measured(each: Measured) -> dict[str, Any]:
    figures = [one.figure for one in each.rounds]
    names = dict.fromkeys(name for one in each.rounds for name in one.details)
    return {
        "title": each.title,
        "median": round(each.figure, 3),
        "min": round(min(figures), 3),
        "max": round(max(figures), 3),
        "details": {name: round(each.detail(name) or 0, 4) for name in names},
        "cpu_share_by_process": {name: round(share, 4) for name, share in each.by_process().items()},
        "rounds": [
            {
                "figure": round(one.figure, 3),
                **{name: round(value, 4) for name, value in one.details.items()},
                **(dataclasses.asdict(one.window) if one.window else {}),
            }
            for one in each.rounds
        ],
    }
