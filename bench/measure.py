"""Take the figures: start all contenders of a case, verify each, then load one after the other, round by round."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.cases import Case, Contender
from bench.errors import BenchError, VerifyError
from bench.install import Tools
from bench.load import HOST, Load, Request, run_wrk, script_of
from bench.machine import Cpus, busy_ns
from bench.peers import Ground, Probe, Setup, nginx
from bench.processes import Entry, Program, Usage, free_port
from bench.results import CaseResult, Measured, Round

START_SECONDS = 60.0
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
QUICK = Pace(rounds=3, seconds=4, warm_up=1)


@dataclass(slots=True)
class Runner:
    """A contender that is up and verified."""

    contender: Contender
    program: Program
    ground: Ground
    setup: Setup
    script: Path
    measured: Measured
    answers: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Clocks:
    """All clocks at one moment."""

    moment: float
    proxy: Usage
    upstream: Usage
    busy: Cpus
    """Nanoseconds of work of each of the two CPUs, whoever did it."""


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
        self._tools = tools
        self._folder = folder
        self._cpus = cpus
        self._pace = pace
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._upstream_port = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            ground = self._ground("upstream", self._tools.paths["nginx"])
            self._upstream = stack.enter_context(
                Program("the upstream", nginx.upstream(ground).argv, self._cpus.load, ground.folder)
            )
            self._upstream.wait_for_port(ground.port, START_SECONDS)
            self._upstream_port = ground.port
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def measure(self, case: Case) -> CaseResult:
        """All rounds of one case; a contender that fails is left out, with the reason."""
        result = CaseResult(case)
        runners: list[Runner] = []
        with contextlib.ExitStack() as stack:
            for contender in case.contenders:
                with self._or_left_out(result, contender):
                    runners.append(self.start(case, contender, stack))
            for number in range(1, self._pace.rounds + 1):
                for runner in runners:
                    if runner.contender.name in result.left_out:
                        continue
                    with self._or_left_out(result, runner.contender):
                        figure = self._round(case, runner).cpu_us
                        title = runner.contender.title
                        self._progress(f"{case.name} {number}/{self._pace.rounds}: {title} {figure:.1f} us")
        result.measured = [each.measured for each in runners if each.contender.name not in result.left_out]
        return result

    @contextlib.contextmanager
    def _or_left_out(self, result: CaseResult, contender: Contender) -> Iterator[None]:
        try:
            yield
        except BenchError as error:
            result.left_out[contender.name] = str(error)
            self._progress(f"{result.case.name}: {contender.title} is left out: {error}")

    def start(self, case: Case, contender: Contender, stack: contextlib.ExitStack) -> Runner:
        """Start a contender, and verify that it does what the case is about; it ends with ``stack``.

        Raises:
            BenchError: its program is missing, it does not start, or it does something else.

        """
        if (binary := self._tools.paths.get(contender.tool)) is None:
            raise BenchError(self._tools.left_out.get(contender.tool, f"there is no {contender.tool}"))
        ground = self._ground(f"{case.name}-{contender.name}", binary)
        setup = contender.setup(ground)
        program = stack.enter_context(Program(contender.title, setup.argv, self._cpus.proxy, ground.folder, setup.env))
        program.wait_for_port(ground.port, START_SECONDS)
        request = case.request.with_headers(setup.credential) if case.credential else case.request
        verify(ground.port, request, case.status, case.body)
        for probe in setup.probes:
            verify_probe(ground.port, probe)
        script = ground.folder / "load.lua"
        script.write_text(script_of(request))
        return Runner(contender, program, ground, setup, script, Measured(contender.name, contender.title))

    def load(self, runner: Runner, seconds: int) -> Load:
        """Load a contender for ``seconds``."""
        return run_wrk(self._tools.paths["wrk"], runner.script, runner.ground.port, seconds, self._cpus.load)

    def _round(self, case: Case, runner: Runner) -> Round:
        warmed = self.load(runner, self._pace.warm_up)
        before = self._clocks(runner)
        load = self.load(runner, self._pace.seconds)
        after = self._clocks(runner)
        check_load(load, refused=case.status >= 400)
        cpu_ns = name_processes(after.proxy.since(before.proxy))
        upstream_ns = sum(after.upstream.since(before.upstream).values())
        taken = Round(
            load,
            wall_seconds=after.moment - before.moment,
            cpu_ns=cpu_ns,
            others_ns=after.busy.proxy - before.busy.proxy - sum(cpu_ns.values()),
            others_on_load_ns=after.busy.load - before.busy.load - upstream_ns - int(load.cpu_seconds * 1e9),
        )
        runner.measured.rounds.append(taken)
        runner.answers += warmed.requests + load.requests
        if runner.setup.access_log:
            runner.lines += take_lines(runner.setup.access_log)
            runner.measured.logged = runner.lines / runner.answers
        return taken

    def _clocks(self, runner: Runner) -> Clocks:
        busy = Cpus(busy_ns(self._cpus.proxy), busy_ns(self._cpus.load))
        return Clocks(time.perf_counter(), runner.program.usage(), self._upstream.usage(), busy)

    def _ground(self, name: str, binary: Path) -> Ground:
        folder = self._folder / name
        folder.mkdir()
        return Ground(folder, binary, free_port(), self._upstream_port)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


def ask(port: int, request: Request) -> Answer:
    """Make one call to 127.0.0.1:``port``.

    Raises:
        VerifyError: no answer came.

    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Host": HOST, **request.headers}
        connection.request(request.method, request.path, request.body.encode() or None, headers)
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise VerifyError(f"{request.method} {request.path} got no answer: {error!r}") from error
    finally:
        connection.close()


