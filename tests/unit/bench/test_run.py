from __future__ import annotations

from pathlib import Path

import pytest
from bench.cases import CASES
from bench.errors import BenchError
from bench.measure import FULL, QUICK
from bench.model import OURS
from bench.results import CaseResult, Measured, Round
from bench.run import PAGE, chosen, pace_of, parse, the_only_one, working_folder, write_charts


def test_quick_is_a_flag_or_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUICK", raising=False)
    assert pace_of(parse([])) == FULL
    assert pace_of(parse(["--quick"])) == QUICK
    monkeypatch.setenv("QUICK", "1")
    assert pace_of(parse([])) == QUICK


def test_rounds_and_seconds_can_be_said() -> None:
    pace = pace_of(parse(["--quick", "--rounds", "2", "--seconds", "1"]))

    assert (pace.rounds, pace.seconds, pace.warm_up) == (2, 1, QUICK.warm_up)


def test_a_quick_run_leaves_out_cases_and_contenders_unless_they_are_asked_for() -> None:
    every = chosen(parse([]))
    quick = {case.name: {each.name for each in contenders} for case, contenders in chosen(parse(["--quick"]))}
    named = chosen(parse(["--quick", "--case", "load_200", "--case", "policy"]))

    assert all(contenders == case.contenders for case, contenders in every)
    assert "load_20000" in {case.name for case, _ in every}
    assert "load_20000" not in quick
    assert quick["policy"] == {"envoy", OURS}
    assert [case.name for case, _ in named] == ["policy", "load_200"]
    assert all(contenders == case.contenders for case, contenders in named)


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


def test_only_charts_of_what_was_measured_are_written(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "idle")

    write_charts([CaseResult(case, [Measured(OURS, "Portcullis", [Round(3_000.0)])])], tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["benchmark-idle.svg"]
