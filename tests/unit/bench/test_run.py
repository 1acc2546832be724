from __future__ import annotations

from pathlib import Path

import pytest
from bench.errors import BenchError
from bench.measure import FULL, QUICK
from bench.run import PAGE, pace_of, parse, the_only_one, working_folder


def test_quick_is_a_flag_or_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUICK", raising=False)
    assert pace_of(parse([])) == FULL
    assert pace_of(parse(["--quick"])) == QUICK
    monkeypatch.setenv("QUICK", "1")
    assert pace_of(parse([])) == QUICK


def test_rounds_and_seconds_can_be_said() -> None:
    pace = pace_of(parse(["--quick", "--rounds", "2", "--seconds", "1"]))

    assert (pace.rounds, pace.seconds, pace.warm_up) == (2, 1, QUICK.warm_up)


def test_two_runs_at_a_time_are_refused(tmp_path: Path) -> None:
    with the_only_one(tmp_path), pytest.raises(BenchError, match="another run"), the_only_one(tmp_path):
        pass
    with the_only_one(tmp_path):
        pass


def test_the_working_folder_can_be_entered_by_others_and_is_gone_afterwards() -> None:
    with working_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o755

    assert not folder.exists()


def test_the_page_has_a_place_for_results() -> None:
    assert "<!-- results: written by make bench -->" in PAGE.read_text()
