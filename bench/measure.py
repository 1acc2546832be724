"""Take the figures: start all contenders of a case, verify each, then measure one after the other, round by round.

How one figure is taken is the business of the case's method (``bench/methods``); what is here is the same for all.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.clocks import Clocks
from bench.errors import BenchError
from bench.install import Tools
from bench.load import Load, Request, run_wrk, script_of
from bench.machine import Cpus
from bench.model import Case, Contender
from bench.peers import Ground, Setup, nginx
from bench.processes import Program, free_port
from bench.results import CaseResult, Measured, Round
from bench.verify import verify, verify_probe

START_SECONDS = 120.0
"""How long a proxy may take until it listens."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long, how often."""

    rounds: int
    seconds: int
    """Of one measurement."""
    warm_up: int
    """Seconds of load before each measurement, not counted."""


FULL = Pace(rounds=7, seconds=6, warm_up=2)
QUICK = Pace(rounds=3, seconds=2, warm_up=1)


@dataclass(frozen=True, slots=True)
class Runner:
    """A contender that is up and verified."""

    contender: Contender
    program: Program
    ground: Ground
    setup: Setup
    request: Request
    script: Path
    """For wrk."""


class Bench:
    """A run: an upstream, the CPUs, a folder; measures case by case.

    Args:
        tools: programs.
        folder: empty folder for configurations, logs and scripts.
        cpus: who works where.
        pace: how long, how often.
        progress: called with a line of text as things are done.

    """

    def __init__(self, tools: Tools, folder: Path, cpus: Cpus, pace: Pace, progress: Callable[[str], None]):
        self.tools = tools
        self.cpus = cpus
        self.pace = pace
        self.progress = progress
        self.upstream_port = 0
        self._folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            ground = self.ground("upstream", self.tools.paths["nginx"], 0)
            argv = nginx.upstream(ground).argv
            self.upstream = stack.enter_context(Program("the upstream", argv, [self.cpus.load], ground.folder))
            self.upstream.wait_for_port(ground.port, START_SECONDS)
            self.upstream_port = ground.port
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def measure(self, case: Case, contenders: tuple[Contender, ...]) -> CaseResult:
        """All rounds of one case; a contender that fails is left out, with the reason."""
        result = CaseResult(case)
        measured: dict[str, Measured] = {}
        rounds = 1 if case.method.once else self.pace.rounds
        with contextlib.ExitStack() as stack:
            try:
                session = case.method.session(self, case, stack)
            except BenchError as error:
                self.progress(f"{case.name} is left out: {error}")
                result.left_out = {each.name: str(error) for each in contenders}
                return result
            for contender in contenders:
                with self._or_left_out(result, contender):
                    setup = session.start(contender)
                    measured[contender.name] = Measured(contender.name, contender.title, remarks=setup.remarks)
            for number in range(1, rounds + 1):
                for contender in contenders:
                    if contender.name in result.left_out:
                        continue
                    with self._or_left_out(result, contender):
                        taken = session.take(contender)
                        measured[contender.name].rounds.append(taken)
                        figure = f"{taken.figure:,.{case.method.digits}f}"
                        self.progress(f"{case.name} {number}/{rounds}: {contender.title} {figure}")
        result.measured = [each for name, each in measured.items() if name not in result.left_out]
        return result

    @contextlib.contextmanager
    def _or_left_out(self, result: CaseResult, contender: Contender) -> Iterator[None]:
        try:
            yield
        except BenchError as error:
            result.left_out[contender.name] = str(error)
            self.progress(f"{result.case.name}: {contender.title} is left out: {error}")

    def prepare(self, case: Case, contender: Contender, upstream: int) -> tuple[Ground, Setup]:
        """Write what a contender needs to start; ``upstream`` is the port of the server behind it.

        Raises:
            BenchError: its program is missing, or it can't be set up.

        """
        ground = self.ground(f"{case.name}-{contender.name}", self.tools.need(contender.tool), upstream)
        return ground, contender.setup(ground)

    def start(self, case: Case, contender: Contender, stack: contextlib.ExitStack, upstream: int) -> Runner:
        """Start a contender, and verify that it does what the case is about; it ends with ``stack``.

        ``upstream`` is the port of the server behind it.

        Raises:
            BenchError: its program is missing, it does not start, or it does something else.

        """
        ground, setup = self.prepare(case, contender, upstream)
        program = Program(contender.title, setup.argv, [self.cpus.proxy], ground.folder, setup.env)
        stack.enter_context(program)
        program.wait_for_port(ground.port, START_SECONDS)
        request = case.request.with_headers(setup.credential) if case.credential else case.request
        body = case.body if setup.answer is None else setup.answer
        for path in (setup.paths[0], setup.paths[-1]) if setup.paths else (request.path,):
            verify(ground.port, request.at(path), case.status, body, secure=setup.secure)
        for probe in setup.probes:
            verify_probe(ground.port, probe, secure=setup.secure)
        script = ground.folder / "load.lua"
        script.write_text(script_of(request, setup.paths))
        return Runner(contender, program, ground, setup, request, script)

    def load(self, runner: Runner, seconds: int) -> Load:
        """Keep a contender as busy as it can be for ``seconds``."""
        scheme = "https" if runner.setup.secure else "http"
        url = f"{scheme}://127.0.0.1:{runner.ground.port}"
        return run_wrk(self.tools.paths["wrk"], runner.script, url, seconds, self.cpus.load)

    def clocks(self, runner: Runner, upstream: Program | None = None) -> Clocks:
        """Read all clocks; ``upstream`` is the server behind the contender, if it is another one than usual."""
        return Clocks.read(self.cpus, runner.program, upstream or self.upstream)

    def ground(self, name: str, binary: Path, upstream: int) -> Ground:
        """A new folder of this name, and a free port."""
        folder = self._folder / name
        folder.mkdir()
        return Ground(folder, binary, free_port(), upstream)


class Session(abc.ABC):
    """One case under way.

    Args:
        bench: the run.
        case: the case.
        stack: what is started ends with it.

    """

    def __init__(self, bench: Bench, case: Case, stack: contextlib.ExitStack):
        self.bench = bench
        self.case = case
        self.stack = stack
        self.runners: dict[str, Runner] = {}
        self.upstream_port = bench.upstream_port
        """Where the server behind the contenders listens."""

    def start(self, contender: Contender) -> Setup:
        """Start and verify a contender; gives its setup. BenchError if that fails."""
        self.runners[contender.name] = runner = self.bench.start(self.case, contender, self.stack, self.upstream_port)
        return runner.setup

    @abc.abstractmethod
    def take(self, contender: Contender) -> Round:
        """Measure it once; BenchError if that fails, or if it did not do what it should have."""
