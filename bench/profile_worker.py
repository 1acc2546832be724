"""Where a worker's time goes under load: ``python -m bench.profile_worker --case policy``.

Starts Portcullis as ``make bench`` does for that case (as its first contender of ours), loads it, and samples its
busiest process with ``py-spy``. The table is in microseconds a request: a function's share of the samples times what
the process used for a request. Samples are of wall time: one that comes while the kernel runs another process counts
for whoever was interrupted. So take figures from ``make bench``, and from here what to look at next.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.cases import CASES
from bench.errors import BenchError
from bench.install import get_tools, install_wheels, tell
from bench.machine import cpus_of_this_machine
from bench.measure import Bench, Pace, Runner
from bench.methods.saturation import SATURATION
from bench.processes import cpu_clock_ns
from bench.run import BUILD, the_only_one, working_folder

SAMPLES_A_SECOND = 400

PROFILED = {case.name: case for case in CASES if case.method is SATURATION}
"""Cases by name in which gateways are kept busy."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of the samples by function, from 0 to 1."""

    own: dict[str, float]
    """In the function itself."""
    total: dict[str, float]
    """In it or in what it called."""


def parse_stacks(lines: Iterable[str]) -> Shares:
    """Read py-spy's raw form: ``outer (file:line);inner (file:line) COUNT`` a line.

    Lines of one function are added up; a function that calls itself counts once in ``total``.
    """
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    samples = 0
    for line in lines:
        stack, _, text = line.strip().rpartition(" ")
        if not stack:
            continue
        count = int(text)
        frames = [_function(frame) for frame in stack.split(";")]
        samples += count
        own[frames[-1]] += count
        total.update(dict.fromkeys(frames, count))
    scale = 1 / (samples or 1)
    return Shares({name: n * scale for name, n in own.items()}, {name: n * scale for name, n in total.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile; see the module's text."""
    parser = argparse.ArgumentParser(prog="profile_worker", description="Where a worker's time goes under load.")
    parser.add_argument("--case", default="policy", choices=list(PROFILED))
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--top", type=int, default=40, help="lines of the table")
    parser.add_argument("--native", action="store_true", help="see into compiled extensions, too; slower")
    parser.add_argument("--flamegraph", type=Path, help="also write a flame graph (SVG) here, from a second load")
    options = parser.parse_args(arguments)
    try:
        with the_only_one(BUILD):
            return profile(options)
    except BenchError as error:
        tell(str(error))
        return 2
    except KeyboardInterrupt:
        return 130


def profile(options: argparse.Namespace) -> int:
    """Start, load, sample, print."""
    case = PROFILED[options.case]
    contender = next(each for each in case.contenders if each.tool == "portcullis")
    tools = get_tools(BUILD / "bench", ("nginx", "wrk", "portcullis"))
    spy = install_wheels(BUILD / "bench", "py-spy").parent / "py-spy"
    seconds: int = options.seconds
    stacks = BUILD / "bench" / "stacks.txt"
    with (
        working_folder() as folder,
        Bench(tools, folder, cpus_of_this_machine(), Pace(1, seconds, 1), tell) as bench,
        contextlib.ExitStack() as stack,
    ):
        runner = bench.start(case, contender, stack, bench.upstream_port)
        bench.load(runner, 1)
        pid = busiest(bench, runner)
        plain = Split.of(pid)
        load = bench.load(runner, seconds)
        used = Split.of(pid).since(plain)
        with under_load(bench, runner, seconds + 3):
            sample(spy, pid, seconds, "raw", stacks, native=options.native)
        if options.flamegraph:
            with under_load(bench, runner, seconds + 3):
                sample(spy, pid, seconds, "flamegraph", options.flamegraph.resolve(), native=options.native)
    cpu_us = used.all_ns / 1000 / load.requests
    kernel = used.kernel_ticks / ((used.kernel_ticks + used.user_ticks) or 1)
    table = Table(title=f"{case.title}: {cpu_us:.1f} us a request in the worker, {kernel:.0%} of it in the kernel")
    for heading in ("own us", "total us", "function"):
        table.add_column(heading, justify="left" if heading == "function" else "right", no_wrap=heading != "function")
    shares = parse_stacks(stacks.read_text().splitlines())
    for name, share in sorted(shares.own.items(), key=lambda item: -item[1])[: options.top]:
        table.add_row(f"{share * cpu_us:.2f}", f"{shares.total[name] * cpu_us:.2f}", name)
    Console().print(table)
    tell(f"all stacks: {stacks}")
    return 0


@dataclass(frozen=True, slots=True)
class Split:
    """CPU time of a process so far, and how it divides."""

    all_ns: int
    user_ticks: int
    kernel_ticks: int

    @classmethod
    def of(cls, pid: int) -> Split:
        """Read it now."""
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return cls(cpu_clock_ns(pid), int(fields[11]), int(fields[12]))

    def since(self, earlier: Split) -> Split:
        """What was used since ``earlier``."""
        return Split(
            self.all_ns - earlier.all_ns,
            self.user_ticks - earlier.user_ticks,
            self.kernel_ticks - earlier.kernel_ticks,
        )


def busiest(bench: Bench, runner: Runner) -> int:
    """The process that works most under load: the worker."""
    before = runner.program.usage()
    bench.load(runner, 1)
    used = runner.program.usage().since(before)
    return max(used, key=lambda entry: used[entry]).id.pid


@contextlib.contextmanager
def under_load(bench: Bench, runner: Runner, seconds: int) -> Iterator[None]:
    """Load from a thread while the block runs; returns when the load has ended."""
    loading = threading.Thread(target=bench.load, args=(runner, seconds))
    loading.start()
    try:
        yield
    finally:
        loading.join()


def sample(spy: Path, pid: int, seconds: int, form: str, output: Path, *, native: bool) -> None:
    """Run py-spy on a process; BenchError where it fails, mostly for lack of the right to look into another one."""
    argv = [str(spy), "record", "-p", str(pid), "-d", str(seconds), "-r", str(SAMPLES_A_SECOND), "-f", form]
    argv += ["-o", str(output), "--native" if native else "--nonblocking"]  # it can't see into what it doesn't stop
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise BenchError(f"py-spy ended with {done.returncode}: {done.stderr[-500:].strip()}")


def _function(frame: str) -> str:
    name, _, place = frame.partition(" (")
    file = place.rstrip(")").rpartition(":")[0] if ":" in place else place.rstrip(")")
    return f"{name} ({file})" if file else name


if __name__ == "__main__":
    sys.exit(main())
