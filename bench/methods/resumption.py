"""CPU time a TLS connection whose session is resumed: its handshake, one call, its end."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import VerifyError
from bench.load import HOST
from bench.measure import Runner, Session
from bench.model import Contender, Method
from bench.processes import run_client
from bench.programs import resuming_client
from bench.results import Round

CONNECTIONS = 500
"""Those of one round."""
WARM_UP_CONNECTIONS = 50
CLIENT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Connected:
    """What the client says."""

    resumed: int
    seconds: float
    cpu_seconds: float


class Resumption(Session):
    """Each round: a warm-up, then so many connections one after the other, all but the first of which resume.

    The client needs more of its CPU than the proxies do of theirs: these wait for it, and waking up is in the figure.
    """

    def take(self, contender: Contender) -> Round:
        """One round."""
        runner = self.runners[contender.name]
        self._connect(runner, WARM_UP_CONNECTIONS)
        before = self.bench.clocks(runner)
        done = self._connect(runner, CONNECTIONS)
        window = self.bench.clocks(runner).since(before, done.cpu_seconds)
        if done.resumed != CONNECTIONS - 1:
            raise VerifyError(f"{done.resumed} of {CONNECTIONS} sessions were resumed, expected all but the first")
        return Round(window.cpu_us / CONNECTIONS, window, {"connections_per_second": CONNECTIONS / done.seconds})

    def _connect(self, runner: Runner, connections: int) -> Connected:
        asked = (runner.ground.port, runner.request.path, HOST, connections)
        return Connected(**run_client("the client", resuming_client, asked, self.bench.cpus.load, CLIENT_SECONDS))


RESUMPTION = Method(
    title="CPU microseconds a resumed TLS connection",
    session=Resumption,
    digits=0,
    details={"connections_per_second": "connections/s"},
)
