"""Processes that the benchmark starts, how much CPU they used, and their end.

CPU time comes from the kernel's CPU clock of each process (``clock_gettime`` with the clock id made from the pid, see
``clock_getcpuclockid(3)``): nanoseconds of user and system time of all its threads, those that have ended included.
``/proc/<pid>/stat`` has the same figure in ticks of 10 ms only, and ``/proc/<pid>/schedstat`` of one thread only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Self

from bench.errors import BenchError, StartError, VerifyError

STOP_SECONDS = 8.0
"""How long a process may take to end after SIGTERM."""

OUTPUT = "output.log"
"""File in the folder of a program with what it printed."""

_FIRST = -20
"""The highest of the ordinary priorities, as `nice` counts them."""
_FRAME = " \t│╭╮╰╯─"
_ENDED = ("Z", "X")


class ProcessId(NamedTuple):
    """One process for certain: the kernel reuses pids, but not with the same start time."""

    pid: int
    started: int


class Entry(NamedTuple):
    """A line of the process table."""

    id: ProcessId
    parent: int
    session: int
    name: str
    state: str = "S"


def parse_stat(text: str) -> Entry:
    """Read ``/proc/<pid>/stat`` (proc(5)); the name is in brackets and may itself hold brackets and spaces."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    return Entry(ProcessId(int(pid), int(fields[19])), int(fields[1]), int(fields[3]), name, fields[0])


def process_table() -> list[Entry]:
    """All processes that run now; those that have ended and wait for their parent to notice are left out."""
    table = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended between the listing and the reading
            table.append(parse_stat(path.read_text()))
    return [entry for entry in table if entry.state not in _ENDED]


def family(root: int, table: Sequence[Entry]) -> list[Entry]:
    """The process ``root``, its descendants, and who is left in its session: orphans have lost their ancestors."""
    members = {entry.id.pid for entry in table if entry.id.pid == root or entry.session == root}
    grown = True
    while grown:
        more = {entry.id.pid for entry in table if entry.parent in members} - members
        members |= more
        grown = bool(more)
    return sorted(entry for entry in table if entry.id.pid in members)


def cpu_clock_ns(pid: int) -> int:
    """CPU time of a whole process in nanoseconds.

    Raises:
        OSError: there is no such process.

    """
    return time.clock_gettime_ns((~pid << 3) | 2)  # CPUCLOCK_SCHED of the thread group, as glibc makes it


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its children that have ended, in ticks of usually 10 ms.

    Raises:
        OSError: there is no such process.

    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # utime, stime, cutime, cstime


def parse_pss(text: str) -> int:
    """Read ``/proc/<pid>/smaps_rollup``: the proportional set size in bytes, shared pages by who shares them."""
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def running_on(*cpus: int) -> Iterator[None]:
    """What is started inside inherits these CPUs from its first instruction; the benchmark itself goes back."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def last_lines(text: str, count: int = 3) -> str:
    """The end of what a program printed: there it says why it gave up."""
    lines = [line.strip(_FRAME) for line in text.splitlines()]
    return "\n".join([line for line in lines if line][-count:])[-1000:]


def run_client(title: str, program: ModuleType, arguments: Sequence[object], cpu: int, seconds: float) -> Any:
    """Run one of our programs on ``cpu`` until it ends: what it says of itself, read from its JSON.

    Raises:
        VerifyError: it failed, or did not end within ``seconds``.

    """
    argv = [sys.executable, str(program.__file__), *map(str, arguments)]
    try:
        with running_on(cpu):
            done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise VerifyError(f"{title}: it did not end within {seconds} s") from error
    if done.returncode != 0:
        raise VerifyError(f"{title}: {last_lines(done.stderr)}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def precedence() -> Iterator[None]:
    """Inside, this process and all that it starts come before everybody else on a busy machine.

    Raises:
        BenchError: that is not allowed.
    """
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _FIRST)
        _prefer_session(os.getpid(), _FIRST)
    except OSError as error:
        raise BenchError("only root may take precedence") from error
    try:
        yield
    finally:
        _prefer_session(os.getpid(), 0)
        os.setpriority(os.PRIO_PROCESS, 0, usual)


def _prefer_session(pid: int, nice: int) -> None:
    """The kernel shares CPUs among sessions first (sched(7), autogroup): priorities count within a session only."""
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text(str(nice))


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Usage:
    """CPU clocks of a family at one moment, in nanoseconds."""

    clocks: dict[Entry, int]

    def since(self, earlier: Usage) -> dict[Entry, int]:
        """What each process used since ``earlier``; one that was born meanwhile counts from its birth.

        Raises:
            StartError: a process ended meanwhile: its share is lost, and a steady proxy does not lose processes.

        """
        ended = {entry.id for entry in earlier.clocks} - {entry.id for entry in self.clocks}
        if ended:
            raise StartError(f"{len(ended)} of its processes ended during the measurement")
        before = {entry.id: used for entry, used in earlier.clocks.items()}
        return {entry: used - before.get(entry.id, 0) for entry, used in self.clocks.items()}


class Program:
    """A program that runs on the CPUs it is given, with all its children; ends with the ``with`` block.

    What it prints is appended to ``output.log`` in its folder, which may be emptied while it runs.
    """

    def __init__(
        self,
        title: str,
        argv: Sequence[str],
        cpus: Collection[int],
        folder: Path,
        env: Mapping[str, str] | None = None,
    ):
        self.title = title
        self._output = folder / OUTPUT
        with running_on(*cpus), self._output.open("ab") as output:
            self._root = subprocess.Popen(
                list(argv),
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C of the terminal reaches the benchmark alone, which ends all in order
            )

        first = os.getpriority(os.PRIO_PROCESS, 0)
        if first == _FIRST:  # its session is a new one, and inherits no precedence
            _prefer_session(self._root.pid, first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def wait_for_port(self, port: int, seconds: float) -> None:
        """Return when somebody listens on ``port``.

        Raises:
            StartError: the program ended first, or nobody listened within ``seconds``.

        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise StartError(f"{self.title} did not listen within {seconds:.0f} s\n{self.last_words()}")

    def check(self) -> None:
        """Raise StartError if the program has ended."""
        code = self._root.poll()
        if code is not None:
            raise StartError(f"{self.title} ended with {code}\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of what it printed."""
        return last_lines(self._output.read_text(errors="replace"))

    def members(self) -> list[Entry]:
        """Its processes."""
        return family(self._root.pid, process_table())

    def usage(self) -> Usage:
        """CPU time that each of its processes has used so far."""
        clocks = {}
        for entry in self.members():
            with contextlib.suppress(OSError):
                clocks[entry] = cpu_clock_ns(entry.id.pid)
        return Usage(clocks)

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far, those included that have ended."""
        return self._sum_of(cpu_seconds)

    def pss(self) -> int:
        """Bytes of memory of all its processes; what they share counts once."""
        return int(self._sum_of(lambda pid: parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text())))

    def _sum_of(self, figure: Callable[[int], float]) -> float:
        total = 0.0
        for entry in self.members():
            with contextlib.suppress(OSError):  # ended between the listing and the reading
                total += figure(entry.id.pid)
        return total

    def stop(self) -> None:
        """End it and all it started: SIGTERM, then SIGKILL for what is left."""
        known = {entry.id for entry in self.members()}
        if self._root.poll() is None:
            self._root.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._root.wait(STOP_SECONDS)
        table = process_table()
        left = known.intersection(entry.id for entry in table)
        left.update(entry.id for entry in table if entry.session == self._root.pid)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self._root.wait(STOP_SECONDS)
