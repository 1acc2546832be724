"""The control process in this process: a supervisor's end of its line, and workers that connect."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from portcullis.control.key_orders import NewKey
from portcullis.control.keys import KeyService
from portcullis.control.state_paths import StatePaths
from portcullis.engine.api_key_format import digest_of
from portcullis.engine.config.running import StateConfig
from portcullis.engine.record import Record
from portcullis.serve import control_process
from portcullis.serve.control_line import ControlLine
from portcullis.serve.control_process import ControlProcess, run_control
from portcullis.serve.control_settings import ControlSettings, LogSettings
from portcullis.serve.link import Link, Message
from portcullis.stores.database.connection import DatabaseError, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.frames import Hello
from portcullis.stores.local_counters import LocalCounters
from portcullis.stores.worker_channel import WorkerChannel

RECORD = Record("2026-01-01T00:00:00Z", "r", "t", "192.0.2.1", "GET", "/a", "allow", 200)


class Worker:
    """A worker's end of the line to control."""

    def __init__(self, path: Path, generation: int = 1) -> None:
        line = ControlLine()
        self.keys = line.keys
        self.channel = WorkerChannel(str(path), Hello(0, generation, 4242), line.topics, line.questions)
        self.line = asyncio.create_task(self.channel.keep_connected())

    async def close(self) -> None:
        self.line.cancel()
        await self.channel.close()


class Running:
    """A control process, and its supervisor's end of the line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = StatePaths(StateConfig(directory="state"), folder / "p.yaml")
        self.paths.prepare()
        self.log = folder / "access.jsonl"
        self.admin = socket.socket()
        self.admin.bind(("127.0.0.1", 0))
        self.supervisor, self.link = Link.pair()
        self.process = ControlProcess(self.settings(), self.paths, self.link, [self.admin], LocalCounters())
        self.task = asyncio.create_task(self.process.run())
        self.workers: list[Worker] = []

    def settings(self, log: str = "access.jsonl", plans: list[str] | None = None) -> ControlSettings:
        return ControlSettings(plans or ["free"], [], LogSettings(str(self.folder / log), 10**6, 2), 0.1)

    def tell(self, generation: int, workers: int, settings: ControlSettings) -> None:
        message = Message("generation", settings.encode(), generation=generation, workers=workers)
        assert self.supervisor.send(message)

    async def connect(self, generation: int = 1) -> Worker:
        worker = Worker(self.paths.workers_socket, generation)
        self.workers.append(worker)
        await worker.channel.informed.wait()
        return worker

    async def admin_says(self, path: str) -> tuple[int, str]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{self.port}{path}")
        return answer.status_code, answer.text

    @property
    def port(self) -> int:
        return int(self.process.servers[1]._sockets[0].getsockname()[1])

    async def create_key(self, order: dict[str, object]) -> httpx.Response:
        transport = httpx.AsyncHTTPTransport(uds=str(self.paths.control_socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            return await client.post("/v1/keys", json=order)

    async def close(self) -> None:
        for worker in self.workers:
            await worker.close()
        self.process.stopping.set()
        await asyncio.gather(self.task, return_exceptions=True)
        self.supervisor.close()
        self.link.close()
        self.admin.close()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, prompt_servers: None, migrated: Path) -> Iterator[Path]:
    """The configuration's folder, in which a gateway has run before."""
    monkeypatch.setattr(control_process, "POLL_SECONDS", 0.01)
    # The path of a Unix socket has at most 107 bytes; a test's own folder may be deeper.
    folder = Path(tempfile.mkdtemp(prefix="pcl-"))
    (folder / "state").mkdir()
    shutil.copy(migrated, folder / "state")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def running(folder: Path) -> AsyncIterator[Running]:
    running = Running(folder)
    await asyncio.sleep(0)
    yield running
    await running.close()


