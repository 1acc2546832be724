"""The machine: which CPUs to use, what it is, and how busy others keep it."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.errors import BenchError


class Cpus(NamedTuple):
    """Who works where."""

    proxy: int
    load: int


def pick_cpus(allowed: Collection[int], siblings: Mapping[int, Collection[int]]) -> Cpus:
    """Choose a CPU for the proxies, and another for load and upstream.

    Args:
        allowed: CPUs that this process may use.
        siblings: of each CPU, those that share its core: two threads of one core slow each other, so they are the
            last choice.

    Raises:
        BenchError: there is only one CPU.

    """
    first, *others = sorted(allowed)
    if not others:
        raise BenchError("two CPUs are needed: one for the proxy, one for load and upstream")
    apart = [cpu for cpu in others if cpu not in siblings.get(first, ())]
    return Cpus(first, (apart or others)[0])


def parse_cpu_list(text: str) -> set[int]:
    """Read the kernel's way to write CPUs: ``0-2,8``."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        low, _, high = part.partition("-")
        cpus.update(range(int(low), int(high or low) + 1))
    return cpus


def cpus_of_this_machine() -> Cpus:
    """The choice for the CPUs this process may use; see :func:`pick_cpus`."""
    allowed = os.sched_getaffinity(0)
    siblings = {}
    for cpu in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings[cpu] = parse_cpu_list(path.read_text()) if path.exists() else {cpu}
    return pick_cpus(allowed, siblings)


def describe(cpus: Cpus) -> dict[str, object]:
    """What somebody must know to compare figures with another machine's."""
    info = _fields(Path("/proc/cpuinfo"))
    release = _fields(Path("/etc/os-release"), "=")
    memory = _fields(Path("/proc/meminfo"))["MemTotal"].split()[0]
    return {
        "cpu": info.get("model name", platform.machine()),
        "cpus": os.cpu_count(),
        "virtual": "hypervisor" in info.get("flags", ""),
        "memory_gib": round(int(memory) / 2**20, 1),
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "").strip('"'),
        "python": platform.python_version(),
        "proxy_cpu": cpus.proxy,
        "load_cpu": cpus.load,
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def busy_ns(cpu: int, stat: str | None = None) -> int:
    """Nanoseconds that a CPU worked since boot, in ticks of usually 10 ms; what the host took away is left out.

    Args:
        cpu: its number.
        stat: text of ``/proc/stat``; read now if not given.

    """
    text = Path("/proc/stat").read_text() if stat is None else stat
    line = next(line for line in text.splitlines() if line.startswith(f"cpu{cpu} "))
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _fields(path: Path, separator: str = ":") -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        key, found, value = line.partition(separator)
        if found:
            fields.setdefault(key.strip(), value.strip())
    return fields
