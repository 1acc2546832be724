"""A worker in this process: a socket of its own, and a control process's end of its line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import trustme

from portcullis.control.metrics import Metrics
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.codes import Code
from portcullis.engine.config.model import Configuration
from portcullis.engine.decision import Refuse
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Step
from portcullis.engine.routing import RouteIndex
from portcullis.engine.snapshot import HostRoutes, Snapshot
from portcullis.mounts.acme_challenges import AcmeChallenges
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.negotiation import UndecidedConnection
from portcullis.mounts.tls import server_context
from portcullis.serve.link import Link, Message
from portcullis.serve.worker import RETIRE, Worker, WorkerParts, _plain
from portcullis.stores import worker_channel
from portcullis.stores.questions import PendingQuestions
from portcullis.stores.shared_memory import SharedConnectionCounts
from portcullis.stores.topics import TopicSubscriptions
from portcullis.testing.playbook import LISTENER

REFUSED = Code("authorize.test", 403, "Not here")
CALL = b"GET /%b HTTP/1.1\r\nHost: shop\r\n\r\n"


async def never(_request: object, _facts: object) -> None:
    await asyncio.Event().wait()


def operation(name: str, run: Any) -> Operation:
    return Operation("shop", "v1", f"GET /{name}", (Step("test", "head", run),), (), 100, "shop", str)


OPERATIONS = {
    "no": operation("no", lambda _request, _facts: Refuse(REFUSED)),
    "never": operation("never", never),
}


def snapshot(drain: str) -> Snapshot:
    listener = {"bind": "127.0.0.1:0"}
    api = {"hosts": ["shop"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a"}}}
    configuration = Configuration.model_validate(
        {
            "listeners": {"public": listener, "secure": listener, "admin": listener},
            "apis": {"shop": api},
            "process": {"drain": drain},
        }
    )
    index = RouteIndex([(f"/{name}", {"GET": each}) for name, each in OPERATIONS.items()])
    return Snapshot(configuration, {"shop": HostRoutes(index)}, {}, None, tuple(OPERATIONS.values()))


class Running:
    """A worker, its template's end of the line, and control."""

    def __init__(self, folder: Path, drain: str, tls: ssl.SSLContext | None) -> None:
        self.template, link = Link.pair()
        self.link = link
        self.lines: list[bytes] = []
        self.hub = WorkerHub(Metrics(lambda: 0), self.lines.append)
        self.path = folder / "workers.sock"
        self.sockets = {name: _bound() for name in ("public", "secure")}
        self.address = self.sockets["public"].getsockname()
        self.parts = WorkerParts(
            snapshot=snapshot(drain),
            upstream_tls={},
            listener_tls={} if tls is None else {"secure": tls},
            sockets=self.sockets,
            connection_counts=SharedConnectionCounts(100, 8, b"s" * 16),
            topics=TopicSubscriptions(),
            challenges=AcmeChallenges(),
            questions=PendingQuestions(),
            workers_socket=self.path,
            index=5,
            generation=3,
        )
        self.worker = Worker(self.parts, link)
        self.task = asyncio.create_task(self.worker.run())
        self.control: asyncio.Server | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def start_control(self) -> None:
        self.control = await asyncio.get_running_loop().create_unix_server(self.hub.make_line, str(self.path))

    async def ready(self) -> None:
        """Wait for the worker's word that it serves."""
        assert await self.said() == [Message("ready")]

    async def retired(self) -> None:
        """Wait for its word that it accepts no more."""
        assert await self.said() == [Message("retired")]

    async def said(self) -> list[Message]:
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        loop.add_reader(self.template.fileno(), heard.set)
        await heard.wait()
        loop.remove_reader(self.template.fileno())
        return self.template.receive()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        stream = await asyncio.open_connection(*self.address[:2])
        self.writers.append(stream[1])
        return stream

    async def refuses(self) -> bool:
        try:
            _, writer = await self.connect()
        except ConnectionRefusedError:
            return True
        await gone(writer)
        return False

    @property
    def records(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for lines in self.lines for line in lines.splitlines()]

    async def close(self) -> None:
        for writer in self.writers:
            await gone(writer)
        self.worker.stop.set()
        await asyncio.gather(self.task, return_exceptions=True)
        if self.control is not None:
            self.control.close()
        await asyncio.sleep(0)
        for each in (*self.sockets.values(), self.template, self.link):
            each.close()
        for number in (signal.SIGTERM, RETIRE):
            asyncio.get_running_loop().remove_signal_handler(number)


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


def _bound() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


