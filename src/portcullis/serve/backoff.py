"""How long to wait before a process that has ended is started again."""

from __future__ import annotations

from typing import Final

GROWN_SECONDS: Final = 10.0
"""A process that has lived this long was not ended by how it starts."""
_PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


class Backoff:
    """Of one kind of process. One that had lived is replaced at once, and so is the first that dies young.

    Those that go on dying young are replaced ever more rarely: a fault that stays must neither eat the processor nor
    flood the log.
    """

    __slots__ = ("_young",)

    def __init__(self) -> None:
        self._young = 0

    def __repr__(self) -> str:
        return f"<Backoff after {self._young} that died young>"

    def after(self, lived: float) -> float:
        """Seconds to wait now that one has ended, ``lived`` seconds after it was started."""
        self._young = 1 if lived >= GROWN_SECONDS else self._young + 1
        return _PAUSES[min(self._young, len(_PAUSES)) - 1]


def in_seconds(pause: float) -> str:
    """`` in 2 s``, to follow what will be done; nothing if that is at once."""
    return f" in {pause:g} s" if pause else ""
