from __future__ import annotations

from typing import Any

import pytest
from bench.load import Load
from bench.methods import multiplexing
from bench.methods.multiplexing import MULTIPLEXING
from bench.results import Window


def test_the_load_comes_by_http2(fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(_h2load: Any, request: Any, port: int, seconds: int, cpu: int) -> Load:
        asked.append((request.path, port, seconds, cpu))
        return Load(1000, 2.0, refused=0, broken=0)

    monkeypatch.setattr(multiplexing, "run_http2", run)
    fake.windows = [Window(2.5, {"a": 20_000_000}, 0)]
    begun, (contender,) = session(MULTIPLEXING, "a")
    assert begun.take(contender).figure == pytest.approx(20)
    assert asked == [("/items", 18080, 1, 1), ("/items", 18080, 2, 1)]
