"""``portcullis demo`` as a person runs it: processes, sockets, signals, and the calls it prints."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portcullis.demo.calls import CALLS

DEMO = [sys.executable, "-m", "portcullis", "demo"]


class Demo:
    """A running demo on free ports; ``output`` is what it has printed up to the end of its instructions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = ("--port", "0", "--admin-port", "0", "--api-port", "0")
        self.process = subprocess.Popen(
            [*DEMO, *ports, "--directory", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.append(line.strip())
            if line.startswith("Ctrl-C"):
                break
        self.lines = lines

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def shell(self, line: str) -> str:
        exports = [text for text in self.lines if text.startswith("export ")]
        script = "\n".join([*exports, line])
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout

    def stop(self, number: int = signal.SIGINT) -> str:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return str(output)


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    demo = Demo(folder)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("shared")) as demo:
        yield demo


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running(tmp_path) as demo:
        yield demo


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_check_makes_every_call_and_passes_in_under_two_minutes() -> None:
    began = time.monotonic()
    done = subprocess.run([*DEMO, "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    for call in CALLS:
        assert f"✓ {call.name}" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed calls need curl, which is not installed")
def test_every_printed_call_does_what_it_says_when_pasted(shared: Demo) -> None:
    assert shared.process.poll() is None, "\n".join(shared.lines)
    printed = [line for line in shared.lines if line.startswith(("curl ", "for i in "))]
    gated = [line for line in printed if "/shop/v1" in line]
    assert len(gated) == len(CALLS)
    for call, line in zip(CALLS, gated, strict=True):
        answer = shared.shell(line)
        if call.times > 1:
            assert answer.split()[0] == "200"
            assert answer.split()[-1] == str(call.status)
            continue
        assert answer.startswith(f"HTTP/1.1 {call.status} "), f"{call.name}: {answer}"
        assert (f'"code":"{call.code}"' in answer) is bool(call.code)
    for call, line in zip(
        [call for call in CALLS if call.bare_status], [p for p in printed if p not in gated], strict=True
    ):
        assert shared.shell(line).startswith(f"HTTP/1.1 {call.bare_status} ")
    reasons = [line for line in shared.lines if line.startswith("tail ")]
    assert '"request_id"' in shared.shell(reasons[0])


def test_a_second_demo_in_the_same_folder_is_told_about_the_first(shared: Demo) -> None:
    second = subprocess.run(
        [*DEMO, "--api-port", "0", "--directory", str(shared.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "another demo is running" in second.stderr


def test_ctrl_c_stops_everything_it_started_and_nothing_is_left(demo: Demo) -> None:
    children = demo.children()
    assert len(children) == 2
    assert "Everything is stopped" in demo.stop()
    assert demo.process.returncode == 0
    assert all(map(is_gone, children))


def test_a_demo_whose_sample_api_dies_says_so_and_ends(demo: Demo) -> None:
    (api,) = [pid for pid in demo.children() if "bookshop" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(api, signal.SIGKILL)
    output, _ = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 1
    assert "sample API has ended by itself" in re.sub(r"\s+", " ", output)
