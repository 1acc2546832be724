from __future__ import annotations

from pathlib import Path

import pytest
from bench.errors import BenchError
from bench.load import HOST, Request
from bench.open_loop import Latencies, parse_log, percentile, run_h2load, with_omitted
from rows import rows

# What h2load would log, if its clock began at 5 s: when a request left, the status of its answer, how long it took.
LOG = ["5000000\t200\t80\n", "5900000\t500\t90\n", "6000000\t200\t100\n", "6500000\t-1\t110\n", "7000000\t200\t120\n"]


def test_only_requests_that_left_in_the_window_count_by_their_time_since_the_first() -> None:
    found = parse_log(LOG, begin=1.0, end=2.0, cpu_seconds=0.5)

    assert found == Latencies([100, 110], {200: 1, -1: 1}, 1.0, 0.5)


def test_a_log_without_a_request_in_the_window_is_an_error() -> None:
    with pytest.raises(BenchError, match="no request after the warm-up"):
        parse_log(LOG, begin=3.0, end=4.0)
    with pytest.raises(BenchError, match="no request after the warm-up"):
        parse_log([], begin=0.0, end=4.0)


def test_requests_that_were_due_while_their_connection_waited_count_with_what_they_would_have_waited() -> None:
    assert with_omitted([5, 10, 35], interval=10) == [5, 10, 35, 25, 15]


@rows(("share", "value"), [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_one_value_is_all_its_percentiles() -> None:
    assert percentile([7], 0.5) == percentile([7], 0.99) == 7


def fake(tmp_path: Path, script: str) -> Path:
    """A program in h2load's place that keeps its arguments."""
    program = tmp_path / "h2load"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n{script}\n')
    program.chmod(0o755)
    return program


def call(program: Path, tmp_path: Path) -> Latencies:
    request = Request("POST", "/orders", {"X-A": "1"}, "a body")
    log = tmp_path / "latencies.tsv"
    log.write_text("what an earlier round left\n")
    return run_h2load(program, request, 18080, rate=1000, connections=10, seconds=2, warm_up=1, log=log, cpu=0)


def test_the_rate_is_shared_by_connections_that_open_one_after_the_other(tmp_path: Path) -> None:
    rows = r"\n".join(f"{number * 1000}\\t200\\t{number}" for number in range(3000))
    found = call(fake(tmp_path, f"printf '{rows}\\n' > {tmp_path}/latencies.tsv"), tmp_path)
    arguments = (tmp_path / "arguments").read_text().splitlines()

    assert {"--h1", "-c10", "-r1", "--rate-period=1ms", "-n3000", "--rps=100.0000"} <= set(arguments)
    assert {f":authority: {HOST}", "X-A: 1"} <= set(arguments)
    assert arguments[-1] == "http://127.0.0.1:18080/orders"
    assert Path(arguments[arguments.index("-d") + 1]).read_text() == "a body"
    assert found.seconds == pytest.approx(1.99)
    assert found.microseconds == list(range(1010, 3000))


def test_the_last_words_of_a_failed_run_are_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="h2load ended with 3: no such host"):
        call(fake(tmp_path, "echo no such host >&2; exit 3"), tmp_path)
