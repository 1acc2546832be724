"""What inert controls are looked for in: a compiled configuration, and what it was compiled from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from portcullis.engine.config.layers import Place
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import ApiConfig, Configuration
from portcullis.engine.config.references import ADMIN
from portcullis.engine.inert.usage import SettingsUsage
from portcullis.engine.openapi.document import SpecDocument, SpecOperation
from portcullis.engine.operation import Operation
from portcullis.engine.snapshot import Snapshot


class Routed(msgspec.Struct, frozen=True, eq=False):
    """An operation, the ``template`` of the paths that it is for, and what its ``document`` ``declared`` it to be."""

    operation: Operation
    template: str
    document: SpecDocument
    declared: SpecOperation


class Estate(msgspec.Struct, frozen=True, eq=False):
    """A compiled configuration.

    ``usage``: what became of the settings of operations; ``routed``: all operations; ``prefixes``: the paths before
    the document's paths, by API and version.
    """

    loaded: LoadedConfiguration
    snapshot: Snapshot
    usage: SettingsUsage
    routed: Sequence[Routed]
    prefixes: Mapping[tuple[str, str], tuple[str, ...]]

    @property
    def configuration(self) -> Configuration:
        """The configuration itself."""
        return self.loaded.configuration

    def api_listeners(self) -> Iterator[tuple[Place, ListenerConfig]]:
        """The listeners that APIs are served on, with their places."""
        for name, listener in self.configuration.listeners.items():
            if name != ADMIN and listener.redirect is None:
                yield ("listeners", name), listener

    def apis(self) -> Iterator[tuple[Place, ApiConfig]]:
        """The APIs, with their places."""
        for name, api in self.configuration.apis.items():
            yield ("apis", name), api
