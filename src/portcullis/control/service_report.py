"""The call graph as it was used: which edges calls went along, and who tried what is none. Read from the access log.

A service is in a record as the caller, beside the caller (``also``), or as who acts for it (``actors``); a call counts
for the edge that let it pass, the narrower one where there are two. The log is read as a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from portcullis.control.log_tally import LogLine, LogReport, LogTally
from portcullis.engine.authorization.call_graph import CallGraph
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.identity import Identity
from portcullis.engine.policies.authorize.services import LATERAL_MOVEMENT, TOO_MANY_ACTORS, WRONG_ACTOR

MAX_MOVES: Final = 2_000
"""How many kinds of refused calls are told apart."""
_REFUSED: Final = frozenset({LATERAL_MOVEMENT.name, WRONG_ACTOR.name, TOO_MANY_ACTORS.name})
_NO_BUSINESS: Final = ("guard", "authenticate", "authorize")


class EdgeUse(msgspec.Struct, frozen=True):
    """An edge of the graph, ``may_call`` of ``service``, and how many calls it let pass."""

    service: str
    may_call: str
    calls: int


class Move(msgspec.Struct):
    """Calls that are none of the graph: by whom, to what, how often, and the last one of them."""

    code: str
    caller: str
    api: str
    operation: str
    count: int = 0
    request_id: str = ""


class ServiceReport(LogReport, kw_only=True):
    """The outcome.

    ``edges``: in the order of the file; ``moves``: the most frequent first; ``complete``: every kind of refused call is
    there.
    """

    complete: bool
    edges: list[EdgeUse]
    moves: list[Move]


class _Line(LogLine):
    request_id: str = ""
    decision: str = ""
    code: str = ""
    api: str = ""
    operation: str = ""
    consumer: str = ""
    identity: str = ""
    also: Sequence[str] = ()
    actors: Sequence[str] = ()


def report(loaded: LoadedConfiguration, file: Path, since: float) -> ServiceReport:
    """Read the log of the gateway that ``loaded``, read from ``file``, configures; ``since``: Unix seconds.

    Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError` if there is no log to read.
    """
    configuration = loaded.configuration
    tally = _Tally(CallGraph.of(configuration), since)
    tally.read(loaded, file)
    edges = ((name, edge) for name, service in configuration.services.items() for edge in service.may_call)
    return ServiceReport(
        **tally.extent(),
        complete=tally.complete,
        edges=[EdgeUse(name, edge, tally.calls.get((name, edge), 0)) for name, edge in edges],
        moves=sorted(tally.moves.values(), key=lambda move: (-move.count, move.api, move.operation, move.caller)),
    )


class _Tally(LogTally[_Line]):
    """``calls``: by service and edge; ``moves``: what was refused."""

    def __init__(self, graph: CallGraph, since: float) -> None:
        super().__init__(_Line, since)
        self.complete = True
        self.calls: dict[tuple[str, str], int] = {}
        self.moves: dict[tuple[str, str, str, str], Move] = {}
        self._graph = graph

    def count(self, record: _Line) -> None:
        """Count a call for the edge that it went along, or among those that went along none."""
        if record.code in _REFUSED:
            self._add_move(record)
        elif record.operation and record.code.partition(".")[0] not in _NO_BUSINESS:
            for service in {*self._services(record)}:
                edge = self._graph.edge(service, record.api, record.operation)
                if edge is not None:
                    self.calls[service, edge] = self.calls.get((service, edge), 0) + 1

    def _services(self, record: _Line) -> Iterator[str]:
        """The services that a record says were proven."""
        for index, consumer in enumerate((record.consumer, *record.also)):
            identity, _, subject = consumer.partition(":")
            actors = tuple(record.actors) if index == 0 else ()
            service = self._graph.service_of(Identity("", subject, name=identity, actors=actors))
            if service is not None:
                yield service

    def _add_move(self, record: _Line) -> None:
        # Beside a user's token the service is what was proven besides.
        caller = next(iter(self._services(record)), "") or record.identity or "nobody"
        key = (record.code, caller, record.api, record.operation)
        move = self.moves.get(key)
        if move is None:
            if len(self.moves) >= MAX_MOVES:
                self.complete = False
                return
            move = self.moves[key] = Move(*key)
        move.count += 1
        move.request_id = record.request_id
