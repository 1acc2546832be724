from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.methods import streaming
from bench.methods.streaming import STREAMING, TIMES
from bench.results import Window


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, fake_program: type) -> list[list[str]]:
    """Arguments of the clients that were started; all take 2 s."""
    started: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        started.append(argv)
        return subprocess.CompletedProcess(argv, 0, json.dumps({"seconds": 2.0, "cpu_seconds": 0.5}), "")

    monkeypatch.setattr(streaming, "Program", fake_program)
    monkeypatch.setattr(subprocess, "run", run)
    return started


def test_the_figure_is_of_both_directions_and_each_is_told(fake: Any, session: Any, client: list[list[str]]) -> None:
    both, up, down = (Window(1.0, {"a": milliseconds * 1_000_000}, 0) for milliseconds in (800, 300, 500))
    fake.windows = [both, up, down]
    begun, (contender,) = session(STREAMING, "a")

    taken = begun.take(contender)

    assert [argv[-3] for argv in client] == ["send", "send", "fetch"]
    assert taken.figure == pytest.approx(800_000 / (200 * TIMES))
    assert taken.details == pytest.approx(
        {
            "up_us": 300_000 / (100 * TIMES),
            "down_us": 500_000 / (100 * TIMES),
            "up_mib_per_second": 50 * TIMES,
            "down_mib_per_second": 50 * TIMES,
        }
    )


def test_contenders_stand_in_front_of_a_server_of_films(session: Any, client: list[list[str]]) -> None:
    begun, _ = session(STREAMING, "a")

    assert begun.runners["a"].ground.upstream == begun.upstream_port != 7


def test_a_transfer_that_fails_is_told_with_its_direction(
    session: Any, client: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 1, "", "Traceback\nValueError: answered by 413, expected 204")

    begun, (contender,) = session(STREAMING, "a")
    monkeypatch.setattr(subprocess, "run", fail)

    with pytest.raises(VerifyError, match=r"send: .*\n?.*answered by 413"):
        begun.take(contender)
