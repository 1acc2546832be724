"""How each proxy is set up for each case: one module a proxy, one function a setup.

A setup function takes its :class:`Ground` (where to write, which ports) and gives a :class:`Setup` (what to start).
It knows nothing of how the figures are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Request


@dataclass(frozen=True, slots=True)
class Ground:
    """What a setup may build on."""

    folder: Path
    """An empty folder of its own."""
    binary: Path
    """The program."""
    port: int
    """Where the proxy must listen, on 127.0.0.1."""
    upstream: int
    """Where the upstream listens, on 127.0.0.1."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A call that shows that a control is really on, made once before anything is measured."""

    title: str
    request: Request
    status: int
    headers: tuple[str, ...] = ()
    """Fields that the answer must have."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to start, and how to call it."""

    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    credential: Mapping[str, str] = field(default_factory=dict)
    """Header fields that prove who calls."""
    access_log: Path | None = None
    """File with one line a request."""
    probes: tuple[Probe, ...] = ()
    answer: str | None = None
    """What comes back to the case's call, where that is not the upstream's answer as it is."""
    paths: tuple[str, ...] = ()
    """Paths to ask for in turn, where it is not the case's alone."""
    secure: bool = False
    """Whether it is called over TLS."""
    refused_messages: Mapping[str, str] = field(default_factory=dict)
    """Messages of a WebSocket that must end its session, by what they show."""
    remarks: tuple[str, ...] = ()
    """What a reader of the figures must know of this setup."""


SetupFunction = Callable[[Ground], Setup]