@pytest.fixture
def folder() -> Iterator[Path]:
    # The path of a Unix socket has at most 107 bytes; a test's own folder may be deeper.
    folder = Path(tempfile.mkdtemp(prefix="pcl-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def drain() -> str:
    return "5s"


@pytest.fixture
def tls() -> ssl.SSLContext | None:
    return None


@pytest.fixture
async def running(folder: Path, drain: str, tls: ssl.SSLContext | None) -> AsyncIterator[Running]:
    """A worker that has a control process and serves."""
    running = Running(folder, drain, tls)
    await running.start_control()
    await running.ready()
    yield running
    await running.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split()[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    await reader.readexactly(length)
    return head


async def call(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], name: bytes = b"no") -> bytes:
    reader, writer = stream
    writer.write(CALL % name)
    return await answer(reader)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


async def test_it_serves_and_its_records_reach_control(running: Running) -> None:
    stream = await running.connect()
    assert (await call(stream)).startswith(b"HTTP/1.1 403")
    await gone(stream[1])
    running.worker.stop.set()
    await running.task
    [record] = running.records
    assert (record["code"], record["operation"]) == ("authorize.test", "GET /no")


async def test_it_says_who_it_is_and_counts_for_its_generation(running: Running) -> None:
    [line] = running.hub.lines
    assert line.hello is not None
    assert (line.hello.worker, line.hello.generation, line.hello.pid) == (5, 3, os.getpid())
    assert running.hub.workers(3) == 1


async def test_it_accepts_nobody_before_it_is_informed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_channel, "RECONNECT_SECONDS", 0.01)
    running = Running(folder, "5s", None)
    await asyncio.sleep(0)
    assert await running.refuses()
    await running.start_control()
    await running.ready()
    assert not await running.refuses()
    await running.close()


@pytest.mark.parametrize("event", ["stop", "retire"])
async def test_one_that_is_told_to_end_before_it_is_informed_never_serves(folder: Path, event: str) -> None:
    running = Running(folder, "5s", None)
    getattr(running.worker, event).set()
    await running.task
    running.link.close()
    assert running.template.receive() == []
    await running.close()


async def test_one_that_retires_keeps_idle_connections_until_their_next_answer(running: Running) -> None:
    stream = await running.connect()
    assert b"connection: close" not in await call(stream)
    send(RETIRE)
    await running.retired()
    assert await running.refuses()
    assert not running.task.done()
    assert b"connection: close" in await call(stream)
    assert await stream[0].read() == b""
    await gone(stream[1])
    await running.task
    assert len(running.records) == 2


async def test_one_that_stops_sends_idle_clients_away(running: Running) -> None:
    stream = await running.connect()
    await call(stream)
    send(signal.SIGTERM)
    assert await stream[0].read() == b""
    await gone(stream[1])
    await running.task
    assert await running.refuses()


async def test_one_that_retires_can_still_be_stopped(running: Running) -> None:
    stream = await running.connect()
    await call(stream)
    send(RETIRE)
    while not await running.refuses():
        pass
    send(signal.SIGTERM)
    assert await stream[0].read() == b""
    await gone(stream[1])
    await running.task


async def test_one_that_has_lost_its_template_stops_and_does_not_spin(running: Running) -> None:
    running.template.close()
    await running.task
    assert not asyncio.get_running_loop().remove_reader(running.link.fileno())


@pytest.mark.parametrize("drain", ["50ms"])
@pytest.mark.parametrize("number", [signal.SIGTERM, RETIRE])
async def test_an_exchange_that_takes_longer_than_the_drain_is_broken_off(
    running: Running, number: signal.Signals
) -> None:
    reader, writer = await running.connect()
    idle = await running.connect()
    writer.write(CALL % b"never")
    await writer.drain()
    await call(idle)
    send(number)
    await running.task
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    assert await idle[0].read() == b""
    assert sorted(record["operation"] for record in running.records) == ["GET /never", "GET /no"]


async def test_what_ends_its_background_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug in a deadline")

    monkeypatch.setattr(Worker, "_tick", fail)
    running = Running(folder, "5s", None)
    with pytest.raises(ZeroDivisionError):
        await running.task
    await running.close()


async def test_counts_reach_the_metrics(running: Running) -> None:
    stream = await running.connect()
    await call(stream)
    await gone(stream[1])
    running.worker.stop.set()
    await running.task
    assert b'operation="GET /no"' in running.hub.metrics.exposition()


AUTHORITY = trustme.CA()


@pytest.fixture
def certified(folder: Path) -> ssl.SSLContext:
    certificate = AUTHORITY.issue_cert("shop.example")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    return server_context(str(folder / "certificate.pem"), str(folder / "key.pem"))


async def test_a_listener_with_tls_speaks_it(folder: Path, certified: ssl.SSLContext) -> None:
    running = Running(folder, "5s", certified)
    await running.start_control()
    await running.ready()
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    host, port = running.sockets["secure"].getsockname()
    stream = await asyncio.open_connection(host, port, ssl=context, server_hostname="shop.example")
    assert (await call(stream)).startswith(b"HTTP/1.1 403")
    await gone(stream[1])
    await running.close()


@pytest.fixture
async def secure(folder: Path, certified: ssl.SSLContext) -> AsyncIterator[Running]:
    """A worker with a listener that speaks TLS, to which somebody is connected who has not shaken hands yet."""
    running = Running(folder, "20s", certified)
    await running.start_control()
    await running.ready()
    _, writer = await asyncio.open_connection(*running.sockets["secure"].getsockname())
    running.writers.append(writer)
    for _ in range(10_000):
        if any(gate.open for gate in running.worker.gates):
            break
        await asyncio.sleep(0)
    yield running
    await running.close()


@pytest.mark.slow
async def test_one_that_retires_waits_for_those_who_are_shaking_hands(secure: Running) -> None:
    send(RETIRE)
    while not await secure.refuses():
        pass
    _, pending = await asyncio.wait([secure.task], timeout=0.1)
    assert pending
    await gone(secure.writers[0])
    await secure.task


async def test_one_that_stops_does_not(secure: Running) -> None:
    send(signal.SIGTERM)
    async with asyncio.timeout(5):
        await secure.task


@pytest.mark.parametrize(
    ("protocols", "kind"),
    [
        (("http/1.1",), DownstreamConnection),
        (("h2",), Http2Connection),
        (("h2", "http/1.1"), UndecidedConnection),
    ],
)
async def test_in_clear_a_listener_speaks_what_it_says(protocols: tuple[str, ...], kind: type) -> None:
    listener = msgspec.structs.replace(LISTENER, protocols=protocols)
    gateway = SimpleNamespace(deadlines=SimpleNamespace(now=lambda: 0), outbox=None, buffers=None)
    assert type(_plain(gateway, listener, None)) is kind
