"""A key service on a database of its own, with a clock that stands still until it is told otherwise."""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp

from portcullis.control.keys import KeyService
from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that is up to date, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(locate(None, folder, folder))
    bring_up_to_date(database)
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return folder / "portcullis.db"


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(migrated, tmp_path / "portcullis.db")
    database = open_database(locate(None, tmp_path, tmp_path))
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(database: Database, clock: Clock) -> KeyService:
    return KeyService(KeyStore(database), clock, random.Random(3).randrange)


@pytest.fixture
def serve() -> Iterator[Callable[[ASGIApp], Path]]:
    """Serves an application on a Unix socket, as the control process does; gives the socket's path."""
    with _serving() as serve:
        yield serve


@contextmanager
def _serving() -> Iterator[Callable[[ASGIApp], Path]]:
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []
    # The path of a Unix socket has at most 107 bytes; a test's own folder may be deeper.
    folder = Path(tempfile.mkdtemp(prefix="pcl-"))

    def serve(app: ASGIApp) -> Path:
        path = folder / "control.sock"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        listening.listen()
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        running.append((server, thread, listening))
        return path

    try:
        yield serve
    finally:
        for server, thread, listening in running:
            server.should_exit = True
            thread.join()
            listening.close()
        shutil.rmtree(folder)
