"""The control process: everything that is not on a request's path, in one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import sqlalchemy as sa
import uvicorn
import uvloop
from starlette.types import ASGIApp

from portcullis.control.access_log import AccessLog
from portcullis.control.admin import create_admin_app
from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.metrics import Metrics
from portcullis.control.outgoing import Outgoing
from portcullis.control.parts import ControlPart, ControlServices, part_kinds, read_settings
from portcullis.control.state_paths import StatePaths
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.ports import Counters
from portcullis.serve.control_settings import ControlSettings
from portcullis.serve.forking import fork
from portcullis.serve.link import Link, Message
from portcullis.serve.unix_listener import BACKLOG, UnixListener
from portcullis.serve.waiting import until
from portcullis.stores.database.connection import Database, DatabaseError, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.keys import TOPIC as KEYS

POLL_SECONDS: Final = 0.5
GRACEFUL_SECONDS: Final = 2
"""For answers of the admin listener and the control socket that are under way when the process ends."""
LEAVE_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


class ControlProcess:
    """What the control process holds. Raises ``DatabaseError`` or ``OSError`` if it can't have it.

    ``supervisor``: the line to the parent; ``admin``: the sockets of the admin listener; ``counters``: those that it
    shares with the workers.
    """

    def __init__(
        self,
        settings: ControlSettings,
        paths: StatePaths,
        supervisor: Link,
        admin: Sequence[socket.socket],
        counters: Counters,
    ) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.generation = 0
        self.workers = 0
        self.retired = False
        self.stopping = asyncio.Event()
        self.log: AccessLog | None = None
        with contextlib.ExitStack() as opened:
            database = opened.enter_context(contextlib.closing(open_database(paths.database())))
            bring_up_to_date(database)
            control = opened.enter_context(contextlib.closing(UnixListener(paths.control_socket)))
            workers = opened.enter_context(contextlib.closing(UnixListener(paths.workers_socket)))
            for each in admin:
                each.listen(BACKLOG)
            self.keys = KeyService(KeyStore(database))
            self._opened = opened.pop_all()
        self.keys.declare(settings.plans, settings.roles, settings.exclusive, settings.apis)
        self.metrics = Metrics(self._lines_lost)
        self.hub = WorkerHub(self.metrics, self._write_records)
        self.hub.announce(KEYS, self.keys.encode_snapshot)
        self.workers_socket = workers.socket
        self.outgoing = Outgoing()
        self.outgoing.take_over(settings.outgoing)
        self.parts = self._make_parts(database, paths, counters)
        routes = [route for part in self.parts.values() for route in part.routes()]
        self.servers = [_Server(create_control_api(self.keys, routes), [control.socket])]
        if admin:
            self.servers.append(_Server(create_admin_app(self.metrics, self.is_ready), admin))
        self.log = _open_log(settings)
        self._lost_before = 0
        self._told: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until told to stop, or until the supervisor is gone. Raises what keeps it from going on."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopping.set)
        loop.add_reader(self.supervisor.fileno(), self._hear_supervisor)
        unsubscribe = self.keys.subscribe(partial(_push_from_any_thread, loop, self.hub))
        hub = await loop.create_unix_server(self.hub.make_line, sock=self.workers_socket, backlog=BACKLOG)
        serving = [asyncio.create_task(server.run()) for server in self.servers]
        watching = asyncio.create_task(self._watch())
        working = [asyncio.create_task(part.run(), name=name) for name, part in self.parts.items()]
        self.supervisor.send(Message("ready"))
        try:
            await until([*serving, watching, *working], self.stopping)
        finally:
            loop.remove_reader(self.supervisor.fileno())
            unsubscribe()
            hub.close()
            if self.supervisor.closed:
                await self._let_workers_finish()
            for task in (watching, *working):
                task.cancel()
            for server in self.servers:
                server.end()
            await asyncio.gather(*serving, watching, *working, *self._closing, return_exceptions=True)
            await self.outgoing.close()
            await self._close()

    def _make_parts(self, database: Database, paths: StatePaths, counters: Counters) -> dict[str, ControlPart]:
        services = ControlServices(
            self.hub,
            database,
            ConfigurationFiles(paths.file),
            paths.directory,
            time.time,
            self.outgoing,
            counters,
            self.keys,
        )
        parts = {kind.name: kind.make(services) for kind in part_kinds()}
        for kind in part_kinds():
            parts[kind.name].take_over(read_settings(kind, self.settings.parts))
        return parts

    def is_ready(self) -> bool:
        """Whether every worker of the generation in force is there, and the gateway is not about to stop."""
        return not self.retired and self.workers > 0 and self.hub.workers(self.generation) >= self.workers

    async def _close(self) -> None:
        if self.log is not None:
            await asyncio.to_thread(self.log.close)
        self._opened.close()

    async def _let_workers_finish(self) -> None:
        """Without a supervisor they drain and end by themselves: what they still record must find somebody here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain):
                while self.hub.lines:  # noqa: ASYNC110 - nobody waits for this but the end of the process
                    await asyncio.sleep(LEAVE_SECONDS)

    # From the supervisor.

    def _hear_supervisor(self) -> None:
        for message in self.supervisor.receive():
            if message.word == "generation":
                self.generation, self.workers = message.generation, message.workers
                self._take_over(ControlSettings.decode(message.text))
            elif message.word == "retire":
                self.retired = True
        if self.supervisor.closed:
            asyncio.get_running_loop().remove_reader(self.supervisor.fileno())
            self.stopping.set()

    def _take_over(self, settings: ControlSettings) -> None:
        """A new generation serves: take over what of its settings concerns this process, and reopen the log."""
        before, self.settings = self.settings, settings
        self.keys.declare(settings.plans, settings.roles, settings.exclusive, settings.apis)
        self.outgoing.take_over(settings.outgoing)
        for kind in part_kinds():
            self.parts[kind.name].take_over(read_settings(kind, settings.parts))
        if settings.log == before.log:
            if self.log is not None:
                self.log.reopen()
            return
        old, self.log = self.log, _open_log(settings)
        if old is not None:
            task = asyncio.create_task(self._end_log(old))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    # Records, and the log they go to.

    def _write_records(self, lines: bytes) -> None:
        if self.log is not None:
            self.log.write(lines)

    def _lines_lost(self) -> int:
        return self._lost_before + (self.log.lost if self.log is not None else 0)

    async def _end_log(self, log: AccessLog) -> None:
        await asyncio.to_thread(log.close)
        self._lost_before += log.lost

    # What happens regularly.

    async def _watch(self) -> None:
        """Notice changes of keys that another process made in the database, and tell what does not work."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await asyncio.to_thread(self.keys.poll)
            except DatabaseError as error:
                self._tell("the database of keys", str(error))
            else:
                self._tell("the database of keys", "")
            self._tell("the access log", self.log.failure if self.log is not None else "")

    def _tell(self, what: str, trouble: str) -> None:
        """Say what is in trouble, and when it is over: once each."""
        before = self._told.get(what, "")
        self._told[what] = trouble
        if trouble and trouble != before:
            _log.warning("portcullis: %s: %s", what, trouble)
        elif before and not trouble:
            _log.warning("portcullis: %s: works again", what)


def _open_log(settings: ControlSettings) -> AccessLog | None:
    log = settings.log
    return None if log is None else AccessLog(Path(log.path), log.rotate_at, log.keep)


def _push_from_any_thread(loop: asyncio.AbstractEventLoop, hub: WorkerHub, update: bytes) -> None:
    loop.call_soon_threadsafe(hub.publish, KEYS, update)


class _Server(uvicorn.Server):
    """A uvicorn server beside others in one loop: it leaves signals alone."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                http="h11",
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
            )
        )
        self._sockets = list(sockets)
        self._ended = asyncio.Event()

    async def run(self) -> None:  # type: ignore[override]
        """Serve until :meth:`end` is called."""
        await self._serve(self._sockets)

    def end(self) -> None:
        """Finish what is under way, and end."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Keep the ``Date`` field right, and wait for the end without asking for it ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ended.wait()


def run_control(
    settings: ControlSettings,
    paths: StatePaths,
    admin: Sequence[socket.socket],
    supervisor: Link,
    counters: Counters,
) -> None:
    """The body of the control process; returns when it has stopped. Exits with 2 if it can't be, and says why."""
    _make_database(paths)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(settings, paths, admin, supervisor, counters))


