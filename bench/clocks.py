"""All clocks at one moment, and what went by between two of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bench.machine import Cpus, busy_ns
from bench.processes import Entry, Program, Usage
from bench.results import Window


@dataclass(frozen=True, slots=True)
class Clocks:
    """All clocks at one moment."""

    moment: float
    proxy: Usage
    upstream: Usage
    busy: Cpus
    """Nanoseconds of work of each of the two CPUs, whoever did it."""

    @classmethod
    def read(cls, cpus: Cpus, proxy: Program, upstream: Program) -> Clocks:
        """Read them now."""
        busy = Cpus(busy_ns(cpus.proxy), busy_ns(cpus.load))
        return cls(time.perf_counter(), proxy.usage(), upstream.usage(), busy)

    def since(self, earlier: Clocks, load_cpu_seconds: float) -> Window:
        """What went by since ``earlier``, in which the load generator used so much CPU time.

        Raises:
            StartError: a process of the proxy ended meanwhile.

        """
        cpu_ns = name_processes(self.proxy.since(earlier.proxy))
        upstream_ns = sum(self.upstream.since(earlier.upstream).values())
        return Window(
            wall_seconds=self.moment - earlier.moment,
            cpu_ns=cpu_ns,
            others_ns=self.busy.proxy - earlier.busy.proxy - sum(cpu_ns.values()),
            others_on_load_ns=self.busy.load - earlier.busy.load - upstream_ns - int(load_cpu_seconds * 1e9),
        )


def name_processes(used: Mapping[Entry, int]) -> dict[str, int]:
    """CPU time by name of process, numbered in order of birth where several have one name."""
    total = Counter(entry.name for entry in used)
    seen: Counter[str] = Counter()
    named = {}
    for entry, nanoseconds in sorted(used.items(), key=lambda item: (item[0].id.started, item[0].id.pid)):
        seen[entry.name] += 1
        named[f"{entry.name} {seen[entry.name]}" if total[entry.name] > 1 else entry.name] = nanoseconds
    return named