def verify(port: int, request: Request, status: int, body: str | None) -> None:
    """Make the case's call once.

    Raises:
        VerifyError: another status came back, or not the upstream's answer.

    """
    answer = ask(port, request)
    if answer.status != status:
        raise VerifyError(f"{request.method} {request.path}: {answer.status}, expected {status}: {answer.body[:300]!r}")
    if body is not None and answer.body != body:
        raise VerifyError(f"{request.method} {request.path}: not the upstream's answer: {answer.body[:300]!r}")


def verify_probe(port: int, probe: Probe) -> None:
    """Make the call that shows a control at work.

    Raises:
        VerifyError: another status came back, or a field of the answer is missing.

    """
    answer = ask(port, probe.request)
    missing = [name for name in probe.headers if name.lower() not in answer.headers]
    if answer.status != probe.status or missing:
        without = f" without {', '.join(missing)}" if missing else ""
        found = f"{answer.status}{without}, expected {probe.status}"
        raise VerifyError(f"{probe.title}: {found}: {answer.body[:300]!r}")


def check_load(load: Load, *, refused: bool) -> None:
    """Raise VerifyError unless all answers were refusals, or none, and no connection broke."""
    wrong = load.requests - load.refused if refused else load.refused
    if wrong or load.broken or not load.requests:
        raise VerifyError(f"of {load.requests} answers {wrong} had an unexpected status; {load.broken} broke")


def name_processes(used: Mapping[Entry, int]) -> dict[str, int]:
    """CPU time by name of process, numbered in order of birth where several have one name."""
    total = Counter(entry.name for entry in used)
    seen: Counter[str] = Counter()
    named = {}
    for entry, nanoseconds in sorted(used.items(), key=lambda item: (item[0].id.started, item[0].id.pid)):
        seen[entry.name] += 1
        named[f"{entry.name} {seen[entry.name]}" if total[entry.name] > 1 else entry.name] = nanoseconds
    return named


def take_lines(log: Path, settle: float = 1.2) -> int:
    """Count the lines of an access log, and empty it so that the disk does not fill.

    Args:
        log: the file; its writer appends to it.
        settle: seconds for the writer to flush its last buffer.

    """
    time.sleep(settle)
    if not log.exists():
        return 0
    with log.open("rb") as lines:
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    os.truncate(log, 0)
    return count
