from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.errors import BenchError, StartError
from bench.processes import (
    Entry,
    ProcessId,
    Program,
    Usage,
    cpu_clock_ns,
    cpu_seconds,
    family,
    last_lines,
    parse_pss,
    parse_stat,
    precedence,
    process_table,
    running_on,
)

CPU = min(os.sched_getaffinity(0))


def entry(pid: int, parent: int, session: int = 0, started: int = 1) -> Entry:
    return Entry(ProcessId(pid, started), parent, session, f"p{pid}")


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_name_with_brackets_and_spaces_is_read_whole() -> None:
    fields = "S 7 42 43 0 -1 4194560 1 2 3 4 50 60 0 0 20 0 1 0 98765 1000"

    assert parse_stat(f"42 (a (b) c) {fields}") == Entry(ProcessId(42, 98765), 7, 43, "a (b) c")


def test_this_process_is_in_the_table() -> None:
    mine = next(each for each in process_table() if each.id.pid == os.getpid())

    assert mine.parent == os.getppid()
    assert mine.session == os.getsid(0)


def test_a_family_is_all_descendants_in_whatever_order_the_table_has_them() -> None:
    table = [entry(30, 20), entry(10, 1), entry(20, 10), entry(99, 1), entry(40, 99)]

    assert [each.id.pid for each in family(10, table)] == [10, 20, 30]


def test_an_orphan_of_the_session_and_its_children_belong_to_the_family() -> None:
    table = [entry(10, 1, 10), entry(20, 1, 10), entry(30, 20, 30)]

    assert [each.id.pid for each in family(10, table)] == [10, 20, 30]


def test_the_cpu_clock_is_that_of_the_kernel() -> None:
    before = time.process_time_ns()
    clock = cpu_clock_ns(os.getpid())

    assert before <= clock <= time.process_time_ns()


@pytest.mark.slow
def test_the_time_of_children_that_have_ended_counts_too() -> None:
    spend = "import time\nwhile time.process_time() < 0.05: pass"
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", spend], check=True)

    assert cpu_seconds(os.getpid()) - before >= 0.04


def test_memory_is_read_with_what_is_shared_counted_once() -> None:
    assert parse_pss("55e0-7ffd [rollup]\nRss:  9000 kB\nPss:  123 kB\nPss_Anon:  99 kB\n") == 123 * 1024


def test_usage_counts_a_new_process_from_its_birth() -> None:
    old, new = entry(1, 0), entry(2, 1)

    assert Usage({old: 150, new: 30}).since(Usage({old: 100})) == {old: 50, new: 30}


def test_usage_of_a_reused_pid_is_not_taken_for_the_old_process() -> None:
    with pytest.raises(StartError, match="1 of its processes ended"):
        Usage({entry(2, 1, started=9): 10}).since(Usage({entry(2, 1, started=5): 4}))


def test_what_is_started_inside_stays_on_its_cpu_and_we_go_back() -> None:
    before = os.sched_getaffinity(0)
    with running_on(CPU):
        assert os.sched_getaffinity(0) == {CPU}
        with running_on(*before):
            assert os.sched_getaffinity(0) == before

    assert os.sched_getaffinity(0) == before


def test_precedence_that_is_not_allowed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    with pytest.raises(BenchError, match="only root"), precedence():
        pass


def test_only_the_last_lines_of_a_long_complaint_are_told_without_its_frame() -> None:
    assert last_lines("Traceback\n  a\n  b\nValueError: c\n", 2) == "b\nValueError: c"
    assert last_lines("╭─ Error ─╮\n│ No such │\n╰─────────╯\n", 1) == "No such"


def test_a_program_ends_with_its_children_even_those_that_ignore_sigterm(tmp_path: Path) -> None:
    parent = """sh -c 'trap "" TERM; echo up; sleep 60' & sleep 60"""
    with Program("parent", ["sh", "-c", parent], [CPU], tmp_path) as program:
        wait_until(lambda: program.last_words() == "up")
        members = {each.id for each in program.members()}
        assert len(members) >= 2

    wait_until(lambda: not members & {each.id for each in process_table()})


@pytest.mark.slow
def test_a_program_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    failing = "import sys; sys.exit('no such file: x')"
    with (
        Program("failing", [sys.executable, "-c", failing], [CPU], tmp_path) as program,
        pytest.raises(StartError, match="failing ended with 1\nno such file: x"),
    ):
        program.wait_for_port(1, 10)


@pytest.mark.slow
def test_a_program_tells_the_memory_and_the_cpu_time_of_its_whole_family(tmp_path: Path) -> None:
    child = "import time; held = bytearray(b'x') * (30 << 20); print('up', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with Program("parent", [sys.executable, "-c", parent], [CPU], tmp_path) as program:
        wait_until(lambda: program.last_words() == "up")

        assert program.pss() > 30 << 20
        assert 0 < program.cpu_seconds() < 10


def test_what_a_program_prints_is_appended(tmp_path: Path) -> None:
    with Program("talker", ["sh", "-c", "echo one; sleep 60"], [CPU], tmp_path) as program:
        wait_until(lambda: program.last_words() == "one")
    with Program("talker", ["sh", "-c", "echo two; sleep 60"], [CPU], tmp_path) as program:
        wait_until(lambda: program.last_words() == "one\ntwo")
