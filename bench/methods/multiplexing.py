"""CPU time a request, where requests come by HTTP/2: as in saturation, with several on each connection at a time."""

from __future__ import annotations

from dataclasses import replace

from bench.load import Load
from bench.measure import Runner
from bench.methods.saturation import SATURATION, Saturation
from bench.multiplexed import run_http2


class Multiplexing(Saturation):
    """Each round: a warm-up, then load by h2load between two readings of the clocks."""

    def load(self, runner: Runner, seconds: int) -> Load:
        """Keep a contender as busy as it can be."""
        h2load = self.bench.tools.need("h2load")
        return run_http2(h2load, runner.request, runner.ground.port, seconds, self.bench.cpus.load)


MULTIPLEXING = replace(SATURATION, session=Multiplexing)
