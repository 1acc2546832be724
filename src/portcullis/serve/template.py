"""The template: compiles one snapshot, then forks the workers of one generation, who share its memory.

It stays single-threaded for as long as it lives, so that it can fork again when a worker dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from portcullis.control.revocation_lists.settings import topic_of
from portcullis.control.state_paths import StatePaths
from portcullis.control.tls_contexts import TlsContexts, live_revocations, load_contexts
from portcullis.engine.certificates.messages import TOPIC as CERTIFICATES
from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.snapshot import Snapshot
from portcullis.serve.backoff import Backoff
from portcullis.serve.control_line import ControlLine
from portcullis.serve.forking import ended_children, fork_with_link, how_it_ended
from portcullis.serve.link import Link, Message
from portcullis.serve.settling import settle
from portcullis.serve.signals import EventLoop
from portcullis.serve.warming import warm
from portcullis.serve.worker import RETIRE, WorkerParts, run_worker
from portcullis.stores.document_cache import DocumentFiles
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.shared_memory import SharedMemory

KILL_AFTER_DRAIN: Final = 5.0
"""Seconds that a worker has to end by itself once its drain is over."""
SERVED_PAUSE: Final = 0.5
"""Seconds that a worker which came to serve is waited with at most, however often it has died."""
STOP_ACCEPTING: Final = 0.3
"""Seconds after which workers that were told to end have certainly stopped accepting."""


class TemplateParts(msgspec.Struct, frozen=True, eq=False):
    """What a template inherits from the supervisor.

    ``sockets``: for each listener, one bound socket a worker; ``indices``: the index of each worker for the shared
    connection counts.
    """

    loaded: LoadedConfiguration
    file: Path
    workers_socket: Path
    sockets: Mapping[str, Sequence[socket.socket]]
    indices: Sequence[int]
    shared: SharedMemory
    generation: int


def run_template(parts: TemplateParts, supervisor: Link) -> NoReturn:
    """The body of the template process. Exits with 2 if the configuration can't be used, and says why."""
    loop = EventLoop((signal.SIGCHLD, signal.SIGTERM))
    line = ControlLine()
    try:
        snapshot, contexts = compile_all(parts, line, _Progress(parts.loaded, supervisor).tell)
    except ConfigurationError as error:
        supervisor.send(Message("failed", diagnostics=error.diagnostics))
        sys.exit(2)
    supervisor.send(Message("compiled", diagnostics=list(snapshot.warnings)))
    Template(parts, snapshot, contexts, line, supervisor, loop).run()
    sys.exit(0)


def compile_all(
    parts: TemplateParts, line: ControlLine, progress: Callable[[str], None]
) -> tuple[Snapshot, TlsContexts]:
    """The snapshot and all TLS contexts. Raises :class:`ConfigurationError` with every error of every file."""
    files = ConfigurationFiles(parts.file)
    contexts = load_contexts(parts.loaded, files)
    for name, live in live_revocations(contexts.listeners).items():
        line.topics.subscribe(topic_of(name), live.apply)
    line.topics.subscribe(CERTIFICATES, contexts.live.apply)
    paths = StatePaths(parts.loaded.configuration.state, parts.file)
    ports = line.ports(parts.shared, files, paths.relations)
    cache = DocumentFiles(paths.documents)

    def begin(document: str) -> None:
        settle()  # what was compiled before it
        progress(document)

    try:
        warm(parts.loaded, files, ports, cache, progress)
        snapshot = compile_snapshot(parts.loaded, files, ports, begin, cache)
        cache.prune()
    except ConfigurationError as error:
        raise ConfigurationError([*contexts.errors, *error.diagnostics]) from error
    if contexts.errors:
        raise ConfigurationError(contexts.errors)
    return snapshot, contexts


class _Progress:
    """Tells the supervisor how many documents have been begun, of how many; each counts once."""

    def __init__(self, loaded: LoadedConfiguration, supervisor: Link) -> None:
        apis = loaded.configuration.apis.values()
        self._total = len({version.spec for api in apis for version in api.versions.values()})
        self._begun: set[str] = set()
        self._supervisor = supervisor

    def tell(self, document: str) -> None:
        """``document`` is begun."""
        if document not in self._begun:
            self._begun.add(document)
            self._supervisor.send(Message("progress", document, done=len(self._begun), total=self._total))


class _Child(msgspec.Struct, eq=False):
    """A worker process: which worker it is, the line to it, when it was started, and whether it came to serve."""

    worker: int
    link: Link
    started: float
    served: bool = False


