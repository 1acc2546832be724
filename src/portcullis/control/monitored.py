"""The places of a configuration that say ``mode: monitor``, and which operations they hold for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from portcullis.engine.codes import PHASES
from portcullis.engine.config import tree
from portcullis.engine.config.layers import Place, layers_of
from portcullis.engine.config.load import LoadedConfiguration

_MODE = "mode"
_MONITOR = "monitor"
_OF_PHASES = ("authenticate", "limit")
"""Sections with one mode for all kinds of their phase."""
_PHASES = frozenset(PHASES) - {*_OF_PHASES}


class Rule(msgspec.Struct, frozen=True):
    """A key that says ``monitor``, as a path of keys, its ``file:line``, and the ``calls`` it watched."""

    mode: str
    mode_at: str
    calls: int = 0


class MonitoredRules:
    """Finds them. ``loaded`` was read from ``file``; files are named as they can be opened from where ``file`` can."""

    def __init__(self, loaded: LoadedConfiguration, file: Path) -> None:
        self._loaded = loaded
        self._file = file

    def knows(self, api: str, version: str) -> bool:
        """Whether the file still has this version of this API."""
        config = self._loaded.configuration.apis.get(api)
        return config is not None and version in config.versions

    def mode_of(self, policy: str, api: str, version: str, operation: str) -> tuple[str, str]:
        """The key that lets ``policy`` only monitor an operation, and its ``file:line``; ``""`` if none does."""
        if not self.knows(api, version):
            return "", ""
        phase, _, kind = policy.partition(".")
        section = (phase,) if phase in _OF_PHASES else (phase, kind)
        for place, _settings in layers_of(api, self._loaded.configuration.apis[api], version, operation):
            node = tree.find(self._loaded.root, (*place, *section))
            path = (*place, *section, _MODE) if isinstance(node, tree.Mapping) else (*place, *section)
            value = tree.find(self._loaded.root, path)
            if isinstance(value, tree.Scalar):
                return self._named(path) if value.text == _MONITOR else ("", "")
        return "", ""

    def quiet(self, calls: Mapping[tuple[str, str, str], int], loud: Collection[str]) -> list[Rule]:
        """The keys that say ``monitor`` and are not at one of ``loud``, with the calls that they watched."""
        watched: dict[Place, int] = dict.fromkeys(self._monitoring(), 0)
        for (api, version, operation), count in calls.items():
            if self.knows(api, version):
                for path in self._holding(api, version, operation, watched):
                    watched[path] += count
        rules = [Rule(*self._named(path), count) for path, count in watched.items()]
        return [rule for rule in rules if rule.mode_at not in loud]

    def _monitoring(self) -> Iterator[Place]:
        """The paths of everything below ``apis`` that says ``monitor``."""
        waiting: list[tuple[Place, tree.Node | None]] = [(("apis",), tree.find(self._loaded.root, ("apis",)))]
        while waiting:
            path, node = waiting.pop(0)
            if isinstance(node, tree.Mapping):
                waiting += [((*path, key), entry.node) for key, entry in node.entries.items()]
            elif isinstance(node, tree.Scalar) and node.value == _MONITOR and _is_mode(path):
                yield path

    def _holding(self, api: str, version: str, operation: str, watched: Mapping[Place, int]) -> Iterator[Place]:
        """Those of ``watched`` that hold for an operation: of two for the same key, the narrower one."""
        taken: set[Place] = set()
        for place, _ in layers_of(api, self._loaded.configuration.apis[api], version, operation):
            node = tree.find(self._loaded.root, place)
            for keys in _modes(node):
                if keys not in taken:
                    taken.add(keys)
                    if (*place, *keys) in watched:
                        yield (*place, *keys)

    def _named(self, path: Place) -> tuple[str, str]:
        source = self._loaded.sources.of(path)
        file = self._file if source == self._loaded.file else os.path.normpath(self._file.parent / source)
        return tree.pointer(path), f"{file}:{self._loaded.locate(path)[0]}"


def _is_mode(path: Place) -> bool:
    """Whether a mode stands at ``path``: at a key ``mode``, or at the policy itself, short for that."""
    return path[-1] == _MODE or path[-2] in _PHASES


def _modes(node: tree.Node | None) -> Iterator[Place]:
    """The paths of modes in settings: ``("limit", "mode")``, ``("validate", "request", "mode")``."""
    entries = node.entries if isinstance(node, tree.Mapping) else {}
    for phase, entry in entries.items():
        if phase in ("versions", "operations") or not isinstance(entry.node, tree.Mapping):
            continue
        for key, below in entry.node.entries.items():
            if key == _MODE:
                yield (phase, key)
            elif isinstance(below.node, tree.Mapping) and _MODE in below.node.entries:
                yield (phase, key, _MODE)
            elif isinstance(below.node, tree.Scalar):
                yield (phase, key)
