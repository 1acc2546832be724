"""One after the other: of those that share a subject one is served at a time, the others wait, and not too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

MAX_OF_ONE: Final = 32
"""How many may wait for the turn of one subject."""


class TooManyWaitError(Exception):
    """There is no place to wait in."""


class Turns:
    """Turns of any number of subjects. Subjects that nobody uses take no memory."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    def __repr__(self) -> str:
        return f"Turns({len(self._locks)} subjects)"

    @asynccontextmanager
    async def of(self, subject: str) -> AsyncIterator[None]:
        """The turn of ``subject``, as soon as it comes. Raises :class:`TooManyWaitError` at once."""
        lock, users = self._locks.setdefault(subject, (asyncio.Lock(), []))
        if len(users) > MAX_OF_ONE:
            raise TooManyWaitError
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                del self._locks[subject]
