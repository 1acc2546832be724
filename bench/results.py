"""The figures of a run: what one round gave, their medians, and the ratios."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.cases import OURS, Case, Ratio
from bench.load import Load

QUIET = 0.05
"""Share of a CPU that others may use before the run says that the machine was not quiet."""


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one contender."""

    load: Load
    wall_seconds: float
    """The window in which CPU time was taken; a little longer than the load."""
    cpu_ns: dict[str, int]
    """CPU time by process: name of the program, with a number where there are several."""
    others_ns: int
    """CPU time that everybody else used meanwhile on the proxy's CPU (ticks: within 10 ms)."""
    others_on_load_ns: int = 0
    """The same on the CPU of load and upstream: it makes the proxy wait, and so dearer than it is."""

    @property
    def cpu_us(self) -> float:
        """The figure: microseconds of CPU a request."""
        return sum(self.cpu_ns.values()) / 1000 / self.load.requests

    @property
    def busy(self) -> float:
        """Share of its CPU that the proxy used; near 1 it was the bottleneck."""
        return sum(self.cpu_ns.values()) / 1e9 / self.wall_seconds

    @property
    def others(self) -> float:
        """Share of its CPU that everybody else used."""
        return max(self.others_ns, 0) / 1e9 / self.wall_seconds

    @property
    def others_on_load(self) -> float:
        """Share of the load's CPU that everybody else used."""
        return max(self.others_on_load_ns, 0) / 1e9 / self.wall_seconds


@dataclass(slots=True)
class Measured:
    """All rounds of one contender in one case."""

    name: str
    title: str
    rounds: list[Round] = field(default_factory=list)
    logged: float | None = None
    """Lines in its access log by answers, over all rounds; ``None`` where it keeps no log."""

    @property
    def cpu_us(self) -> float:
        """Median of the rounds."""
        return statistics.median(each.cpu_us for each in self.rounds)

    def by_process(self) -> dict[str, float]:
        """Microseconds a request by process, medians of the rounds."""
        names = dict.fromkeys(name for each in self.rounds for name in each.cpu_ns)
        return {
            name: statistics.median(each.cpu_ns.get(name, 0) / 1000 / each.load.requests for each in self.rounds)
            for name in names
        }


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
class RatioResult:
    """A ratio that came out."""

    ratio: Ratio
    value: float

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is none."""
        return None if self.ratio.goal is None else self.value <= self.ratio.goal


def ratios_of(results: Sequence[CaseResult], ratios: Iterable[Ratio]) -> list[RatioResult]:
    """Medians, ours divided by theirs; a ratio of somebody who did not take part is absent."""
    by_case = {result.case.name: result for result in results}
    found = []
    for ratio in ratios:
        case = by_case.get(ratio.case)
        ours, theirs = (case.of(OURS), case.of(ratio.theirs)) if case else (None, None)
        if ours and theirs:
            found.append(RatioResult(ratio, ours.cpu_us / theirs.cpu_us))
    return found


def remarks_on(results: Sequence[CaseResult]) -> list[str]:
    """What a reader must know before trusting the figures: noise, an idle proxy, lost log lines."""
    remarks = []
    for result in results:
        for each in result.measured:
            who = f"{result.case.name}/{each.name}"
            busy = statistics.median(one.busy for one in each.rounds)
            others = statistics.median(one.others for one in each.rounds)
            on_load = statistics.median(one.others_on_load for one in each.rounds)
            if busy + others < 0.85:
                remarks.append(f"{who}: it waited for load and upstream, and used {busy:.0%} of its CPU")
            if others > QUIET:
                remarks.append(f"{who}: others used {others:.0%} of its CPU")
            if on_load > QUIET:
                remarks.append(f"{who}: others used {on_load:.0%} of the CPU of load and upstream")
            if each.logged is not None and each.logged < 0.99:
                remarks.append(f"{who}: only {each.logged:.1%} of the answers are in its access log")
    return remarks
