from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.errors import BenchError, VerifyError
from bench.load import Load
from bench.methods import latency
from bench.methods.latency import LATENCY
from bench.model import OURS
from bench.open_loop import Latencies
from bench.results import Window

CAPACITY = [Load(1, 1.0, refused=0, broken=0), Load(4000, 2.0, refused=0, broken=0)]
WINDOW = Window(2.0, {"a": 1_000_000_000}, 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What h2load was asked for; it answers 1,000 requests a second, two in a hundred of them slowly."""
    calls: list[dict[str, Any]] = []

    def run(*_: Any, **options: Any) -> Latencies:
        calls.append(options)
        return Latencies([100] * 980 + [900] * 20, {200: 1000}, 1.0, 0.1)

    monkeypatch.setattr(latency, "run_h2load", run)
    return calls


def test_everybody_gets_half_of_what_ours_can_take(fake: Any, session: Any, asked: list[dict[str, Any]]) -> None:
    fake.loads, fake.windows = list(CAPACITY), [WINDOW] * 2
    begun, contenders = session(LATENCY, "envoy", OURS)

    taken = [begun.take(contender) for contender in contenders]

    assert [each["rate"] for each in asked] == [1000, 1000]
    assert asked[0]["connections"] == 13
    assert taken[0].figure == 900
    assert taken[0].details == {"p50_us": 100, "requests_per_second": 1000, "busy": 0.5, "omitted": 0}
    assert fake.said == ["a-case: everybody gets 1,000 requests a second"]


def test_without_ours_there_is_no_rate(fake: Any, session: Any) -> None:
    begun, (contender,) = session(LATENCY, "envoy")

    with pytest.raises(BenchError, match="ours is left out"):
        begun.take(contender)


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (Latencies([100] * 999, {200: 998, -1: 1}, 1.0), "of 999 answers 1 had"),
        (Latencies([100] * 900, {200: 900}, 1.0), "did not keep up: 900 of 1,000"),
    ],
)
def test_failures_and_falling_behind_spoil_a_round(
    fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch, found: Latencies, complaint: str
) -> None:
    monkeypatch.setattr(latency, "run_h2load", lambda *_, **__: found)
    fake.loads, fake.windows = list(CAPACITY), [WINDOW]
    begun, (contender,) = session(LATENCY, OURS)

    with pytest.raises(VerifyError, match=complaint):
        begun.take(contender)


@pytest.mark.usefixtures("asked")
def test_the_access_log_is_emptied_so_that_the_disk_does_not_fill(fake: Any, session: Any, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    log.write_text("{}\n")
    fake.setup = replace(fake.setup, access_log=log)
    fake.loads, fake.windows = list(CAPACITY), [WINDOW]
    begun, (contender,) = session(LATENCY, OURS)

    begun.take(contender)

    assert log.stat().st_size == 0
