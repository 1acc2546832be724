from __future__ import annotations

from pathlib import Path

import pytest
from bench.errors import BenchError
from bench.load import Load, Request
from bench.multiplexed import parse_summary, run_http2

SUMMARY = """\
Application protocol: h2

finished in 2.00s, 5000.00 req/s, 1.00MB/s
requests: 10000 total, 10032 started, 10000 done, 9990 succeeded, 10 failed, 3 errored, 2 timeout
status codes: 9990 2xx, 0 3xx, 4 4xx, 6 5xx
traffic: 2.00MB (2097152) total, 1.00MB (1048576) headers (space savings 50.00%), 0B (0) data
"""


def test_what_h2load_says_at_its_end_is_read() -> None:
    assert parse_summary(SUMMARY, 0.5) == Load(10000, 2.0, refused=10, broken=5, cpu_seconds=0.5)
    assert parse_summary(SUMMARY.replace("2.00s", "500.00ms")).seconds == 0.5


@pytest.mark.parametrize("line", ["Application", "finished", "requests", "status"])
def test_without_any_part_of_it_nothing_is_believed(line: str) -> None:
    cut = "\n".join(each for each in SUMMARY.splitlines() if not each.startswith(line))
    with pytest.raises(BenchError):
        parse_summary(cut)


def test_as_many_requests_as_with_wrk_are_under_way(tmp_path: Path) -> None:
    program = tmp_path / "h2load"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\ncat <<"E"\n{SUMMARY}E\n')
    program.chmod(0o755)
    assert run_http2(program, Request("GET", "/items", {"X-A": "1"}), 18080, 3, 0).requests == 10000
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:4] == ["-t1", "-c8", "-m4", "-D3"]
    assert arguments[4:] == ["-H", ":authority: shop.example", "-H", "X-A: 1", "https://127.0.0.1:18080/items"]


def test_a_failure_is_told(tmp_path: Path) -> None:
    program = tmp_path / "h2load"
    program.write_text("#!/bin/sh\necho no such host >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(BenchError, match="h2load ended with 1: no such host"):
        run_http2(program, Request("GET", "/", {}), 18080, 1, 0)
