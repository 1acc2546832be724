"""CPU time a message of WebSockets that goes to the service and comes back."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import feed
from bench.errors import VerifyError
from bench.load import CONNECTIONS, HOST
from bench.measure import START_SECONDS, Bench, Runner, Session
from bench.model import Case, Contender, Method
from bench.peers import Setup
from bench.processes import Program, free_port, run_client
from bench.programs import echo_service, message_client
from bench.results import Round

MESSAGES = 40_000
"""Those of one round."""
WARM_UP_MESSAGES = 8_000
CLIENT_SECONDS = 120
REFUSED = 1008
"""The close code of a session in which a message was against the rules (RFC 6455 7.4.1)."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What the client says."""

    seconds: float
    cpu_seconds: float
    close_code: int


class Messaging(Session):
    """Each round: some sessions, in each of which one message is on its way; a warm-up, then so many in all."""

    def __init__(self, bench: Bench, case: Case, stack: contextlib.ExitStack):
        super().__init__(bench, case, stack)
        self.upstream_port = free_port()
        folder = bench.ground(f"{case.name}-echo", Path(sys.executable), 0).folder
        argv = [sys.executable, str(Path(echo_service.__file__)), str(self.upstream_port)]
        self._upstream = stack.enter_context(Program("the echo service", argv, [bench.cpus.load], folder))
        self._upstream.wait_for_port(self.upstream_port, START_SECONDS)

    def start(self, contender: Contender) -> Setup:
        """Start and verify it; messages that its setup is to refuse must end the session."""
        setup = super().start(contender)
        runner = self.runners[contender.name]
        for title, text in setup.refused_messages.items():
            code = self._exchange(runner, 1, text, sessions=1).close_code
            if code != REFUSED:
                raise VerifyError(f"{title}: the session was closed with {code or 'nothing'}, expected {REFUSED}")
        return setup

    def take(self, contender: Contender) -> Round:
        """One round."""
        runner = self.runners[contender.name]
        self._exchange_all(runner, WARM_UP_MESSAGES)
        before = self.bench.clocks(runner, self._upstream)
        done = self._exchange_all(runner, MESSAGES)
        window = self.bench.clocks(runner, self._upstream).since(before, done.cpu_seconds)
        details = {"messages_per_second": MESSAGES / done.seconds, "busy": window.busy}
        return Round(window.cpu_us / MESSAGES, window, details)

    def _exchange_all(self, runner: Runner, messages: int) -> Exchanged:
        done = self._exchange(runner, messages, feed.message())
        if done.close_code:
            raise VerifyError(f"a session was closed with {done.close_code}")
        return done

    def _exchange(self, runner: Runner, messages: int, text: str, sessions: int = CONNECTIONS) -> Exchanged:
        asked = (runner.ground.port, HOST, runner.request.path, sessions, messages, text)
        return Exchanged(**run_client("the client", message_client, asked, self.bench.cpus.load, CLIENT_SECONDS))


MESSAGING = Method(
    title="CPU microseconds a message, there and back",
    session=Messaging,
    details={"messages_per_second": "messages/s", "busy": "busy %"},
    saturates=True,
)
