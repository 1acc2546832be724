"""The keys of our own access tokens as a worker knows them: told by the control process before they sign anything."""

from __future__ import annotations

import math
from collections.abc import Callable

from portcullis.engine.authentication.jose.errors import NoKeysError
from portcullis.engine.authentication.jose.key_set import NO_KEYS, KeySet, read_key_set
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.token_service.messages import KEYS, decode_keys

MAX_WAITING = 64
"""Callers that wait for newer keys at a time, in one worker."""
PAUSE_SECONDS = 1.0
"""How long at least between two questions because of tokens by unknown keys."""


class TrustedKeys:
    """Stands where a :class:`~portcullis.engine.authentication.jose.key_ring.KeyRing` can.

    ``issuer``: whose keys they are, empty until it was told.
    """

    __slots__ = ("_ask_after_ns", "_changed", "_document", "_ports", "_waiting", "in_doubt", "issuer", "keys")

    def __init__(self, ports: Ports) -> None:
        self.issuer = ""
        self.keys: KeySet = NO_KEYS
        self.in_doubt = False
        self._ports = ports
        self._document = b""
        self._ask_after_ns = 0
        self._waiting = 0
        self._changed: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"TrustedKeys({self.issuer}, {self.keys!r})"

    @property
    def usable_until(self) -> float:
        """Forever, once there are any: a key that signs no more is taken away by who keeps it."""
        return math.inf if self.issuer else 0.0

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever the keys change."""
        self._changed.append(forget)

    def apply(self, message: bytes) -> None:
        """Take over encoded ``PublishedKeys``. Raises ``ValueError``, and keeps what it has."""
        published = decode_keys(message)
        if published.access != self._document or published.issuer != self.issuer:
            self.keys = read_key_set(published.access).keys
            self._document, self.issuer = published.access, published.issuer
            for forget in self._changed:
                forget()
        self.in_doubt = False

    def usable(self, now: float) -> KeySet:  # noqa: ARG002 - they do not age
        """The keys. Raises :class:`NoKeysError` where it was told of none."""
        if not self.issuer:
            raise NoKeysError("the token service has told of no keys yet")
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
        """Let the control process tell its keys again; when it returns they are here."""
        self._waiting += 1
        try:
            self.apply(await self._ports.questions.ask(KEYS, b""))
        except (Unanswered, ValueError):
            self.in_doubt = True
        finally:
            self._waiting -= 1
        self._ask_after_ns = self._ports.clock.now_ns() + round(PAUSE_SECONDS * 1e9)
