from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.methods.resumption import CONNECTIONS, RESUMPTION, WARM_UP_CONNECTIONS, Connected, Resumption
from bench.results import Window

WINDOW = Window(wall_seconds=1.0, cpu_ns={"proxy": 500_000_000}, others_ns=0)


def test_the_figure_is_the_time_of_all_connections_by_their_number(
    fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def connect(_session: Any, _runner: Any, connections: int) -> Connected:
        asked.append(connections)
        return Connected(CONNECTIONS - 1, 2.0, 1.0)

    monkeypatch.setattr(Resumption, "_connect", connect)
    begun, (contender,) = session(RESUMPTION, "a")
    fake.windows = [WINDOW]
    taken = begun.take(contender)
    assert taken.figure == 500_000.0 / CONNECTIONS
    assert taken.details["connections_per_second"] == CONNECTIONS / 2.0
    assert asked == [WARM_UP_CONNECTIONS, CONNECTIONS]


def test_a_session_that_was_not_resumed_is_an_error(fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Resumption, "_connect", lambda *_: Connected(CONNECTIONS - 2, 2.0, 1.0))
    begun, (contender,) = session(RESUMPTION, "a")
    fake.windows = [WINDOW]
    with pytest.raises(VerifyError, match=f"{CONNECTIONS - 2} of {CONNECTIONS} sessions were resumed"):
        begun.take(contender)


def test_a_client_that_fails_is_an_error(fake: Any, session: Any) -> None:
    fake.cpus = SimpleNamespace(load=min(os.sched_getaffinity(0)))
    begun, _ = session(RESUMPTION, "a")
    runner = SimpleNamespace(ground=SimpleNamespace(port=1), request=SimpleNamespace(path="/"))
    with pytest.raises(VerifyError, match="ConnectionRefusedError"):
        begun._connect(runner, 1)
