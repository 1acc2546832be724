"""Identities of a list whose turn never comes.

The first identity whose credential is in a request decides. One that is listed twice, or reads its key only from where
an earlier one of the same list reads its own, is never asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place
from portcullis.engine.config.model import Configuration
from portcullis.engine.inert.estate import Estate

_LISTED = ("authenticate", "any_of")


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each."""
    places = {name: _key_places(estate.configuration, name) for name in estate.configuration.identities}
    for place, keys in estate.usage.leaves:
        if keys == _LISTED:
            yield from _of_list(estate, place, places)


def _of_list(estate: Estate, place: Place, places: Mapping[str, frozenset[str]]) -> Iterator[Diagnostic]:
    listed = estate.usage.value(place, _LISTED)
    readers: dict[str, str] = {}
    seen: set[str] = set()
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        where = (*place, *_LISTED, index)
        mine = places[name]
        if name in seen:
            yield estate.loaded.diagnostic(where, f'"{name}" is listed twice', "remove one of them")
        elif mine and mine <= readers.keys():
            message = f'"{name}" is never asked: "{readers[min(mine)]}" reads keys from the same place, and comes first'
            yield estate.loaded.diagnostic(where, message, "give one of them another header, or remove it")
        seen.add(name)
        readers = {**dict.fromkeys(mine, name), **readers}


def _key_places(configuration: Configuration, name: str) -> frozenset[str]:
    """Where an identity that goes by API keys looks for one; nothing for other kinds, which differ by more."""
    config = configuration.identities[name].api_key
    if config is None:
        return frozenset()
    places = []
    if config.header is not None:
        places.append(f"header {config.header.lower()}")
    if config.query is not None:
        places.append(f"query {config.query}")
    return frozenset(places)