async def wait_for(check: object) -> None:
    async with asyncio.timeout(5):
        while not check():  # type: ignore[operator]  # noqa: ASYNC110 - what it waits for sets no event
            await asyncio.sleep(0.005)


async def test_it_says_that_it_is_ready_when_everything_listens(folder: Path) -> None:
    running = Running(folder)
    await wait_for(lambda: Message("ready") in running.supervisor.receive())
    for path in (running.paths.control_socket, running.paths.workers_socket):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert path.stat().st_mode & 0o777 == 0o600
    await running.close()


async def test_records_of_workers_arrive_in_the_log(running: Running) -> None:
    worker = await running.connect()
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for(lambda: running.log.exists() and running.log.read_bytes().endswith(b"\n"))
    assert msgspec.json.decode(running.log.read_bytes())["request_id"] == "r"


async def test_a_key_that_is_made_reaches_every_worker(running: Running) -> None:
    first, second = await running.connect(), await running.connect()
    made = await running.create_key({"consumer": "acme", "plan": "free"})
    digest = digest_of(made.json()["key"].encode())
    await wait_for(lambda: first.keys.find(digest) and second.keys.find(digest))
    late = await running.connect()
    assert late.keys.find(digest) is not None


async def test_a_key_that_another_process_made_reaches_the_workers(running: Running) -> None:
    worker = await running.connect()
    other = open_database(running.paths.database())
    key = KeyService(KeyStore(other)).create(NewKey("acme")).key
    other.close()
    await wait_for(lambda: worker.keys.find(digest_of(key.reveal().encode())))


async def test_the_admin_listener_answers_and_is_ready_when_all_workers_are_there(running: Running) -> None:
    assert await running.admin_says("/healthz") == (200, '{"status":"ok"}')
    assert (await running.admin_says("/readyz"))[0] == 503
    running.tell(2, 2, running.settings())
    await running.connect(2)
    await running.connect(1)
    await wait_for(lambda: running.process.generation == 2)
    assert (await running.admin_says("/readyz"))[0] == 503
    await running.connect(2)
    assert (await running.admin_says("/readyz"))[0] == 200
    status, metrics = await running.admin_says("/metrics")
    assert status == 200
    assert "portcullis_records_lost_total 0.0" in metrics


async def test_it_is_not_ready_any_more_once_the_gateway_is_about_to_stop(running: Running) -> None:
    running.tell(1, 1, running.settings())
    await running.connect()
    await wait_for(running.process.is_ready)
    running.supervisor.send(Message("retire"))
    await wait_for(lambda: not running.process.is_ready())
    assert not running.task.done()


async def test_a_reload_brings_its_plans_and_its_log(running: Running) -> None:
    assert (await running.create_key({"consumer": "acme", "plan": "gold"})).status_code == 422
    worker = await running.connect()
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for(running.log.exists)
    running.tell(2, 1, running.settings("other.jsonl", ["gold"]))
    await wait_for(lambda: running.process.generation == 2)
    assert (await running.create_key({"consumer": "acme", "plan": "gold"})).status_code == 201
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for((running.folder / "other.jsonl").exists)
    assert running.log.read_bytes().count(b"\n") == 1


async def test_a_reload_opens_a_log_that_was_moved_away_anew(running: Running) -> None:
    worker = await running.connect()
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for(running.log.exists)
    running.log.rename(running.folder / "moved.jsonl")
    running.tell(2, 1, running.settings())
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for(running.log.exists)


async def test_without_a_log_records_go_nowhere(running: Running) -> None:
    running.tell(2, 1, msgspec.structs.replace(running.settings(), log=None))
    await wait_for(lambda: running.process.log is None)
    worker = await running.connect()
    worker.channel.add(RECORD)
    await worker.close()
    assert not running.log.exists()


