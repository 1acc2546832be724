from __future__ import annotations

from typing import Any, Self

import pytest
from bench.load import Request
from bench.methods import loading
from bench.methods.loading import LOADING
from bench.peers import Probe, Setup


class FakeProgram:
    """A gateway whose memory shrinks and whose work gets less from start to start."""

    started: list[list[str]] = []

    def __init__(self, _title: str, argv: list[str], cpus: Any, *_rest: Any) -> None:
        assert len(cpus) == 2
        self.started.append(argv)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def wait_for_port(self, _port: int, _seconds: float) -> None:
        pass

    def cpu_seconds(self) -> float:
        return 40.0 / len(self.started)

    def pss(self) -> int:
        return (300 << 20) // len(self.started)


def test_a_round_is_two_starts_and_the_first_one_is_the_figure(
    fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [10.0, 60.0, 100.0, 105.0]
    asked: list[Probe] = []
    monkeypatch.setattr(FakeProgram, "started", [])
    monkeypatch.setattr(loading, "Program", FakeProgram)
    monkeypatch.setattr(loading, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(loading.time, "perf_counter", lambda: moments.pop(0))
    monkeypatch.setattr(loading, "verify_probe", lambda _port, probe: asked.append(probe))
    fake.setup = Setup(["gateway"], probes=(Probe("it serves", Request("GET", "/", {}), 404),), remarks=("a remark",))
    begun, (contender,) = session(LOADING, "a")

    taken = begun.take(contender)

    assert FakeProgram.started == [["gateway"], ["gateway"]]
    assert [probe.title for probe in asked] == ["it serves", "it serves"]
    assert taken.figure == 50.0
    assert taken.details == {
        "cold_cpu_seconds": 40.0,
        "again_seconds": 5.0,
        "again_cpu_seconds": 20.0,
        "pss_mib": 300.0,
    }
    assert begun.start(contender).remarks == ("a remark",)
