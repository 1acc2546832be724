"""Fuzz with atheris: ``scripts/fuzz.py [--seconds 60] [harness ...]``; the time is shared by the harnesses.

A harness is ``tests/fuzz/fuzz_<what>.py``. Each begins with its committed corpus (``tests/fuzz/corpus/<harness>``) and
with what earlier runs found (``build/fuzz/<harness>/corpus``). An input that makes it fail is kept in
``build/fuzz/<harness>``, and how to run it again is printed; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("tests/fuzz")
BUILD = Path("build/fuzz")
LONGEST_RUN_SECONDS = 10
MEMORY_MIB = 2048
SHOWN_LINES = 40

_DONE = re.compile(r"Done ([0-9]+) runs in ([0-9]+) second")
_COVERED = re.compile(r"cov: ([0-9]+)")
_KEPT = re.compile(r"Test unit written to (\S+)")
_MARKS = ("=== Uncaught Python exception", "ERROR: libFuzzer", "Test unit written")


def harnesses(root: Path) -> list[str]:
    """The names of all harnesses."""
    return sorted(path.stem for path in (root / FOLDER).glob("fuzz_*.py"))


def command(root: Path, harness: str, seconds: int) -> list[str]:
    """What fuzzes ``harness``, to be run in ``root``; makes the folders that it needs."""
    found, build = BUILD / harness / "corpus", BUILD / harness
    committed = FOLDER / "corpus" / harness
    (root / found).mkdir(parents=True, exist_ok=True)
    words = root / FOLDER / f"{harness}.dict"
    return [
        *(sys.executable, str(FOLDER / "run_harness.py"), harness, str(found)),
        *([str(committed)] if (root / committed).is_dir() else []),
        *([f"-dict={FOLDER / words.name}"] if words.is_file() else []),
        f"-max_total_time={seconds}",
        f"-timeout={LONGEST_RUN_SECONDS}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-artifact_prefix={build}/",
        "-max_len=4096",
        "-reload=0",
    ]


def failure(harness: str, output: str) -> str:
    """What went wrong, as ``output`` of the run has it, and how to see it again."""
    kept = _KEPT.search(output)
    if kept is None:
        return "\n".join([f"{harness} could not run:", *output.splitlines()[-SHOWN_LINES:]])
    lines = output[output.index(next(mark for mark in _MARKS if mark in output)) :].splitlines()[:SHOWN_LINES]
    again = f"{sys.executable} {FOLDER / 'run_harness.py'} {harness} {kept[1]}"
    return "\n".join(
        [f"{harness} failed:", *lines, "", f"The input is kept in {kept[1]}. To run it again:", f"  {again}"]
    )


def fuzz(root: Path, harness: str, seconds: int) -> bool:
    """Fuzz one harness for ``seconds``, and print what came of it; whether it found nothing."""
    done = subprocess.run(
        command(root, harness, seconds),
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    (root / BUILD / harness / "log.txt").write_text(done.stdout, encoding="utf-8")
    runs = _DONE.search(done.stdout)
    if done.returncode or runs is None:
        print(failure(harness, done.stdout), flush=True)
        return False
    covered = _COVERED.findall(done.stdout)
    print(f"{harness}: {int(runs[1]):,} runs in {runs[2]} s, {covered[-1] if covered else 0} branches", flush=True)
    return True


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Fuzz each harness in turn; 1 if any failed."""
    known = harnesses(root)
    parser = argparse.ArgumentParser(description="Fuzz with atheris.")
    parser.add_argument("harness", nargs="*", help=f"of {', '.join(known)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for all of them together")
    options = parser.parse_args(arguments)
    unknown = set(options.harness) - set(known)
    if unknown:
        parser.error(f"no such harness: {', '.join(sorted(unknown))}")
    chosen = options.harness or known
    share = max(1, options.seconds // len(chosen))
    failed = sum(not fuzz(root, name, share) for name in chosen)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
