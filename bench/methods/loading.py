"""How long the gateway takes to be ready, from nothing and again, and how much memory all its processes then have."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.measure import Session
from bench.model import MEBIBYTE, Contender, Method
from bench.peers import Ground, Setup
from bench.processes import Program
from bench.results import Round
from bench.verify import verify_probe

READY_SECONDS = 600.0
SETTLE_SECONDS = 3.0
"""Until memory is looked at: what was only needed to get ready is given back."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start."""

    wall_seconds: float
    cpu_seconds: float
    """Of all processes, those included that helped and ended."""
    pss: int
    """Bytes, a little later."""


class Loading(Session):
    """One round: a start with an empty state directory, an end, and a start with what the first one left.

    Here the gateway may use both CPUs, since nothing else is at work.
    """

    def start(self, contender: Contender) -> Setup:
        """Write everything; the starts themselves are what is measured."""
        self._prepared = self.bench.prepare(self.case, contender, self.upstream_port)
        return self._prepared[1]

    def take(self, contender: Contender) -> Round:
        """Both starts."""
        ground, setup = self._prepared
        cold = self._start(contender, ground, setup)
        self.bench.progress(f"{self.case.name}: cold {cold.wall_seconds:.1f} s, now once more")
        again = self._start(contender, ground, setup)
        details = {
            "cold_cpu_seconds": cold.cpu_seconds,
            "again_seconds": again.wall_seconds,
            "again_cpu_seconds": again.cpu_seconds,
            "pss_mib": max(cold.pss, again.pss) / MEBIBYTE,
        }
        return Round(cold.wall_seconds, details=details)

    def _start(self, contender: Contender, ground: Ground, setup: Setup) -> Start:
        begun = time.perf_counter()
        with Program(contender.title, setup.argv, self.bench.cpus, ground.folder, setup.env) as program:
            program.wait_for_port(ground.port, READY_SECONDS)
            wall, cpu = time.perf_counter() - begun, program.cpu_seconds()
            for probe in setup.probes:
                verify_probe(ground.port, probe)
            time.sleep(SETTLE_SECONDS)
            return Start(wall, cpu, program.pss())


LOADING = Method(
    title="seconds until ready, from nothing",
    session=Loading,
    details={
        "cold_cpu_seconds": "CPU s",
        "again_seconds": "again s",
        "again_cpu_seconds": "again CPU s",
        "pss_mib": "PSS MiB",
    },
    once=True,
)
