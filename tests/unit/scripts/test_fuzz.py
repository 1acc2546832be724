"""Fuzzing: each harness gets its share, and what one finds is kept and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = """
import sys
name, *arguments = sys.argv[1:]
if "bad" in name:
    print(" === Uncaught Python exception: ===\\nKeyError: 7\\n; Test unit written to build/fuzz/x/crash-1")
    sys.exit(77)
if "broken" in name:
    sys.exit("no such module")
print("#9 cov: 12 ft: 3\\n#10 DONE cov: 34 ft: 5\\nDone 1000 runs in 3 second(s)", arguments)
"""


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("fuzz")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose harnesses do what their names say."""
    folder = tmp_path / "tests" / "fuzz"
    (folder / "corpus" / "fuzz_good").mkdir(parents=True)
    (folder / "run_harness.py").write_text(RUNNER)
    (folder / "fuzz_good.py").touch()
    (folder / "fuzz_good.dict").touch()
    return tmp_path


def test_harnesses_are_found(script: ModuleType) -> None:
    assert script.harnesses(script.ROOT) == [
        "fuzz_bodies",
        "fuzz_http2",
        "fuzz_openapi",
        "fuzz_request_path",
        "fuzz_response_path",
    ]


def test_a_run_begins_with_what_is_committed_and_what_was_found(script: ModuleType, root: Path) -> None:
    words = script.command(root, "fuzz_good", 7)
    assert words[1:5] == [
        "tests/fuzz/run_harness.py",
        "fuzz_good",
        "build/fuzz/fuzz_good/corpus",
        "tests/fuzz/corpus/fuzz_good",
    ]
    assert {"-max_total_time=7", "-dict=tests/fuzz/fuzz_good.dict", "-artifact_prefix=build/fuzz/fuzz_good/"} <= {
        *words
    }
    assert (root / "build/fuzz/fuzz_good/corpus").is_dir()


def test_what_was_run_is_told(script: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--seconds", "10"], root) == 0
    assert capsys.readouterr().out == "fuzz_good: 1,000 runs in 3 s, 34 branches\n"
    assert "-max_total_time=10" in (root / "build/fuzz/fuzz_good/log.txt").read_text()


def test_the_time_is_shared(script: ModuleType, root: Path) -> None:
    (root / "tests/fuzz/fuzz_other.py").touch()
    assert script.main(["--seconds", "10"], root) == 0
    for name in ("fuzz_good", "fuzz_other"):
        assert "-max_total_time=5" in (root / "build/fuzz" / name / "log.txt").read_text()


def test_what_fails_is_kept_and_told_and_the_others_still_run(
    script: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "tests/fuzz/fuzz_bad.py").touch()
    assert script.main([], root) == 1
    told = capsys.readouterr().out
    assert told.startswith("fuzz_bad failed:\n=== Uncaught Python exception: ===\nKeyError: 7\n")
    assert "The input is kept in build/fuzz/x/crash-1." in told
    assert "tests/fuzz/run_harness.py fuzz_bad build/fuzz/x/crash-1" in told
    assert "fuzz_good: 1,000 runs" in told


def test_what_can_not_run_fails(script: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "tests/fuzz/fuzz_broken.py").touch()
    assert script.main(["fuzz_broken"], root) == 1
    assert "fuzz_broken could not run:\nno such module" in capsys.readouterr().out


def test_an_unknown_harness_is_named(script: ModuleType, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["fuzz_nothing"], root)
    assert "no such harness: fuzz_nothing" in capsys.readouterr().err
