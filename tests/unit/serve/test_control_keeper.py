"""Keeping a control process: with processes that are only said to exist, and a clock that is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.running import StateConfig
from portcullis.serve import control_keeper
from portcullis.serve.announcer import Announcer
from portcullis.serve.control_keeper import STOP_SECONDS, ControlKeeper
from portcullis.serve.control_settings import ControlSettings
from portcullis.serve.link import Link, Message
from portcullis.stores.local_counters import LocalCounters

SETTINGS = ControlSettings(["free"], [], None, 1.0)
WRONG = Diagnostic("", 0, 0, "state.records", "the database is locked")


class Said(Announcer):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Loop:
    def __init__(self) -> None:
        self.watched: set[int] = set()

    def watch(self, descriptor: int) -> None:
        self.watched.add(descriptor)

    def unwatch(self, descriptor: int) -> None:
        self.watched.discard(descriptor)


class Kept:
    """A keeper, and the other end of its processes' lines."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said = Said()
        self.loop: Any = Loop()
        self.processes: list[Link] = []
        self.killed: list[tuple[int, int]] = []
        self.refuses_to_fork = False
        paths = StatePaths(StateConfig(), Path("/p.yaml"))
        self.keeper = ControlKeeper(paths, self.said, self.loop, lambda _sockets: None, LocalCounters())
        monkeypatch.setattr(control_keeper, "fork_with_link", self._fork)
        monkeypatch.setattr(os, "kill", lambda process, number: self.killed.append((process, number)))

    def _fork(self, _name: str, _body: object) -> tuple[int, Link]:
        if self.refuses_to_fork:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        ours, theirs = Link.pair()
        self.processes.append(theirs)
        return 1000 + len(self.processes), ours

    def says(self, *messages: Message) -> None:
        for message in messages:
            self.processes[-1].send(message)
        control = self.keeper.control
        assert control is not None
        assert self.keeper.hear(control.link.fileno())

    def end(self, now: float, how: str = "killed by SIGKILL") -> object:
        self.processes[-1].close()
        return self.keeper.ended(1000 + len(self.processes), how, now)

    def close(self) -> None:
        for link in self.processes:
            link.close()
        if self.keeper.control is not None:
            self.keeper.control.link.close()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    made = Kept(monkeypatch)
    made.keeper.start(SETTINGS, [], 0.0)
    yield made
    made.close()


def test_one_that_is_started_is_listened_to(kept: Kept) -> None:
    control = kept.keeper.control
    assert control is not None
    assert kept.loop.watched == {control.link.fileno()}
    assert not kept.keeper.hear(control.link.fileno() + 1)


def test_it_is_told_what_serves_and_by_what_settings(kept: Kept) -> None:
    kept.keeper.tell(3, 2, SETTINGS)
    (message,) = kept.processes[0].receive()
    assert (message.word, message.generation, message.workers) == ("generation", 3, 2)
    assert ControlSettings.decode(message.text) == SETTINGS


def test_one_that_dies_is_replaced_at_once_and_the_next_later(kept: Kept) -> None:
    kept.says(Message("ready"))
    assert kept.end(5.0) == ()
    assert kept.keeper.control is None
    assert kept.keeper.start_at == 5.0
    assert kept.loop.watched == set()
    kept.keeper.start(SETTINGS, [], 5.0)
    kept.end(5.0, "exit status 1")
    assert kept.keeper.start_at == 5.5
    assert kept.said.notes == [
        "the control process ended (killed by SIGKILL); it is being replaced",
        "the control process ended (exit status 1); it is being replaced in 0.5 s",
    ]


def test_one_that_fails_later_says_why(kept: Kept) -> None:
    kept.says(Message("ready"), Message("failed", diagnostics=[WRONG]))
    assert kept.end(5.0, "exit status 2") == [WRONG]
    assert kept.said.notes == ["the control process ended (the database is locked); it is being replaced"]


def test_why_the_first_can_not_be_is_given_back_and_not_told(kept: Kept) -> None:
    kept.processes[0].send(Message("failed", diagnostics=[WRONG]))
    assert kept.end(1.0, "exit status 2") == [WRONG]
    assert kept.said.notes == []


def test_a_process_that_is_none_of_its_own_is_not_taken_for_one(kept: Kept) -> None:
    assert kept.keeper.ended(4242, "exit status 0", 1.0) is None
    assert kept.keeper.control is not None


def test_one_that_can_not_be_started_is_tried_again(kept: Kept) -> None:
    kept.says(Message("ready"))
    kept.end(1.0)
    kept.refuses_to_fork = True
    kept.keeper.start(SETTINGS, [], 1.0)
    assert kept.keeper.start_at == 1.5
    assert kept.said.notes[-1] == (
        "the control process ended (it could not be started: Resource temporarily unavailable);"
        " it is being replaced in 0.5 s"
    )


def test_one_that_is_to_serve_other_sockets_is_replaced_without_a_word(kept: Kept) -> None:
    admin: Any = object()
    kept.keeper.serve_admin([])
    assert kept.killed == []
    kept.keeper.serve_admin([admin])
    assert kept.killed == [(1001, signal.SIGTERM)]
    kept.end(7.0, "exit status 0")
    assert kept.keeper.start_at == 7.0
    assert kept.said.notes == []


def test_it_is_told_that_the_gateway_is_about_to_stop(kept: Kept) -> None:
    kept.keeper.retire()
    assert kept.processes[0].receive() == [Message("retire")]


def test_it_is_stopped_and_killed_if_it_does_not_end(kept: Kept) -> None:
    kept.keeper.stop(10.0)
    kept.keeper.stop(11.0)
    assert kept.killed == [(1001, signal.SIGTERM)]
    kept.keeper.stop(10.0 + STOP_SECONDS)
    assert kept.killed[1:] == [(1001, signal.SIGKILL)]
    kept.end(21.0)
    assert kept.said.notes == []


def test_without_a_process_there_is_nobody_to_tell(kept: Kept) -> None:
    kept.end(1.0)
    kept.keeper.tell(1, 1, SETTINGS)
    kept.keeper.retire()
    kept.keeper.serve_admin([])
    kept.keeper.stop(1.0)
    assert not kept.keeper.hear(0)
    assert kept.killed == []


@pytest.mark.slow
def test_what_only_the_control_process_needs_is_not_imported_by_those_who_share_their_memory() -> None:
    code = """
import sys
import portcullis.cli.serve, portcullis.serve.supervisor
print(*{"alembic", "httpx", "sqlalchemy", "starlette", "uvicorn"} & sys.modules.keys())
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
