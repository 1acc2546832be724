"""What a connection that waits for its next request costs in memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from bench.errors import VerifyError
from bench.load import HOST
from bench.measure import Runner, Session
from bench.model import Contender, Method
from bench.processes import last_lines, running_on
from bench.programs import idle_client
from bench.results import Round

CONNECTIONS = 9_000
SECURE_CONNECTIONS = 5_000
"""Those over TLS: a client keeps more of each than a proxy does."""
WARM_UP_CONNECTIONS = 200
"""Opened and closed before memory is looked at first, so that only what connections need counts."""
SETTLE_SECONDS = 1.0
CLIENT_SECONDS = 120


class Idle(Session):
    """One round: memory, then all connections are opened and each makes its call, then memory again.

    The figure is the proportional set size (``/proc/<pid>/smaps_rollup``) of all processes of the proxy; what the
    kernel holds for the sockets is not in it.
    """

    def take(self, contender: Contender) -> Round:
        """The round."""
        runner = self.runners[contender.name]
        with IdleClient(runner, WARM_UP_CONNECTIONS, self.bench.cpus.load) as client:
            client.check()
        time.sleep(SETTLE_SECONDS)
        before = runner.program.pss()
        connections = SECURE_CONNECTIONS if runner.setup.secure else CONNECTIONS
        with IdleClient(runner, connections, self.bench.cpus.load) as client:
            time.sleep(SETTLE_SECONDS)
            after = runner.program.pss()
            client.check()
        return Round((after - before) / connections, details={"before_bytes": before, "after_bytes": after})


class IdleClient:
    """A client of its own process, whose connections are open when the block begins; see ``programs/idle_client.py``.

    Raises:
        VerifyError: not all could be opened, or made their call.

    """

    def __init__(self, runner: Runner, connections: int, cpu: int):
        argv = [sys.executable, str(Path(idle_client.__file__)), str(runner.ground.port), runner.request.path]
        argv += [HOST, str(connections), str(CLIENT_SECONDS), "tls" if runner.setup.secure else "plain"]
        with running_on(cpu):
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

    def __enter__(self) -> Self:
        self._expect("open")
        return self

    def check(self) -> None:
        """Use some of the connections once more; VerifyError if one of them is gone."""
        self._tell("check\n")
        self._expect("alive")

    def __exit__(self, *_exc: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _expect(self, word: str) -> None:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line.strip() != word:
            raise VerifyError(f"the client of idle connections failed: {self._why()}")

    def _why(self) -> str:
        try:
            errors = self._process.communicate(timeout=1)[1]
        except subprocess.TimeoutExpired:
            self._process.kill()
            errors = self._process.communicate()[1]
        if self._process.returncode == -signal.SIGALRM:
            return f"it was not done in {CLIENT_SECONDS} s"
        return last_lines(errors) or f"it ended with status {self._process.returncode}"


IDLE = Method(title="bytes of memory an idle connection", session=Idle, digits=0, once=True)
