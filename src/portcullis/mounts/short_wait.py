"""What may wait for a moment, since something else may do it meanwhile: many such calls share a timer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

MOMENT_SECONDS: Final = 0.001

_log = logging.getLogger(__name__)


class ShortWait:
    """Makes each call after one to two moments: what came from the network by then has been read."""

    __slots__ = ("_coming", "_due")

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []
        self._coming: list[Callable[[], None]] = []

    def add(self, call: Callable[[], None]) -> None:
        """Make ``call`` in a moment."""
        if not self._coming and not self._due:
            asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._tick)
        self._coming.append(call)

    def _tick(self) -> None:
        calls, self._due, self._coming = self._due, self._coming, []
        if self._due:
            asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._tick)
        for call in calls:
            try:
                call()
            except Exception:  # noqa: BLE001 - whatever fails, the others must be called
                _log.exception("%r could not be called", call)