class Template:
    """The workers of one generation, and what they are made of."""

    def __init__(
        self,
        parts: TemplateParts,
        snapshot: Snapshot,
        contexts: TlsContexts,
        line: ControlLine,
        supervisor: Link,
        loop: EventLoop,
    ) -> None:
        self.parts = parts
        self.snapshot = snapshot
        self.contexts = contexts
        self.line = line
        self.supervisor = supervisor
        self.loop = loop
        self.drain_seconds = snapshot.configuration.process.drain
        self.children: dict[int, _Child] = {}
        self.start_at: dict[int, float] = dict.fromkeys(range(len(parts.indices)), 0.0)
        self.backoffs: defaultdict[int, Backoff] = defaultdict(Backoff)
        self.kill_at: float | None = None
        self.refuse_at: float | None = None

    def run(self) -> None:
        """Fork the workers, replace those that die, and end when told to."""
        settle()
        self.loop.watch(self.supervisor.fileno())
        self._act(time.monotonic())
        while self.children or self.start_at:
            signals, readable = self.loop.wait(self._timeout(time.monotonic()))
            if signal.SIGCHLD in signals:
                self._reap(time.monotonic())
            if signal.SIGTERM in signals:
                self._end_workers(signal.SIGTERM, time.monotonic())
            for descriptor in readable:
                self._hear(descriptor)
            self._act(time.monotonic())

    # Workers that begin and end.

    def _fork(self, worker: int, now: float) -> None:
        try:
            process, link = fork_with_link(f"worker {worker}", lambda link: self._become_worker(worker, link))
        except OSError as error:
            self._start_later(
                worker, f"it could not be started: {error.strerror}", now + self.backoffs[worker].after(0.0)
            )
            return
        self.children[process] = _Child(worker, link, now)
        self.loop.watch(link.fileno())

    def _become_worker(self, worker: int, template: Link) -> None:
        self.loop.close_in_child()
        self.supervisor.close()
        for child in self.children.values():
            child.link.close()
        parts = self.parts
        for sockets in parts.sockets.values():
            for index, each in enumerate(sockets):
                if index != worker:
                    each.close()
        run_worker(
            WorkerParts(
                snapshot=self.snapshot,
                upstream_tls=self.contexts.upstreams,
                listener_tls=self.contexts.listeners,
                sockets={name: sockets[worker] for name, sockets in parts.sockets.items()},
                connection_counts=parts.shared.connections,
                topics=self.line.topics,
                challenges=self.line.challenges,
                questions=self.line.questions,
                workers_socket=parts.workers_socket,
                index=parts.indices[worker],
                generation=parts.generation,
            ),
            template,
        )

    def _reap(self, now: float) -> None:
        for process, status in ended_children():
            child = self.children.pop(process, None)
            if child is None:
                continue
            self._pass_on(child)
            self.loop.unwatch(child.link.fileno())
            child.link.close()
            self.parts.shared.connections.forget(self.parts.indices[child.worker])
            if self.kill_at is None:
                pause = self.backoffs[child.worker].after(now - child.started)
                # Whoever finds a way to crash workers that serve must not thereby keep them away for long.
                pause = min(pause, SERVED_PAUSE) if child.served else pause
                self._start_later(child.worker, how_it_ended(status), now + pause)

    def _start_later(self, worker: int, why: str, at: float) -> None:
        self.supervisor.send(Message("worker_lost", worker=worker, text=why))
        self.start_at[worker] = at

    def _end_workers(self, number: signal.Signals, now: float) -> None:
        """Let the workers drain; those that have not ended some time after that are killed."""
        if self.kill_at is None:
            self.kill_at = now + self.drain_seconds + KILL_AFTER_DRAIN
            self.start_at.clear()
        for process in self.children:
            os.kill(process, number)

    # Messages.

    def _hear(self, descriptor: int) -> None:
        if descriptor == self.supervisor.fileno():
            self._hear_supervisor(time.monotonic())
            return
        for child in self.children.values():
            if child.link.fileno() == descriptor:
                self._pass_on(child)
                if child.link.closed:
                    self.loop.unwatch(descriptor)
                return

    def _hear_supervisor(self, now: float) -> None:
        words = {message.word for message in self.supervisor.receive()}
        if self.supervisor.closed:
            self.loop.unwatch(self.supervisor.fileno())
            self.refuse_at = now + STOP_ACCEPTING
        if "stop" in words or self.supervisor.closed:
            self._end_workers(signal.SIGTERM, now)
        elif "retire" in words:
            self._end_workers(RETIRE, now)

    def _pass_on(self, child: _Child) -> None:
        for message in child.link.receive():
            child.served |= message.word == "ready"
            self.supervisor.send(msgspec.structs.replace(message, worker=child.worker))

    # Time.

    def _act(self, now: float) -> None:
        """Do what is due."""
        for worker in [worker for worker, at in self.start_at.items() if at <= now]:
            del self.start_at[worker]
            self._fork(worker, now)
        if self.kill_at is not None and now >= self.kill_at:
            for process in self.children:
                os.kill(process, signal.SIGKILL)
            self.kill_at = now + KILL_AFTER_DRAIN
        if self.refuse_at is not None and now >= self.refuse_at:
            self.refuse_at = None
            self._refuse_connections()

    def _refuse_connections(self) -> None:
        """Without a supervisor nobody else would: connections to sockets that none accepts from would hang."""
        for sockets in self.parts.sockets.values():
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)

    def _timeout(self, now: float) -> float | None:
        times = [*self.start_at.values(), *(at for at in (self.kill_at, self.refuse_at) if at is not None)]
        return max(0.0, min(times) - now) if times else None
