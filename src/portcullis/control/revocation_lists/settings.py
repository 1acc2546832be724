"""Which listeners look at revocation lists, and where these are."""

from __future__ import annotations

import msgspec

from portcullis.engine.config.listeners import OcspConfig
from portcullis.engine.config.model import Configuration


class OcspSource(msgspec.Struct, frozen=True):
    """Who is asked: the ``responder``, or those at ``hosts`` that certificates name; ``max_age``: seconds."""

    responder: str = ""
    hosts: tuple[str, ...] = ()
    max_age: float = 3600.0


class ListenerLists(msgspec.Struct, frozen=True):
    """The lists of one ``listener``, signed by authorities in ``client_ca``; ``refresh``: seconds.

    ``points``: hosts at which lists may be that certificates name; ``ocsp``: who is asked about single ones.
    """

    listener: str
    client_ca: str
    lists: tuple[str, ...]
    refresh: float
    points: tuple[str, ...] = ()
    ocsp: OcspSource | None = None


class RevocationListsSettings(msgspec.Struct, frozen=True):
    """The lists of all listeners."""

    listeners: tuple[ListenerLists, ...] = ()


def topic_of(listener: str) -> str:
    """What the lists of a listener are told as."""
    return f"revocation_lists/{listener}"


def settings_of(configuration: Configuration) -> RevocationListsSettings:
    """Those of ``configuration``."""
    found = []
    for name, listener in configuration.listeners.items():
        tls = listener.tls
        if tls is not None and tls.revocation is not None and tls.client_ca is not None:
            config = tls.revocation
            points = tuple(map(str.lower, config.distribution_points))
            ocsp = None if config.ocsp is None else _source_of(config.ocsp)
            found.append(ListenerLists(name, tls.client_ca, tuple(config.lists), config.refresh, points, ocsp))
    return RevocationListsSettings(tuple(found))


def _source_of(config: OcspConfig) -> OcspSource:
    return OcspSource(config.responder or "", tuple(map(str.lower, config.hosts)), config.max_age)
