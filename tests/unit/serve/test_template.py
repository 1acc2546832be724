"""What a template does about its workers: with processes that are only said to exist, and a clock that is told."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.tls_contexts import TlsContexts
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.engine.config.model import Configuration
from portcullis.engine.snapshot import Snapshot
from portcullis.serve import template as template_module
from portcullis.serve.control_line import ControlLine
from portcullis.serve.forking import fork_with_link
from portcullis.serve.link import Link, Message
from portcullis.serve.template import (
    KILL_AFTER_DRAIN,
    STOP_ACCEPTING,
    Template,
    TemplateParts,
    compile_all,
    run_template,
)
from portcullis.serve.worker import RETIRE
from portcullis.stores.shared_memory import SharedMemory

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:1"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
process: {drain: 10s}
"""
SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths: {/orders: {get: {responses: {"200": {description: ok}}}}}
"""


class Loop:
    """An event loop that only remembers what is watched."""

    def __init__(self) -> None:
        self.watched: set[int] = set()

    def watch(self, descriptor: int) -> None:
        self.watched.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        self.watched.discard(descriptor)


class Connections:
    def __init__(self) -> None:
        self.forgotten: list[int] = []

    def forget(self, worker: int) -> None:
        self.forgotten.append(worker)


class Shared:
    def __init__(self) -> None:
        self.connections = Connections()


def configured(drain: str = "10s") -> Configuration:
    return load_configuration(CONFIGURATION.replace("10s", drain), "p.yaml").configuration


class Workers:
    """A template of two workers, the supervisor's end of its line, and what it does to processes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[str] = []
        self.killed: list[tuple[int, signal.Signals]] = []
        self.ended: list[tuple[int, int]] = []
        self.refuses_to_fork = False
        self.links: dict[int, Link] = {}
        self.supervisor, link = Link.pair()
        self.sockets = [socket.socket() for _ in range(2)]
        for each in self.sockets:
            each.bind(("127.0.0.1", 0))
            each.listen()
        shared: Any = Shared()
        loop: Any = Loop()
        parts = TemplateParts(
            loaded=load_configuration(CONFIGURATION, "p.yaml"),
            file=Path("p.yaml"),
            workers_socket=Path("workers.sock"),
            sockets={"public": self.sockets},
            indices=[40, 41],
            shared=shared,
            generation=2,
        )
        snapshot = Snapshot(configured(), {}, {}, None, ())
        self.template = Template(parts, snapshot, TlsContexts({}, {}, ()), ControlLine(), link, loop)
        monkeypatch.setattr(template_module, "fork_with_link", self._fork)
        monkeypatch.setattr(template_module, "ended_children", self._ended)
        monkeypatch.setattr(os, "kill", lambda process, number: self.killed.append((process, number)))

    def _fork(self, name: str, _body: object) -> tuple[int, Link]:
        if self.refuses_to_fork:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.started.append(name)
        process = 1000 + len(self.started)
        ours, self.links[process] = Link.pair()
        return process, ours

    def _ended(self) -> list[tuple[int, int]]:
        ended, self.ended = self.ended, []
        return ended

    def end(self, process: int, now: float, status: int = signal.SIGKILL) -> None:
        self.links.pop(process).close()
        self.ended.append((process, status))
        self.template._reap(now)

    def says(self) -> list[Message]:
        return self.supervisor.receive()

    def close(self) -> None:
        for each in (*self.links.values(), self.supervisor, self.template.supervisor, *self.sockets):
            each.close()
        for child in self.template.children.values():
            child.link.close()


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    made = Workers(monkeypatch)
    made.template._act(0.0)
    yield made
    made.close()


def test_all_workers_are_started_at_once(workers: Workers) -> None:
    assert workers.started == ["worker 0", "worker 1"]
    assert workers.template._timeout(0.0) is None
    watched: Any = workers.template.loop
    assert watched.watched == {child.link.fileno() for child in workers.template.children.values()}


def test_what_a_worker_says_reaches_the_supervisor_under_its_number(workers: Workers) -> None:
    workers.links[1002].send(Message("ready"))
    workers.template._hear(workers.template.children[1002].link.fileno())
    assert workers.says() == [Message("ready", worker=1)]


def test_what_a_worker_said_last_is_not_lost(workers: Workers) -> None:
    workers.links[1002].send(Message("ready"))
    workers.end(1002, 1.0)
    assert [message.word for message in workers.says()] == ["ready", "worker_lost"]


def test_a_worker_that_dies_is_told_forgotten_and_replaced_at_once(workers: Workers) -> None:
    workers.end(1001, 20.0)
    assert workers.says() == [Message("worker_lost", "killed by SIGKILL", worker=0)]
    assert workers.template.parts.shared.connections.forgotten == [40]
    workers.template._act(20.0)
    assert workers.started[2:] == ["worker 0"]


def test_a_worker_that_goes_on_dying_is_replaced_ever_more_rarely(workers: Workers) -> None:
    now, process = 0.0, 1001
    for pause in (0.0, 0.5, 1.0, 2.0):
        workers.end(process, now, 1 << 8)
        assert workers.template._timeout(now) == pause
        workers.template._act(now + pause - 0.01)
        now += pause
        workers.template._act(now)
        process = 1000 + len(workers.started)
    assert workers.started == ["worker 0", "worker 1", *["worker 0"] * 4]
    assert {message.text for message in workers.says()} == {"exit status 1"}


def test_workers_that_served_are_never_kept_away_for_long(workers: Workers) -> None:
    now, process = 0.0, 1001
    for pause in (0.0, 0.5, 0.5, 0.5, 0.5):
        workers.links[process].send(Message("ready"))
        workers.end(process, now)
        assert workers.template._timeout(now) == pause
        now += pause
        workers.template._act(now)
        process = 1000 + len(workers.started)


