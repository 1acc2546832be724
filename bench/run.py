"""``make bench``: ``python -m bench.run [--quick] [--case NAME]... [--publish]``."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from bench.cases import CASES, FIGURES, RATIOS, left_out_of_quick
from bench.chart import CHARTS, draw
from bench.errors import BenchError
from bench.install import get_tools, tell
from bench.machine import cpus_of_this_machine, describe
from bench.measure import FULL, QUICK, Bench, Pace
from bench.model import Case, Contender
from bench.processes import precedence
from bench.report import Report, with_results
from bench.results import CaseResult, figures_of, ratios_of, remarks_on

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PIPED_WIDTH = 120
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "benchmarks.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark.

    Returns:
        0 if all took part; 1 if somebody was left out, or with ``--check`` a goal is missed; 2 if it could not run.

    """
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with the_only_one(BUILD):
            return run(options)
    except BenchError as error:
        tell(str(error))
        return 2
    except KeyboardInterrupt:
        tell("stopped; all that it started has ended")
        return 130


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ``QUICK=1`` in the environment is ``--quick``."""
    parser = argparse.ArgumentParser(prog="bench", description="What Portcullis and its peers cost, side by side.")
    parser.add_argument("--quick", action="store_true", default=os.environ.get("QUICK", "") not in ("", "0"))
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these cases")
    parser.add_argument("--rounds", type=int, help="rounds of each case")
    parser.add_argument("--seconds", type=int, help="seconds of each measurement")
    parser.add_argument("--urgent", action="store_true", help="before all others on a busy machine (as root)")
    parser.add_argument("--check", action="store_true", help="end with 1 where a goal is missed")
    parser.add_argument("--publish", action="store_true", help="put chart and table into docs/")
    return parser.parse_args(arguments)


def pace_of(options: argparse.Namespace) -> Pace:
    """How long and how often, from the command line."""
    usual = QUICK if options.quick else FULL
    return Pace(options.rounds or usual.rounds, options.seconds or usual.seconds, usual.warm_up)


def run(options: argparse.Namespace) -> int:
    """Install, measure, report; see :func:`main`."""
    begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    cpus = cpus_of_this_machine()
    tools = get_tools(BUILD / "bench")
    for needed in ("nginx", "wrk"):
        if needed not in tools.paths:
            raise BenchError(f"nothing can be measured without {needed}: {tools.left_out[needed]}")
    machine, pace = describe(cpus), pace_of(options)
    raise_descriptors()
    urgent = precedence() if options.urgent else contextlib.nullcontext()
    with urgent, working_folder() as folder, Bench(tools, folder, cpus, pace, tell) as bench:
        results = [bench.measure(case, contenders) for case, contenders in chosen(options)]
    ratios, figures, remarks = ratios_of(results, RATIOS), figures_of(results, FIGURES), remarks_on(results)
    if options.quick and not options.case:
        remarks.insert(0, f"this was a quick run, without {', '.join(left_out_of_quick())}")
    report = Report(begun, pace, machine, tools.versions(), tools.left_out, results, ratios, figures, remarks)
    (BUILD / "bench.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    write_charts(results, BUILD)
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    report.print_to(console)
    tell(f"every figure: {BUILD / 'bench.json'}; charts: {BUILD / 'benchmark*.svg'}")
    if options.publish:
        IMAGES.mkdir(exist_ok=True)
        write_charts(results, IMAGES)
        PAGE.write_text(with_results(PAGE.read_text(), report.as_markdown()))
        tell(f"published to {IMAGES} and {PAGE}")
    incomplete = tools.left_out or any(result.left_out for result in results)
    missed = options.check and any(each.met is False for each in (*ratios, *figures))
    return 1 if incomplete or missed else 0


def chosen(options: argparse.Namespace) -> list[tuple[Case, tuple[Contender, ...]]]:
    """The cases to measure, and who takes part in each; a case that is named is measured whole."""
    if options.case:
        return [(case, case.contenders) for case in CASES if case.name in options.case]
    if not options.quick:
        return [(case, case.contenders) for case in CASES]
    return [(case, tuple(each for each in case.contenders if each.in_quick)) for case in CASES if case.in_quick]


def write_charts(results: Sequence[CaseResult], folder: Path) -> None:
    """Write the charts of all that was measured."""
    for chart in CHARTS:
        if drawn := draw(results, chart):
            (folder / chart.file).write_text(drawn)


def raise_descriptors() -> None:
    """As many open files as are allowed, for all that is started from here: thousands of connections need them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def the_only_one(build: Path) -> Iterator[None]:
    """Two runs at a time would measure each other.

    Raises:
        BenchError: another run holds the lock.

    """
    (build / "bench").mkdir(parents=True, exist_ok=True)
    with (build / "bench" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BenchError("another run of the benchmark is under way") from error
        yield


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A folder that servers can enter which drop their rights (nginx's worker), and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second one must not stop what ends the proxies
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
