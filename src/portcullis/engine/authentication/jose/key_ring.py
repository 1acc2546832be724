"""The keys of one issuer as a worker knows them now, and the way to newer ones.

Until it was told of keys a ring has none, and so has one whose keys nobody could renew for too long: their age is
watched here, so that it counts also while the control process is away. A token that names an unknown key is worth a
question to the control process, but not more than one in a while, or callers could make the gateway flood the issuer;
and only a few callers wait for the answer, so that they can't keep others from being answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from portcullis.engine.authentication.jose.errors import NoKeysError
from portcullis.engine.authentication.jose.key_set import NO_KEYS, KeySet, read_key_set
from portcullis.engine.authentication.jose.key_source import (
    FRESH,
    REFETCH,
    KeySource,
    decode_update,
    encode_source,
)
from portcullis.engine.ports import Ports, Unanswered

MAX_WAITING = 64
"""Callers of one issuer that wait for newer keys at a time, in one worker."""
SILENT_SECONDS = 1.0
"""How long nobody is asked again where there was no answer at all."""


class KeyRing:
    """Keys that may change: ``keys``, to be used until ``usable_until`` (Unix seconds)."""

    __slots__ = (
        "_ask_after_ns",
        "_changed",
        "_document",
        "_ports",
        "_source",
        "_waiting",
        "in_doubt",
        "keys",
        "usable_until",
    )

    def __init__(self, source: KeySource, ports: Ports) -> None:
        self.keys: KeySet = NO_KEYS
        self.usable_until = 0.0
        self.in_doubt = False
        """Whether there may be newer keys, since the issuer could not be asked."""
        self._source = source
        self._ports = ports
        self._document = b""
        self._ask_after_ns = 0
        self._waiting = 0
        self._changed: list[Callable[[], None]] = []
        ports.topics.subscribe(source.topic, self.apply)

    def __repr__(self) -> str:
        return f"KeyRing({self._source.place}, {self.keys!r}, until={self.usable_until:.0f}, waiting={self._waiting})"

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever the keys change."""
        self._changed.append(forget)

    def apply(self, message: bytes) -> None:
        """Take over an encoded ``KeySetUpdate``. Raises ``ValueError``, and keeps what it has."""
        update = decode_update(message)
        if update.document != self._document:
            self.keys = read_key_set(update.document, self._source.algorithms).keys
            self._document = update.document
            for forget in self._changed:
                forget()
        self.usable_until = update.usable_until
        self.in_doubt = False

    def usable(self, now: float) -> KeySet:
        """The keys at ``now``, in Unix seconds. Raises :class:`NoKeysError`."""
        if now >= self.usable_until:
            have = "the keys are too old" if self.usable_until else "no keys were fetched yet"
            raise NoKeysError(f"{have}: {self._source.place}")
        return self.keys

    @property
    def may_ask(self) -> bool:
        """Whether it is worth waiting for :meth:`ask` now."""
        return self._waiting < MAX_WAITING and self._ports.clock.now_ns() >= self._ask_after_ns

    @property
    def is_crowded(self) -> bool:
        """Whether as many wait for newer keys as may."""
        return self._waiting >= MAX_WAITING

    async def ask(self) -> None:
        """Let newer keys be fetched; when it returns they are here, as far as there are any."""
        self._waiting += 1
        pause = self._source.refetch
        try:
            self.in_doubt = await self._ports.questions.ask(REFETCH, encode_source(self._source)) != FRESH
        except Unanswered:
            self.in_doubt = True
            pause = min(pause, SILENT_SECONDS)
        finally:
            self._waiting -= 1
        self._ask_after_ns = self._ports.clock.now_ns() + round(pause * 1e9)


class FixedKeys:
    """Keys that are what the file says, until it is read again. Stands where a :class:`KeyRing` can."""

    __slots__ = ("_why_none", "keys", "usable_until")

    may_ask = False
    is_crowded = False
    in_doubt = False

    def __init__(self, keys: KeySet, why_none: str = "") -> None:
        self.keys = keys
        self.usable_until = 0.0 if why_none else math.inf
        self._why_none = why_none

    def usable(self, now: float) -> KeySet:
        """The keys. Raises :class:`NoKeysError` where there are none to be had here."""
        if now >= self.usable_until:
            raise NoKeysError(self._why_none)
        return self.keys

    def on_change(self, forget: Callable[[], None]) -> None:
        """They do not change."""

    async def ask(self) -> None:
        """There are no others."""
