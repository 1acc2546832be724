"""What may be used once only: a first use wins, whichever worker sees it.

A use is remembered by a counter with room for one, which lasts as long as what is used (see
:mod:`portcullis.engine.gcra`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from portcullis.engine.ports import Clock, Counters

MAX_SECONDS: Final = 86_400.0
"""For how long a use can be remembered: each takes a place in the counters (``state.counter_slots``)."""
_MARGIN_SECONDS: Final = 1.0


class SingleUse:
    """Remembers uses of things of one ``kind``: a text that tells them from others, and from those of others."""

    __slots__ = ("_clock", "_counters", "_prefix")

    def __init__(self, kind: str, counters: Counters, clock: Clock) -> None:
        self._prefix = b"once:" + kind.encode() + b"\0"
        self._counters = counters
        self._clock = clock

    def is_first(self, name: str | bytes, seconds: float) -> bool:
        """Whether ``name`` is used for the first time, and remember it for ``seconds``, at most ``MAX_SECONDS``.

        Raises :class:`~portcullis.engine.ports.CounterStoreError` where that can't be found out, and ``ValueError`` for
        something that lasts longer.
        """
        if seconds > MAX_SECONDS:
            raise ValueError(f"a use can be remembered for {MAX_SECONDS:.0f} s at most")
        interval = round((max(seconds, 0.0) + _MARGIN_SECONDS) * 1e9)
        return self._counters.take(self._key(name), interval, 1, self._clock.now_ns()).allowed

    def give_back(self, name: str | bytes) -> None:
        """Forget the use of ``name``, which came to nothing. Raises ``CounterStoreError``."""
        now = self._clock.now_ns()
        until = self._counters.recall(self._key(name), now)
        if until:
            self._counters.replace(self._key(name), until, now, now)

    def _key(self, name: str | bytes) -> bytes:
        return self._prefix + sha256(name.encode() if isinstance(name, str) else name).digest()
