"""CPU time a mebibyte of bodies that only pass through, in both directions."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import films
from bench.load import HOST
from bench.measure import START_SECONDS, Bench, Runner, Session
from bench.model import Case, Contender, Method
from bench.processes import Program, free_port, run_client
from bench.programs import bulk_client, bulk_upstream
from bench.results import Round

TIMES = 4
"""Transfers in each direction a round."""
TRANSFER_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Transfers:
    """What the client says of itself."""

    seconds: float
    cpu_seconds: float


class Streaming(Session):
    """Each round: so many bodies sent, so many fetched, one after the other on one connection."""

    def __init__(self, bench: Bench, case: Case, stack: contextlib.ExitStack):
        super().__init__(bench, case, stack)
        self.upstream_port = free_port()
        folder = bench.ground("bulk-upstream", Path(sys.executable), 0).folder
        argv = [sys.executable, str(Path(bulk_upstream.__file__)), str(self.upstream_port), str(films.MEBIBYTES)]
        self._upstream = stack.enter_context(Program("the server of films", argv, [bench.cpus.load], folder))
        self._upstream.wait_for_port(self.upstream_port, START_SECONDS)

    def take(self, contender: Contender) -> Round:
        """One round."""
        runner = self.runners[contender.name]
        self._transfer(runner, "send", 1)
        begin = self.bench.clocks(runner, self._upstream)
        up = self._transfer(runner, "send", TIMES)
        turn = self.bench.clocks(runner, self._upstream)
        down = self._transfer(runner, "fetch", TIMES)
        end = self.bench.clocks(runner, self._upstream)
        mebibytes = TIMES * films.MEBIBYTES
        window = end.since(begin, up.cpu_seconds + down.cpu_seconds)
        details = {
            "up_us": turn.since(begin, up.cpu_seconds).cpu_us / mebibytes,
            "down_us": end.since(turn, down.cpu_seconds).cpu_us / mebibytes,
            "up_mib_per_second": mebibytes / up.seconds,
            "down_mib_per_second": mebibytes / down.seconds,
        }
        return Round(window.cpu_us / (2 * mebibytes), window, details)

    def _transfer(self, runner: Runner, direction: str, times: int) -> Transfers:
        asked = (runner.ground.port, HOST, films.PATH, direction, films.MEBIBYTES, times)
        return Transfers(**run_client(direction, bulk_client, asked, self.bench.cpus.load, TRANSFER_SECONDS))


STREAMING = Method(
    title="CPU microseconds a MiB",
    session=Streaming,
    digits=0,
    details={
        "up_us": "up",
        "down_us": "down",
        "up_mib_per_second": "up MiB/s",
        "down_mib_per_second": "down MiB/s",
    },
)
