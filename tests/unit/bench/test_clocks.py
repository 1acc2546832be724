from __future__ import annotations

from bench.clocks import Clocks, name_processes
from bench.machine import Cpus
from bench.processes import Entry, ProcessId, Usage

PROXY = Entry(ProcessId(9, 1), 0, 0, "p")
UPSTREAM = Entry(ProcessId(5, 1), 0, 0, "u")


def test_what_went_by_is_told_apart_by_who_used_it() -> None:
    before = Clocks(10.0, Usage({PROXY: 100}), Usage({UPSTREAM: 50}), Cpus(1_000, 2_000))
    after = Clocks(12.5, Usage({PROXY: 700}), Usage({UPSTREAM: 80}), Cpus(1_650, 5_000_002_130))

    window = after.since(before, load_cpu_seconds=5.0)

    assert window.wall_seconds == 2.5
    assert window.cpu_ns == {"p": 600}
    assert window.others_ns == 50
    assert window.others_on_load_ns == 100


def test_processes_of_one_name_are_numbered_by_birth() -> None:
    used = {
        Entry(ProcessId(9, 1), 0, 0, "p"): 10,
        Entry(ProcessId(5, 2), 9, 0, "p"): 20,
        Entry(ProcessId(6, 3), 9, 0, "q"): 30,
    }

    assert name_processes(used) == {"p 1": 10, "p 2": 20, "q": 30}
