"""The figures of a run: what one round gave, their medians, the ratios, and what has to be said about them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.model import OURS, Case, Figure, Ratio

QUIET = 0.05
"""Share of a CPU that others may use before the run says that the machine was not quiet."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which CPU clocks were read."""

    wall_seconds: float
    """A little longer than the load."""
    cpu_ns: dict[str, int]
    """CPU time by process: name of the program, with a number where there are several."""
    others_ns: int
    """CPU time that everybody else used meanwhile on the proxy's CPU (ticks: within 10 ms)."""
    others_on_load_ns: int = 0
    """The same on the CPU of load and upstream: it makes the proxy wait, and so dearer than it is."""

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU of all its processes."""
        return sum(self.cpu_ns.values()) / 1000

    @property
    def busy(self) -> float:
        """Share of its CPU that the proxy used; near 1 it was the bottleneck."""
        return self.cpu_us / 1e6 / self.wall_seconds

    @property
    def others(self) -> float:
        """Share of its CPU that everybody else used."""
        return max(self.others_ns, 0) / 1e9 / self.wall_seconds

    @property
    def others_on_load(self) -> float:
        """Share of the load's CPU that everybody else used."""
        return max(self.others_on_load_ns, 0) / 1e9 / self.wall_seconds


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one contender."""

    figure: float
    """What the case is about, in the unit of its method."""
    window: Window | None = None
    """``None`` where CPU time plays no part."""
    details: Mapping[str, float] = field(default_factory=dict)
    """What else was found, by name."""


@dataclass(slots=True)
class Measured:
    """All rounds of one contender in one case."""

    name: str
    title: str
    rounds: list[Round] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    """What its setup has to say."""

    @property
    def figure(self) -> float:
        """Median of the rounds."""
        return statistics.median(each.figure for each in self.rounds)

    def detail(self, name: str) -> float | None:
        """Median of a detail; ``None`` where the rounds have none of this name."""
        values = [each.details[name] for each in self.rounds if name in each.details]
        return statistics.median(values) if values else None

    def of_windows(self, share: Callable[[Window], float]) -> float | None:
        """Median of something about the windows; ``None`` where there are none."""
        values = [share(each.window) for each in self.rounds if each.window]
        return statistics.median(values) if values else None

    def by_process(self) -> dict[str, float]:
        """Share of its CPU time that each process used, over all rounds."""
        used: Counter[str] = Counter()
        for each in self.rounds:
            used.update(each.window.cpu_ns if each.window else {})
        return {name: spent / (used.total() or 1) for name, spent in used.items()}


@dataclass(slots=True)
class CaseResult:
    """One case: those who took part, and those who could not."""

    case: Case
    measured: list[Measured] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Measured | None:
        """The contender of this name, if it took part."""
        return next((each for each in self.measured if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A ratio or figure that came out."""

    name: str
    value: float
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is none."""
        return None if self.goal is None else self.value <= self.goal


def ratios_of(results: Sequence[CaseResult], ratios: Iterable[Ratio]) -> list[Outcome]:
    """Medians, ours divided by theirs; a ratio of somebody who did not take part is absent."""
    found = []
    for ratio in ratios:
        ours, theirs = _find(results, ratio.case, ratio.ours), _find(results, ratio.case, ratio.theirs)
        if ours and theirs:
            found.append(Outcome(ratio.name, ours.figure / theirs.figure, ratio.goal))
    return found


def figures_of(results: Sequence[CaseResult], figures: Iterable[Figure]) -> list[Outcome]:
    """Medians of ours; a figure of a case that was not measured is absent."""
    found = []
    for figure in figures:
        if (ours := _find(results, figure.case, OURS)) is None:
            continue
        value = ours.detail(figure.detail) if figure.detail else ours.figure
        if value is not None:
            found.append(Outcome(figure.name, value, figure.goal))
    return found


def remarks_on(results: Sequence[CaseResult]) -> list[str]:
    """What a reader must know before trusting the figures: noise, an idle proxy, lost log lines."""
    remarks = []
    for result in results:
        for each in result.measured:
            who = f"{result.case.name}/{each.name}"
            remarks += [f"{who}: {remark}" for remark in each.remarks]
            busy = each.of_windows(lambda window: window.busy) or 0
            others = each.of_windows(lambda window: window.others) or 0
            on_load = each.of_windows(lambda window: window.others_on_load) or 0
            logged = each.rounds[-1].details.get("logged")  # it is counted over all rounds so far
            if result.case.method.saturates and busy + others < 0.85:
                remarks.append(f"{who}: it waited for load and upstream, and used {busy:.0%} of its CPU")
            if others > QUIET:
                remarks.append(f"{who}: others used {others:.0%} of its CPU")
            if on_load > QUIET:
                remarks.append(f"{who}: others used {on_load:.0%} of the CPU of load and upstream")
            if logged is not None and logged < 0.99:
                remarks.append(f"{who}: only {logged:.1%} of the answers are in its access log")
    return remarks


def _find(results: Sequence[CaseResult], case: str, contender: str) -> Measured | None:
    return next((result.of(contender) for result in results if result.case.name == case), None)
