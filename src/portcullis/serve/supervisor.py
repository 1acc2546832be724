"""The supervisor: the one process that lives as long as the gateway does.

It does little, so that little can go wrong in it: it opens what must survive a reload (listening sockets, shared
memory), starts the other processes, starts them again when they die, and turns signals into reloads and stops.

Every turn of its loop takes in what has happened (signals, children that ended, messages) and only then does what is
due (:meth:`Supervisor._act`): nothing is started while there may still be news of what came before it.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.serve.announcer import Announcer
from portcullis.serve.backoff import Backoff, in_seconds
from portcullis.serve.capacity import max_connections, worker_count
from portcullis.serve.control_keeper import ControlKeeper
from portcullis.serve.control_settings import ControlSettings
from portcullis.serve.descriptors import raise_limit, shortage
from portcullis.serve.forking import ended_children, how_it_ended
from portcullis.serve.generations import GENERATIONS_AT_A_TIME, MAX_WORKERS, READY_SECONDS, Generation, Generations
from portcullis.serve.launcher import Launcher
from portcullis.serve.link import Message
from portcullis.serve.listening import ListeningSockets
from portcullis.serve.settling import settle
from portcullis.serve.signals import EventLoop
from portcullis.serve.state_directory import StateLock, placed_state, take_state
from portcullis.serve.template import KILL_AFTER_DRAIN, STOP_ACCEPTING
from portcullis.stores.shared_memory import SharedMemory

SESSION_KEYS_SECONDS: Final = 86_400.0
"""How long the keys are used by which TLS sessions are resumed: whoever gets one can read what went before (RFC 9325
7.3). They live as long as the contexts that a generation makes."""
SESSION_KEYS_RETRY_SECONDS: Final = 3_600.0
RETIRED_SECONDS: Final = 1.0
"""How long the workers of the generation before are waited for until a reload is announced."""


class Supervisor:
    """Runs a gateway until SIGTERM or SIGINT. ``load`` reads the configuration ``file``, as it is now.

    ``workers`` overrides the number in the file. What is worth a word is told to ``announce``.
    """

    loop: EventLoop
    loaded: LoadedConfiguration
    paths: StatePaths
    lock: StateLock
    control: ControlKeeper
    launcher: Launcher
    shared: SharedMemory

    def __init__(
        self, file: Path, load: Callable[[], LoadedConfiguration], announce: Announcer, workers: int | None = None
    ) -> None:
        self.file = file
        self.load = load
        self.announce = announce
        self.forced_workers = workers
        self.sockets = ListeningSockets()
        self.generations = Generations()
        self.numbered = 0
        self.served = False
        self.template_at = 0.0
        self.template_backoff = Backoff()
        self.reload_wanted = False
        self.reload_waits = False
        self.new_session_keys_at = math.inf
        self.replaced: Generation | None = None
        self.replaced_by = 0.0
        self.room = 0
        self.status = 0
        self.stop_until: float | None = None
        self.refuse_at: float | None = None

    def run(self) -> int:
        """Serve; returns the exit status: 0 after a stop that was asked for, 2 if the configuration can't be used.

        Raises :class:`ConfigurationError` if it can't be used before anything is started, and ``OSError`` if the
        system lacks what is needed.
        """
        # Before anything takes time: a reload that is asked for too early must not end the process.
        self.loop = EventLoop((signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        settle()  # the program itself, which all processes share
        self._open()
        while self.stop_until is None or self.control.control is not None or any(self.generations):
            self._act(time.monotonic())
            signals, readable = self.loop.wait(self._timeout(time.monotonic()))
            now = time.monotonic()
            if signals & {signal.SIGTERM, signal.SIGINT}:
                self._stop(now)
            self.reload_wanted |= signal.SIGHUP in signals
            for descriptor in readable:
                self._hear(descriptor, now)
            if signal.SIGCHLD in signals:
                for process, status in ended_children():
                    self._ended(process, status, now)
        self.sockets.close()
        if self.served:
            self._save_counters()
        self.lock.close()
        return self.status

    def _open(self) -> None:
        """Take what all later generations will use. Raises :class:`ConfigurationError` and ``OSError``."""
        self.loaded = self.load()
        configuration = self.loaded.configuration
        self.paths = StatePaths(configuration.state, self.file)
        self.lock = take_state(self.paths, self.loaded)
        limit = raise_limit()
        self.sockets.open(configuration, worker_count(configuration, self.forced_workers), self.loaded)
        if told := shortage(configuration, limit):
            self.announce.note(told)
        self.room = max_connections(configuration, worker_count(configuration, self.forced_workers))
        shared = self.shared = SharedMemory(
            self.paths.directory,
            counter_slots=configuration.state.counter_slots,
            connections=self.room,
            workers=GENERATIONS_AT_A_TIME * MAX_WORKERS,
            now_ns=time.monotonic_ns(),
        )
        self.control = ControlKeeper(self.paths, self.announce, self.loop, self._forget_in_child, shared.counters)
        self.launcher = Launcher(self.file, self.paths, self.sockets, shared, self._forget_in_child)

    def _act(self, now: float) -> None:
        """Do what is due."""
        generations = self.generations
        if self._lacks_control and now >= self.control.start_at:
            self.control.start(ControlSettings.of(self.loaded.configuration, self.file), self.sockets.admin(), now)
            if generations.current is not None:
                self._tell_control(generations.current)
        if self.replaced is not None and (now >= self.replaced_by or not self.replaced.accepts):
            self._announce_reload()
        if self.stop_until is not None:
            self._go_on_stopping(self.stop_until, now)
        elif (coming := generations.coming) is not None:
            if coming.ready_by is not None and now >= coming.ready_by:
                self._give_up(f"its workers did not serve within {READY_SECONDS:g} s", now)
        elif self.reload_wanted:
            self._reload(now)
        elif generations.current is None:
            if now >= self.template_at:
                self._start_generation(self.loaded, now)
        elif now >= self.new_session_keys_at:
            self.new_session_keys_at = now + SESSION_KEYS_RETRY_SECONDS
            self._start_generation(self.loaded, now)

    @property
    def _lacks_control(self) -> bool:
        """Whether there is no control process though one is wanted: as long as there may be something to record."""
        wanted = self.stop_until is None or (self.served and any(self.generations))
        return wanted and self.control.control is None

    def _timeout(self, now: float) -> float | None:
        """Seconds until something may be due without anything happening; ``None``: never."""
        generations = self.generations
        times: list[float | None] = []
        if self._lacks_control:
            times.append(self.control.start_at)
        if self.replaced is not None:
            times.append(self.replaced_by)
        if self.stop_until is not None:
            times += [self.refuse_at, self.control.kill_at, max(self.stop_until, now + 0.1)]
        elif generations.coming is not None:
            times.append(generations.coming.ready_by)
        elif self.reload_wanted:
            times.append(generations.next_free(now))
        elif generations.current is None:
            times.append(self.template_at)
        else:
            times.append(self.new_session_keys_at)
        due = [at for at in times if at is not None and at < math.inf]
        return max(0.0, min(due) - now) if due else None

    # Generations.

    def _start_generation(self, loaded: LoadedConfiguration, now: float) -> None:
        slot = self.generations.free_slot(now)
        if slot is None:
            self.template_at = self.generations.next_free(now) or now + 1.0
            return
        self.numbered += 1
        workers = worker_count(loaded.configuration, self.forced_workers)
        try:
            generation = self.launcher.launch(self.numbered, loaded, workers, slot, now)
        except OSError as error:
            self._not_started((), f"a process could not be started: {error.strerror}", now)
            return
        self.generations.coming = generation
        self.loop.watch(generation.link.fileno())

    def _reload(self, now: float) -> None:
        """Try the file as it is now: whole, or not at all."""
        if self.generations.free_slot(now) is None:
            if not self.reload_waits:
                self.reload_waits = True
                self.announce.note("the reload waits until one of the earlier generations has finished")
            return
        self.reload_wanted = self.reload_waits = False
        try:
            loaded = self.load()
            self._check_unchanged_state(loaded)
            self.sockets.open(loaded.configuration, worker_count(loaded.configuration, self.forced_workers), loaded)
        except ConfigurationError as error:
            self.announce.failed(error.diagnostics, kept=True)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new file, what serves must go on
            self.announce.note(f"nothing was changed: the file could not be read: {type(error).__name__}: {error}")
        else:
            self._start_generation(loaded, now)

    def _check_unchanged_state(self, loaded: LoadedConfiguration) -> None:
        if loaded.configuration.state != self.loaded.configuration.state:
            message = "a reload can't change where the state is kept"
            raise ConfigurationError([loaded.diagnostic(("state",), message, "restart the gateway")])

    def _hear(self, descriptor: int, now: float) -> None:
        if self.control.hear(descriptor):
            return
        generation = self.generations.of_descriptor(descriptor)
        if generation is not None:
            self._hear_template(generation, now)
            if generation.link.closed:
                self.loop.unwatch(descriptor)

    def _hear_template(self, generation: Generation, now: float) -> None:
        for message in generation.link.receive():
            generation.take(message, now)
            if message.word == "progress":
                self.announce.progress(message.text, message.done, message.total)
            elif message.word == "worker_lost":
                self.announce.note(f"worker {message.worker} ended ({message.text}); it is being replaced")
        if generation is self.generations.coming and self.stop_until is None:
            if generation.serves:
                self._take_over(generation, now)
            elif generation.lost > 2 * generation.workers:
                self._give_up("its workers end before they serve", now)

    def _tell_control(self, generation: Generation) -> None:
        settings = ControlSettings.of(generation.loaded.configuration, self.file)
        self.control.tell(generation.number, generation.workers, settings)

    def _take_over(self, generation: Generation, now: float) -> None:
        """All workers of the new generation serve: the old one may go."""
        if self.replaced is not None:
            self._announce_reload()
        before = self.generations.take_over()
        configuration = generation.loaded.configuration
        self.loaded = generation.loaded
        has_sessions = any(listener.tls is not None for listener in configuration.listeners.values())
        self.new_session_keys_at = now + SESSION_KEYS_SECONDS if has_sessions else math.inf
        self.sockets.keep_only(configuration, generation.workers)
        self._tell_control(generation)
        if before is not None:
            before.link.send(Message("retire"))
            self.replaced, self.replaced_by = before, now + RETIRED_SECONDS
        elif self.served:
            self._announce_reload()
        else:
            self.announce.ready(self.sockets.addresses(configuration))
            self._announce_warnings(generation)
        self.served = True
        self.control.serve_admin(self.sockets.admin())
        if max_connections(configuration, generation.workers) > self.room:
            self.announce.note(
                f"connections are counted in a table that has room for {self.room}: restart the gateway to allow more"
            )

    def _announce_reload(self) -> None:
        """Say that the current generation serves, once no other accepts: who hears it and connects is served by it."""
        self.replaced = None
        if (current := self.generations.current) is not None:
            self.announce.reloaded(current.number)
            self._announce_warnings(current)

    def _announce_warnings(self, generation: Generation) -> None:
        if generation.warnings:
            self.announce.note(f"there are warnings ({generation.warnings}): `portcullis check` tells them")

    def _give_up(self, why: str, now: float) -> None:
        """The coming generation won't serve. What its workers have begun they may finish."""
        if (generation := self.generations.give_up()) is not None:
            generation.link.send(Message("stop"))
            self._not_started((), why, now)

    def _not_started(self, failure: Sequence[Diagnostic], why: str, now: float) -> None:
        """A generation did not come to serve: ``failure`` says why, or else ``why``."""
        current = self.generations.current
        if not self.served:
            self._fail_to_start(failure, why, now)
        elif current is not None:
            self.sockets.keep_only(current.loaded.configuration, current.workers)
            if failure:
                self.announce.failed(failure, kept=True)
            else:
                self.announce.note(f"nothing was changed: {why}")
        else:
            if failure:
                self.announce.failed(failure, kept=False)
            self._start_again("the gateway does not serve", 0.0, now)

    def _start_again(self, what: str, lived: float, now: float) -> None:
        pause = self.template_backoff.after(lived)
        self.template_at = now + pause
        self.announce.note(f"{what}; a new template process is being started{in_seconds(pause)}")

    def _fail_to_start(self, failure: Sequence[Diagnostic], why: str, now: float) -> None:
        self.status = 2 if failure else 1
        if failure:
            self.announce.failed(failure, kept=False)
        else:
            self.announce.note(f"nothing was started: {why}")
        self._stop(now)

    # Children that end.

    def _ended(self, process: int, status: int, now: float) -> None:
        failure = self.control.ended(process, how_it_ended(status), now)
        if failure and not self.served:
            # A generation that can't be told its keys would wait for ever; later there is one that serves.
            self._fail_to_start([placed_state(self.loaded, each) for each in failure], "", now)
        if (generation := self.generations.of_process(process)) is not None:
            self._template_ended(generation, status, now)

    def _template_ended(self, generation: Generation, status: int, now: float) -> None:
        self._hear_template(generation, now)
        self.loop.unwatch(generation.link.fileno())
        generation.link.close()
        generations = self.generations
        was_current, was_coming = generation is generations.current, generation is generations.coming
        # One that ends by itself has waited for its workers; others may have left some behind, who drain.
        drain = generation.loaded.configuration.process.drain
        left_workers = status != 0 and generation.ready_by is not None
        generations.remove(generation, now + drain + KILL_AFTER_DRAIN if left_workers else 0.0)
        if self.stop_until is not None:
            return
        if was_coming:
            self._not_started(generation.failure, f"the template process ended ({how_it_ended(status)})", now)
        elif was_current:
            self._start_again(f"the template process ended ({how_it_ended(status)})", now - generation.started, now)

    def _forget_in_child(self, needed: list[socket.socket]) -> None:
        """In a child: let go of everything that is not its business."""
        self.loop.close_in_child()
        self.lock.close()
        self.sockets.close_inherited(but=needed)
        for generation in self.generations:
            generation.link.close()
        if self.control.control is not None:
            self.control.control.link.close()

    # The end.

    def _stop(self, now: float) -> None:
        if self.stop_until is not None:
            return
        self.replaced = None
        drains = [generation.loaded.configuration.process.drain for generation in self.generations]
        self.refuse_at = now + STOP_ACCEPTING
        self.stop_until = now + max(drains, default=0.0) + KILL_AFTER_DRAIN + 1
        if self.served:
            self.announce.note(f"stopping: open exchanges have {max(drains, default=0.0):g} s to finish")
        self.control.retire()
        for generation in self.generations:
            if generation is self.generations.coming and not generation.ready:
                _kill(generation.process, signal.SIGKILL)  # it may compile for long, and nobody is served by it
            else:
                generation.link.send(Message("stop"))

    def _go_on_stopping(self, stop_until: float, now: float) -> None:
        if self.refuse_at is not None and now >= self.refuse_at:
            self.refuse_at = None
            self.sockets.stop_listening()
        if any(self.generations):
            if now >= stop_until:
                for generation in self.generations:
                    _kill(generation.process, signal.SIGKILL)
        else:
            self.control.stop(now)

    def _save_counters(self) -> None:
        try:
            self.shared.save(time.monotonic_ns())
        except OSError as error:
            self.announce.note(f"the counters could not be saved: {error.strerror}")


def _kill(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
