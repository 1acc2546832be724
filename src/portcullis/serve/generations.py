"""The generations of workers that live at a time: at most one serves, one is to replace it, others still finish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.serve.link import Link, Message

MAX_WORKERS: Final = 128
GENERATIONS_AT_A_TIME: Final = 8
"""One serves and one comes; the others finish what they have, each for as long as ``process.drain`` allows."""


READY_SECONDS: Final = 30.0
"""How long workers may take to serve, once everything is compiled."""


class Generation(msgspec.Struct, eq=False):
    """One template (``process``, on ``link``) and its workers. Times are of the monotonic clock, in seconds.

    ``slot``: which of the blocks of worker indices is its own; ``ready``: which of its workers serve; ``lost``: how
    many of them have died; ``ready_by``: when all must serve, ``None`` until everything is compiled and they are
    started; ``failure``: why they can't be; ``warnings``: how many there are about its files; ``retired``: which of its
    workers accept no more connections.
    """

    number: int
    process: int
    link: Link
    workers: int
    slot: int
    loaded: LoadedConfiguration
    started: float
    ready: set[int] = msgspec.field(default_factory=set)
    lost: int = 0
    ready_by: float | None = None
    failure: Sequence[Diagnostic] = ()
    warnings: int = 0
    retired: set[int] = msgspec.field(default_factory=set)

    @property
    def serves(self) -> bool:
        """Whether every worker does."""
        return len(self.ready) == self.workers

    @property
    def accepts(self) -> bool:
        """Whether one of its workers may still accept a connection."""
        return len(self.retired) < self.workers

    def take(self, message: Message, now: float) -> None:
        """Take in what its template says."""
        match message.word:
            case "ready":
                self.ready.add(message.worker)
            case "compiled":
                self.ready_by = now + READY_SECONDS
                self.warnings = len(message.diagnostics) + len(self.loaded.warnings)
            case "failed":
                self.failure = message.diagnostics
            case "retired":
                self.retired.add(message.worker)
            case "worker_lost":
                self.ready.discard(message.worker)
                self.lost += 1
            case _:
                pass


def indices_of(slot: int, workers: int) -> list[int]:
    """The indices of the first ``workers`` workers of a slot; no two living workers may have the same."""
    return [slot * MAX_WORKERS + worker for worker in range(workers)]


class Generations:
    """``current`` serves, ``coming`` is to take over, those in ``draining`` finish what they have."""

    def __init__(self) -> None:
        self.current: Generation | None = None
        self.coming: Generation | None = None
        self.draining: list[Generation] = []
        self._resting: dict[int, float] = {}

    def __repr__(self) -> str:
        numbers = [each.number if each else None for each in (self.current, self.coming)]
        return f"<Generations current={numbers[0]} coming={numbers[1]} draining={[g.number for g in self.draining]}>"

    def __iter__(self) -> Iterator[Generation]:
        return (each for each in (self.current, self.coming, *self.draining) if each is not None)

    def of_process(self, process: int) -> Generation | None:
        """The generation whose template is this process."""
        return next((each for each in self if each.process == process), None)

    def of_descriptor(self, descriptor: int) -> Generation | None:
        """The generation whose link has this descriptor."""
        return next((each for each in self if each.link.fileno() == descriptor), None)

    def free_slot(self, now: float) -> int | None:
        """A slot none of whose workers can still be alive; ``None`` if there is none at the moment."""
        taken = {each.slot for each in self}
        free = (slot for slot in range(GENERATIONS_AT_A_TIME) if slot not in taken)
        return next((slot for slot in free if self._resting.get(slot, now) <= now), None)

    def next_free(self, now: float) -> float | None:
        """When the next slot of a generation that is gone becomes free; ``None`` if no slot waits for that."""
        return min((until for until in self._resting.values() if until > now), default=None)

    def take_over(self) -> Generation | None:
        """The coming generation serves from now on. Gives the one before it, which drains."""
        before, self.current, self.coming = self.current, self.coming, None
        if before is not None:
            self.draining.append(before)
        return before

    def give_up(self) -> Generation | None:
        """The coming generation will not serve: what it has begun it may finish. Gives it."""
        given_up, self.coming = self.coming, None
        if given_up is not None:
            self.draining.append(given_up)
        return given_up

    def remove(self, generation: Generation, rest_until: float = 0.0) -> None:
        """The template of ``generation`` is gone. Workers that it left behind may live until ``rest_until``."""
        if generation is self.current:
            self.current = None
        elif generation is self.coming:
            self.coming = None
        else:
            self.draining.remove(generation)
        self._resting.pop(generation.slot, None)
        if rest_until:
            self._resting[generation.slot] = rest_until
