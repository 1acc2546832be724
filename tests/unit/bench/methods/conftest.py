"""A run in which nothing is started: what a method asks of it is answered from lists."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.install import Tools
from bench.load import Load, Request
from bench.machine import Cpus
from bench.measure import Pace
from bench.model import Case, Contender, Method
from bench.peers import Ground, Setup
from bench.results import Window


@dataclass
class FakeBench:
    """Stands for :class:`bench.measure.Bench`."""

    folder: Path
    loads: list[Load] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    setup: Setup = field(default_factory=lambda: Setup(["proxy"]))
    pace: Pace = field(default_factory=lambda: Pace(rounds=1, seconds=2, warm_up=1))
    cpus: Cpus = field(default_factory=lambda: Cpus(0, 1))
    tools: Tools = field(default_factory=lambda: Tools({"h2load": Path("/nowhere/h2load")}))
    upstream_port: int = 7
    program: Any = None

    def ground(self, name: str, binary: Path, upstream: int) -> Ground:
        return Ground(self.folder, binary, 18080, upstream)

    def prepare(self, _case: Case, _contender: Contender, upstream: int) -> tuple[Ground, Setup]:
        return self.ground("a", Path("proxy"), upstream), self.setup

    def start(self, case: Case, _contender: Contender, _stack: Any, upstream: int) -> Any:
        ground = self.ground("a", Path("proxy"), upstream)
        return SimpleNamespace(ground=ground, setup=self.setup, request=case.request, program=self.program)

    def load(self, _runner: Any, _seconds: int) -> Load:
        return self.loads.pop(0)

    def clocks(self, _runner: Any, _upstream: Any = None) -> Any:
        return SimpleNamespace(since=lambda *_: self.windows.pop(0))

    def progress(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def fake(tmp_path: Path) -> FakeBench:
    return FakeBench(tmp_path)


@pytest.fixture
def session(fake: FakeBench) -> Callable[..., Any]:
    """Begins a method's work on a case of the fake bench, with started contenders of these names."""

    def begin(method: Method, *names: str, status: int = 200) -> Any:
        contenders = tuple(Contender(name, name, "proxy", lambda _: fake.setup) for name in names)
        case = Case("a-case", "A case", Request("GET", "/items", {}), status, contenders, method)
        made: Any = method.session(fake, case, contextlib.ExitStack())  # type: ignore[arg-type]
        for contender in contenders:
            made.start(contender)
        return made, contenders

    return begin


class FakeProgram(contextlib.AbstractContextManager["FakeProgram"]):
    def __init__(self, *_arguments: Any) -> None:
        self.listening = False

    def __exit__(self, *_exc: object) -> None:
        pass

    def wait_for_port(self, *_arguments: Any) -> None:
        self.listening = True


@pytest.fixture
def fake_program() -> type[FakeProgram]:
    """Stands for a program that is started, and starts none."""
    return FakeProgram
