"""CPU time a request: as much load as the proxy takes, and the kernel's CPU clocks before and after."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bench.access_log import take_lines
from bench.errors import VerifyError
from bench.load import Load
from bench.measure import Bench, Runner, Session
from bench.model import Case, Contender, Method
from bench.results import Round


class Saturation(Session):
    """Each round: a warm-up, then load by wrk between two readings of the clocks."""

    def __init__(self, bench: Bench, case: Case, stack: contextlib.ExitStack):
        super().__init__(bench, case, stack)
        self._answers: dict[str, int] = {}
        self._lines: dict[str, int] = {}

    def take(self, contender: Contender) -> Round:
        """One round."""
        bench, runner = self.bench, self.runners[contender.name]
        warmed = self.load(runner, bench.pace.warm_up)
        before = bench.clocks(runner)
        load = self.load(runner, bench.pace.seconds)
        window = bench.clocks(runner).since(before, load.cpu_seconds)
        check_load(load, refused=self.case.status >= 400)
        details = {"requests_per_second": load.requests / load.seconds, "busy": window.busy}
        if log := runner.setup.access_log:
            details["logged"] = self._logged(contender.name, log, warmed.requests + load.requests)
        return Round(window.cpu_us / load.requests, window, details)

    def load(self, runner: Runner, seconds: int) -> Load:
        """Keep a contender as busy as it can be."""
        return self.bench.load(runner, seconds)

    def _logged(self, name: str, log: Path, answers: int) -> float:
        """Lines by answers, over all rounds so far: what is buffered at the end of one comes in the next."""
        self._answers[name] = self._answers.get(name, 0) + answers
        self._lines[name] = self._lines.get(name, 0) + take_lines(log)
        return self._lines[name] / self._answers[name]


SATURATION = Method(
    title="CPU microseconds a request",
    session=Saturation,
    details={"requests_per_second": "requests/s", "busy": "busy %"},
    saturates=True,
)


def check_load(load: Load, *, refused: bool) -> None:
    """Raise VerifyError unless all answers were refusals, or none, and no connection broke."""
    wrong = load.requests - load.refused if refused else load.refused
    if wrong or load.broken or not load.requests:
        raise VerifyError(f"of {load.requests} answers {wrong} had an unexpected status; {load.broken} broke")