def _make_database(paths: StatePaths) -> None:
    """Let a child make the database, if there is none: what it takes to make one would be kept here ever after.

    What goes wrong there will go wrong here too, and is then told.
    """
    with contextlib.suppress(DatabaseError, OSError):
        url = paths.database()
        if not Path(str(url.database)).exists():
            os.waitpid(fork("the database", partial(_bring_up_to_date, url)), 0)


def _bring_up_to_date(url: sa.URL) -> None:
    with contextlib.suppress(DatabaseError, OSError), contextlib.closing(open_database(url)) as database:
        bring_up_to_date(database)


async def _main(
    settings: ControlSettings,
    paths: StatePaths,
    admin: Sequence[socket.socket],
    supervisor: Link,
    counters: Counters,
) -> None:
    try:
        process = ControlProcess(settings, paths, supervisor, admin, counters)
    except DatabaseError as error:
        _fail(supervisor, "state.records", str(error), "it must be an SQLite file that the gateway can write to")
    except OSError as error:
        message = f"{error.filename or paths.directory}: {error.strerror or error}"
        _fail(supervisor, "state.directory", message, "the gateway keeps its sockets there")
    await process.run()


def _fail(supervisor: Link, pointer: str, message: str, hint: str) -> NoReturn:
    supervisor.send(Message("failed", diagnostics=[Diagnostic("", 0, 0, pointer, message, hint)]))
    sys.exit(2)