@pytest.mark.slow
async def test_a_database_that_fails_for_a_while_is_told_once_and_polled_again(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    polls = []

    def fail() -> bool:
        polls.append(1)
        raise DatabaseError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(running.process.keys, "poll", fail)
        await wait_for(lambda: len(polls) > 3)
    worker = await running.connect()
    other = open_database(running.paths.database())
    key = KeyService(KeyStore(other)).create(NewKey("acme")).key
    other.close()
    await wait_for(lambda: worker.keys.find(digest_of(key.reveal().encode())))
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [
        "portcullis: the database of keys: database is locked",
        "portcullis: the database of keys: works again",
    ]


async def test_a_log_that_can_not_be_written_is_told(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    (running.folder / "blocked").write_text("a file, not a folder")
    running.tell(2, 1, running.settings("blocked/access.jsonl"))
    await wait_for(lambda: running.process.generation == 2)
    worker = await running.connect()
    worker.channel.add(RECORD)
    worker.channel.flush()
    await wait_for(lambda: caplog.records)
    assert caplog.records[0].message.startswith("portcullis: the access log: ")
    assert (await running.admin_says("/metrics"))[1].count("portcullis_records_lost_total 1.0") == 1


async def test_it_ends_when_its_supervisor_is_gone_but_not_before_the_workers(running: Running) -> None:
    worker = await running.connect()
    running.supervisor.close()
    await wait_for(running.process.stopping.is_set)
    worker.channel.add(RECORD)
    worker.channel.flush()
    await worker.close()
    await running.task
    assert running.log.read_bytes().count(b"\n") == 1
    assert not running.paths.control_socket.exists()
    assert not running.paths.workers_socket.exists()


@pytest.mark.slow
async def test_workers_that_do_not_end_keep_it_no_longer_than_the_drain(running: Running) -> None:
    await running.connect()
    running.supervisor.close()
    async with asyncio.timeout(3):
        await running.task


async def test_it_ends_when_it_is_told_to_and_leaves_no_socket(running: Running) -> None:
    running.process.stopping.set()
    await running.task
    assert sorted(path.name for path in running.paths.directory.iterdir() if "db" not in path.name) == []


async def test_what_ends_a_server_ends_the_process(running: Running) -> None:
    running.process.servers[1].end()
    with pytest.raises(RuntimeError):
        await running.task


@pytest.mark.parametrize(
    ("content", "pointer", "message"),
    [
        (b"something else" * 100, "state.records", "file is not a database"),
        (None, "state.directory", "workers.sock: Is a directory"),
    ],
)
def test_what_keeps_it_from_starting_is_told_to_the_supervisor(
    folder: Path, content: bytes | None, pointer: str, message: str
) -> None:
    paths = StatePaths(StateConfig(directory="state"), folder / "p.yaml")
    paths.prepare()
    if content is None:
        paths.workers_socket.mkdir()
    else:
        (paths.directory / "portcullis.db").write_bytes(content)
    supervisor, link = Link.pair()
    with pytest.raises(SystemExit) as ended:
        run_control(ControlSettings([], [], None, 1.0), paths, [], link, LocalCounters())
    assert ended.value.code == 2
    (failed,) = supervisor.receive()
    assert failed.word == "failed"
    (diagnostic,) = failed.diagnostics
    assert diagnostic.pointer == pointer
    assert message in diagnostic.message
    supervisor.close()
    link.close()


def test_a_child_makes_the_database_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = StatePaths(StateConfig(directory="state"), tmp_path / "p.yaml")
    paths.prepare()
    control_process._make_database(paths)
    with contextlib.closing(open_database(paths.database())) as database:
        assert KeyStore(database).revision() == 0
    monkeypatch.setattr(control_process, "fork", lambda *_arguments: pytest.fail("it is there"))
    control_process._make_database(paths)


def test_a_database_that_a_child_can_not_make_is_no_concern_yet(tmp_path: Path) -> None:
    control_process._make_database(StatePaths(StateConfig(directory="no-such-folder"), tmp_path / "p.yaml"))
    assert list(tmp_path.iterdir()) == []
