"""What a benchmark is made of: cases, who takes part, how a figure is taken, and what is made of the figures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.load import Request
from bench.peers import SetupFunction

if TYPE_CHECKING:
    from bench.measure import Bench, Session

OURS = "portcullis"
"""The contender that ratios and figures are about, unless they name another one."""

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Contender:
    """A proxy in one setup."""

    name: str
    """Key in the results; unique in its case."""
    title: str
    tool: str
    """The program it needs, see ``bench/install.py``."""
    setup: SetupFunction
    in_quick: bool = True
    """Whether it takes part in a quick run."""


@dataclass(frozen=True, slots=True)
class Method:
    """How a figure is taken, and how it is told."""

    title: str
    """What the figure is, with its unit."""
    session: Callable[[Bench, Case, contextlib.ExitStack], Session]
    """Begins the work on a case; what it starts ends with the stack."""
    digits: int = 1
    """Decimals that mean something."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What else of a round is shown: key in its details to heading; a heading that ends in ``%`` is of a share."""
    once: bool = False
    """One round says it all: a second one would find memory or files as the first left them."""
    saturates: bool = False
    """Whether the proxy is to be kept as busy as it can be, so that idling is worth a remark."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is done over and over, by everybody who takes part."""

    name: str
    title: str
    request: Request
    status: int
    contenders: tuple[Contender, ...]
    method: Method
    body: str | None = None
    """The upstream's answer, which must come back unless a setup says otherwise; ``None``: it does not matter."""
    credential: bool = False
    """Whether the request carries what the contender's setup gives as credential."""
    in_quick: bool = True
    """Whether a quick run measures it."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by theirs: below 1 we need less."""

    name: str
    case: str
    theirs: str
    goal: float | None = None
    """The most it should be."""
    ours: str = OURS


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of ours that stands for itself."""

    name: str
    """Ends in its unit."""
    case: str
    detail: str | None = None
    """Which detail of the rounds; ``None``: the figure itself."""
    goal: float | None = None
    """The most it should be."""
