"""The parts of the control process that policies need: one module each, found by its place.

A module says with its ``PART`` what of the configuration it needs (``settings``, which travel from the supervisor as
the text was read) and how it is made. A part announces topics and answers questions at the hub, gives the control
socket routes, and does in ``run`` whatever has to be done regularly.

The supervisor imports these modules too, for the settings, and all processes share what it has imported. So what only
a running part needs (a database, calls to others, routes) is imported where it is used: in ``make``, or for types.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from portcullis.engine.config.model import Configuration
from portcullis.engine.ports import Counters

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.keys import KeyService
    from portcullis.control.outgoing import Outgoing
    from portcullis.control.worker_hub import WorkerHub
    from portcullis.stores.database.connection import Database
    from portcullis.stores.files import ConfigurationFiles


class ControlServices(msgspec.Struct, frozen=True, eq=False):
    """What parts are made from.

    ``wall_s``: Unix seconds; ``files``: below the configuration file's folder; ``state``: the state directory;
    ``outgoing``: calls to others, by what is in force; ``counters``: those that workers count with; ``keys``: the API
    keys, whose changes workers are told.
    """

    hub: WorkerHub
    database: Database
    files: ConfigurationFiles
    state: Path
    wall_s: Callable[[], float]
    outgoing: Outgoing
    counters: Counters
    keys: KeyService


class ControlPart(Protocol):
    """A running part. Methods are called in the control process's loop."""

    def take_over(self, settings: Any) -> None:
        """Go by ``settings`` from now on: at first, and after every reload."""

    def routes(self) -> Sequence[BaseRoute]:
        """What the control socket offers of it; asked for once."""

    async def run(self) -> None:
        """Do what has to be done regularly, until cancelled. What it raises ends the control process."""


class PartKind(msgspec.Struct, frozen=True):
    """``name``: in the settings; ``settings``: their type, whose defaults mean that there is nothing to do.

    ``of``: what of a configuration they are; ``make``: the part.
    """

    name: str
    settings: type[msgspec.Struct]
    of: Callable[[Configuration], msgspec.Struct]
    make: Callable[[ControlServices], ControlPart]


@cache
def part_kinds() -> tuple[PartKind, ...]:
    """All of them, by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted((module.PART for module in modules), key=lambda kind: kind.name))


def settings_of(configuration: Configuration) -> dict[str, msgspec.Raw]:
    """The settings of all parts, to be sent."""
    return {kind.name: msgspec.Raw(msgspec.json.encode(kind.of(configuration))) for kind in part_kinds()}


def read_settings(kind: PartKind, sent: dict[str, msgspec.Raw]) -> msgspec.Struct:
    """The settings of ``kind`` among those that were ``sent``; its defaults where it has none there."""
    return msgspec.json.decode(sent[kind.name], type=kind.settings) if kind.name in sent else kind.settings()
