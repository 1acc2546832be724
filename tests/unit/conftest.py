"""What a running gateway has around it: a database of keys, and a server on a Unix socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from portcullis.stores.database.connection import Database


# Whoever verifies certificates reads all authorities of the machine first: here one, of which nobody has the key.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("authority.pem"))

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: nobody waits for a disk at each commit of each database."""


def _has_room(folder: Path) -> bool:
    found = os.statvfs(folder) if os.access(folder, os.W_OK) else None
    return found is not None and found.f_bavail * found.f_frsize > 2**30 and not found.f_flag & os.ST_NOEXEC


if "TMPDIR" not in os.environ and _has_room(MEMORY):
    tempfile.tempdir = str(MEMORY)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that is up to date, to be copied."""
    from portcullis.stores.database.connection import locate, open_database
    from portcullis.stores.database.migrate import bring_up_to_date

    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(locate(None, folder, folder))
    bring_up_to_date(database)
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return folder / "portcullis.db"


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    """A database that is up to date."""
    from portcullis.stores.database.connection import locate, open_database

    shutil.copy(migrated, tmp_path)
    opened = open_database(locate(None, tmp_path, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def copied_databases(monkeypatch: pytest.MonkeyPatch, migrated: Path) -> None:
    """A database that is still empty is not migrated but copied, which takes a millisecond instead of twenty."""
    from portcullis.stores.database import migrate

    def copy(database: Database) -> None:
        with (
            closing(sqlite3.connect(migrated)) as source,
            closing(sqlite3.connect(str(database.url.database))) as target,
        ):
            is_empty = target.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
            if is_empty:
                source.backup(target)
        if not is_empty:
            really(database)

    really = migrate._migrate
    monkeypatch.setattr(migrate, "_migrate", copy)


@pytest.fixture
def prompt_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn looks ten times a second whether it should end, and then waits as long again: here far less."""
    quick = SimpleNamespace(**vars(asyncio))
    quick.sleep = lambda _seconds: asyncio.sleep(0.005)
    monkeypatch.setattr("uvicorn.server.asyncio", quick)


@pytest.fixture
def serve(prompt_servers: None) -> Iterator[Callable[[ASGIApp], Path]]:
    """Serves an application on a Unix socket, as the control process does; gives the socket's path."""
    import uvicorn

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

    yield serve
    for server, thread, listening in running:
        server.should_exit = True
        thread.join()
        listening.close()
    shutil.rmtree(folder)
