"""How long an answer takes under a load that does not wait for answers: half of what ours can take, for everybody.

Theory. A client that sends its next request when the last answer is there slows down with the proxy, and asks least
when it is slowest (coordinated omission). So requests leave here at their times, on so many connections that one is
hardly ever still waiting when its next request is due; where one was, the requests that should have left meanwhile are
counted with what they would have waited.
"""

from __future__ import annotations

import contextlib
import math

from bench.access_log import empty
from bench.errors import BenchError, VerifyError
from bench.measure import Bench, Runner, Session
from bench.model import OURS, Case, Contender, Method
from bench.open_loop import percentile, run_h2load, with_omitted
from bench.results import Round

SHARE = 0.5
"""Of the requests a second that ours can answer."""

INTERVAL = 0.0125
"""Seconds between two requests on one connection; h2load's timers have 10 ms as their least."""

KEPT_UP = 0.98
"""Share of the planned requests that must have been answered; less, and the proxy did not keep up."""


class Latency(Session):
    """Each round: the same rate for a while; the first part of it is warm-up."""

    def __init__(self, bench: Bench, case: Case, stack: contextlib.ExitStack):
        super().__init__(bench, case, stack)
        self._rate = 0.0

    def take(self, contender: Contender) -> Round:
        """One round."""
        bench, runner = self.bench, self.runners[contender.name]
        rate = self._rate or self._find_rate()
        connections = math.ceil(rate * INTERVAL)
        before = bench.clocks(runner)
        taken = run_h2load(
            bench.tools.need("h2load"),
            runner.request,
            runner.ground.port,
            rate=rate,
            connections=connections,
            seconds=bench.pace.seconds,
            warm_up=bench.pace.warm_up,
            log=runner.ground.folder / "latencies.tsv",
            cpu=bench.cpus.load,
        )
        window = bench.clocks(runner).since(before, taken.cpu_seconds)
        if runner.setup.access_log:
            empty(runner.setup.access_log)
        wrong = sum(count for status, count in taken.statuses.items() if status != self.case.status)
        if wrong:
            raise VerifyError(f"of {sum(taken.statuses.values())} answers {wrong} had an unexpected status")
        achieved = len(taken.microseconds) / taken.seconds
        if achieved < KEPT_UP * rate:
            raise VerifyError(f"it did not keep up: {achieved:,.0f} of {rate:,.0f} requests a second")
        waits = with_omitted(taken.microseconds, connections / rate * 1e6)
        details = {
            "p50_us": percentile(waits, 0.5),
            "requests_per_second": achieved,
            "busy": window.busy,
            "omitted": float(len(waits) - len(taken.microseconds)),
        }
        return Round(percentile(waits, 0.99), window, details)

    def _find_rate(self) -> float:
        ours = self.runners.get(OURS)
        if ours is None:
            raise BenchError("the rate is half of what ours can take, and ours is left out")
        self._rate = SHARE * self._capacity(ours)
        self.bench.progress(f"{self.case.name}: everybody gets {self._rate:,.0f} requests a second")
        return self._rate

    def _capacity(self, ours: Runner) -> float:
        self.bench.load(ours, self.bench.pace.warm_up)
        load = self.bench.load(ours, self.bench.pace.seconds)
        return load.requests / load.seconds


LATENCY = Method(
    title="microseconds until the answer is there, p99, at half of our capacity",
    session=Latency,
    digits=0,
    details={"p50_us": "p50", "requests_per_second": "requests/s", "busy": "busy %"},
)