def test_where_no_process_can_be_started_it_is_tried_again(workers: Workers) -> None:
    workers.refuses_to_fork = True
    workers.end(1001, 20.0)
    workers.template._act(20.0)
    workers.template._act(20.0)
    assert workers.says()[-1].text == "it could not be started: Resource temporarily unavailable"
    workers.refuses_to_fork = False
    workers.template._act(30.0)
    assert workers.started[2:] == ["worker 0"]


def test_a_process_that_is_none_of_ours_is_none_of_our_business(workers: Workers) -> None:
    workers.ended.append((4242, 0))
    workers.template._reap(1.0)
    assert workers.says() == []


@pytest.mark.parametrize(("word", "number"), [("retire", RETIRE), ("stop", signal.SIGTERM)])
def test_workers_drain_and_are_killed_if_they_have_not_ended_then(
    workers: Workers, word: Any, number: signal.Signals
) -> None:
    workers.supervisor.send(Message(word))
    workers.template._hear_supervisor(100.0)
    assert workers.killed == [(1001, number), (1002, number)]
    workers.end(1001, 101.0, 0)
    assert workers.says() == []
    workers.template._act(101.0)
    assert workers.started == ["worker 0", "worker 1"]
    assert workers.template._timeout(101.0) == 10.0 + KILL_AFTER_DRAIN - 1.0
    workers.template._act(100.0 + 10.0 + KILL_AFTER_DRAIN)
    assert workers.killed[2:] == [(1002, signal.SIGKILL)]


def test_one_that_retires_can_be_told_to_stop_and_has_no_longer_for_it(workers: Workers) -> None:
    workers.supervisor.send(Message("retire"))
    workers.template._hear_supervisor(100.0)
    workers.supervisor.send(Message("stop"))
    workers.template._hear_supervisor(105.0)
    assert workers.killed[2:] == [(1001, signal.SIGTERM), (1002, signal.SIGTERM)]
    assert workers.template.kill_at == 100.0 + 10.0 + KILL_AFTER_DRAIN


def test_a_worker_that_waits_to_be_replaced_is_not_when_the_generation_ends(workers: Workers) -> None:
    workers.end(1001, 1.0)
    workers.supervisor.send(Message("stop"))
    workers.template._hear_supervisor(1.0)
    workers.template._act(1.0)
    assert workers.started == ["worker 0", "worker 1"]


def listens(each: socket.socket) -> bool:
    try:
        socket.create_connection(each.getsockname()).close()
    except ConnectionRefusedError:
        return False
    return True


def test_without_a_supervisor_connections_are_refused_once_the_workers_have_ended_accepting(workers: Workers) -> None:
    workers.supervisor.close()
    workers.template._hear_supervisor(50.0)
    assert workers.killed == [(1001, signal.SIGTERM), (1002, signal.SIGTERM)]
    workers.template._act(50.0)
    assert all(map(listens, workers.sockets))
    workers.template._act(50.0 + STOP_ACCEPTING)
    assert not any(map(listens, workers.sockets))


def test_one_that_is_stopped_by_its_supervisor_leaves_the_sockets_to_it(workers: Workers) -> None:
    workers.supervisor.send(Message("stop"))
    workers.template._hear_supervisor(50.0)
    workers.template._act(60.0)
    assert all(map(listens, workers.sockets))


# Compiling.


def parts_in(folder: Path, text: str = CONFIGURATION) -> TemplateParts:
    loaded: LoadedConfiguration = load_configuration(text, "p.yaml")
    shared = SharedMemory(None, counter_slots=1024, connections=10, workers=4, now_ns=0)
    return TemplateParts(loaded, folder / "p.yaml", folder / "workers.sock", {}, [0], shared, 1)


def test_documents_and_certificates_are_compiled_together_and_told_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    told: list[str] = []
    snapshot, contexts = compile_all(parts_in(tmp_path), ControlLine(), told.append)
    assert [operation.name for operation in snapshot.operations] == ["GET /orders"]
    assert contexts.listeners == {}
    assert told == ["shop.yaml"]


def test_all_that_is_wrong_is_told_in_one_run(tmp_path: Path) -> None:
    text = CONFIGURATION.replace('"127.0.0.1:0"', '"127.0.0.1:0", tls: {certificate: a.pem, key: a.key}')
    with pytest.raises(ConfigurationError) as caught:
        compile_all(parts_in(tmp_path, text), ControlLine(), lambda _name: None)
    assert [diagnostic.pointer for diagnostic in caught.value.diagnostics] == [
        "listeners.public.tls.certificate",
        "listeners.public.tls.key",
        "apis.shop.versions.v1.spec",
    ]


def test_certificates_alone_keep_it_from_serving(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace('"127.0.0.1:0"', '"127.0.0.1:0", tls: {certificate: a.pem, key: a.key}')
    with pytest.raises(ConfigurationError):
        compile_all(parts_in(tmp_path, text), ControlLine(), lambda _name: None)


def test_a_process_that_can_not_compile_says_why_and_ends(tmp_path: Path) -> None:
    process, link = fork_with_link("template", lambda link: run_template(parts_in(tmp_path), link))
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 2
    progress, failed = link.receive()
    assert progress == Message("progress", "shop.yaml", done=1, total=1)
    assert failed.diagnostics[0].message == "shop.yaml can't be read: No such file or directory"
    link.close()


def test_a_process_that_is_stopped_ends_with_its_workers(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    process, link = fork_with_link("template", lambda link: run_template(parts_in(tmp_path), link))
    link.send(Message("stop"))
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert [message.word for message in link.receive()] == ["progress", "compiled"]
    assert link.closed
    link.close()
