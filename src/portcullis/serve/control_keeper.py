"""The supervisor's side of the control process: started, told what holds, started again when it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.ports import Counters
from portcullis.serve.announcer import Announcer
from portcullis.serve.backoff import Backoff, in_seconds
from portcullis.serve.control_settings import ControlSettings
from portcullis.serve.forking import fork_with_link
from portcullis.serve.link import Link, Message
from portcullis.serve.settling import settle
from portcullis.serve.signals import EventLoop

STOP_SECONDS: Final = 10.0
"""How long it may take to write what is left, once all workers have ended."""


class Control(msgspec.Struct, eq=False):
    """A control process. ``admin``: the sockets it serves; ``replaced``: it ends since it is to serve others."""

    process: int
    link: Link
    started: float
    admin: list[socket.socket]
    replaced: bool = False
    failure: Sequence[Diagnostic] = ()


class ControlKeeper:
    """Keeps one control process alive.

    ``forget``: called in a child, lets go of all that is the supervisor's but for the sockets it is given;
    ``counters``: those that it shares with the workers. ``control``: the process there is; ``start_at``: when the next
    one is due, if there is none; ``kill_at``: when one that was told to stop is killed; ``was_ready``: whether one has
    ever been.
    """

    def __init__(
        self,
        paths: StatePaths,
        announce: Announcer,
        loop: EventLoop,
        forget: Callable[[list[socket.socket]], None],
        counters: Counters,
    ) -> None:
        self.paths = paths
        self.announce = announce
        self.loop = loop
        self.forget = forget
        self.counters = counters
        self.control: Control | None = None
        self.start_at = 0.0
        self.kill_at: float | None = None
        self.was_ready = False
        self._backoff = Backoff()

    def start(self, settings: ControlSettings, admin: list[socket.socket], now: float) -> None:
        """Start one, to serve ``admin``."""

        def body(link: Link) -> None:
            self.forget(admin)
            # Only here: it needs more modules than all others together. Were they in memory that all share, they would
            # be there twice, since who uses a module writes to it (reference counts).
            from portcullis.serve.control_process import run_control  # noqa: PLC0415

            settle()
            run_control(settings, self.paths, admin, link, self.counters)

        try:
            process, link = fork_with_link("control", body)
        except OSError as error:
            self._start_later(f"it could not be started: {error.strerror}", 0.0, now)
            return
        self.control = Control(process, link, now, admin)
        self.loop.watch(link.fileno())

    def tell(self, generation: int, workers: int, settings: ControlSettings) -> None:
        """Which generation serves, and by what settings."""
        if self.control is not None:
            message = Message("generation", settings.encode(), generation=generation, workers=workers)
            self.control.link.send(message)

    def hear(self, descriptor: int) -> bool:
        """Take in what it says, if it was it who spoke."""
        if self.control is None or descriptor != self.control.link.fileno():
            return False
        self._receive(self.control)
        if self.control.link.closed:
            self.loop.unwatch(descriptor)
        return True

    def serve_admin(self, admin: list[socket.socket]) -> None:
        """Replace it if it does not serve these sockets: it can have only those there were when it was forked."""
        if self.control is not None and self.control.admin != admin:
            self.control.replaced = True
            self._signal(signal.SIGTERM)

    def ended(self, process: int, how: str, now: float) -> Sequence[Diagnostic] | None:
        """Take in that a process has ended: if it was this one, what it said was the reason."""
        control = self.control
        if control is None or control.process != process:
            return None
        self._receive(control)
        self.loop.unwatch(control.link.fileno())
        control.link.close()
        self.control = None
        if control.replaced:
            self.start_at = now
        elif self.was_ready and self.kill_at is None:
            why = "; ".join(diagnostic.message for diagnostic in control.failure) or how
            self._start_later(why, now - control.started, now)
        return control.failure

    def retire(self) -> None:
        """The gateway is about to stop: it wants no new calls."""
        if self.control is not None:
            self.control.link.send(Message("retire"))

    def stop(self, now: float) -> None:
        """End it, and by force if it has not ended in good time."""
        if self.kill_at is None:
            self.kill_at = now + STOP_SECONDS
            self._signal(signal.SIGTERM)
        elif now >= self.kill_at:
            self._signal(signal.SIGKILL)

    def _receive(self, control: Control) -> None:
        for message in control.link.receive():
            if message.word == "failed":
                control.failure = message.diagnostics
            elif message.word == "ready":
                self.was_ready = True

    def _start_later(self, why: str, lived: float, now: float) -> None:
        pause = self._backoff.after(lived)
        self.start_at = now + pause
        self.announce.note(f"the control process ended ({why}); it is being replaced{in_seconds(pause)}")

    def _signal(self, number: signal.Signals) -> None:
        if self.control is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.control.process, number)
