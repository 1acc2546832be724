from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.load import Load
from bench.methods import saturation
from bench.methods.saturation import SATURATION, check_load
from bench.results import Window
from rows import rows


@rows(
    ("load", "refused", "good"),
    [
        (Load(10, 1, refused=0, broken=0), False, True),
        (Load(10, 1, refused=10, broken=0), True, True),
        (Load(10, 1, refused=1, broken=0), False, False),
        (Load(10, 1, refused=9, broken=0), True, False),
        (Load(10, 1, refused=0, broken=1), False, False),
        (Load(0, 1, refused=0, broken=0), False, False),
    ],
)
def test_one_unexpected_answer_spoils_a_round(load: Load, refused: bool, good: bool) -> None:
    if good:
        check_load(load, refused=refused)
    else:
        with pytest.raises(VerifyError):
            check_load(load, refused=refused)


def test_the_figure_is_the_cpu_time_of_all_processes_by_the_answers(fake: Any, session: Any) -> None:
    fake.loads = [Load(500, 1.0, refused=0, broken=0), Load(1000, 2.0, refused=0, broken=0)]
    fake.windows = [Window(2.5, {"a": 15_000_000, "b": 5_000_000}, 0)]
    begun, (contender,) = session(SATURATION, "a")

    taken = begun.take(contender)

    assert taken.figure == pytest.approx(20)
    assert taken.details == {"requests_per_second": 500, "busy": pytest.approx(0.008)}


def test_refusals_are_what_a_case_of_refusals_expects(fake: Any, session: Any) -> None:
    fake.loads = [Load(5, 1.0, refused=5, broken=0), Load(5, 1.0, refused=5, broken=0)] * 2
    fake.windows = [Window(1.0, {"a": 1}, 0)] * 2
    begun, (contender,) = session(SATURATION, "a", status=401)
    begun.take(contender)

    begun, (contender,) = session(SATURATION, "a", status=200)
    with pytest.raises(VerifyError):
        begun.take(contender)


def test_lines_of_the_log_are_counted_against_the_answers_of_all_rounds(
    fake: Any, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [8, 12]
    monkeypatch.setattr(saturation, "take_lines", lambda _log: lines.pop(0))
    fake.setup = replace(fake.setup, access_log=tmp_path / "access.jsonl")
    fake.loads = [Load(5, 1.0, refused=0, broken=0)] * 4
    fake.windows = [Window(1.0, {"a": 1}, 0)] * 2
    begun, (contender,) = session(SATURATION, "a")

    assert [begun.take(contender).details["logged"] for _ in range(2)] == [0.8, 1.0]
