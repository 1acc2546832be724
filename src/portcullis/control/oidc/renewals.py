"""Renewals that are under way: one of a session at a time, so many at once, the others in the order in which they came.

They wait rather than be dropped: one that is asked for again later may find all turns taken again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

MAX_AT_ONCE: Final = 24
MAX_RENEWALS: Final = 1_000
"""Those under way, and those that wait for their turn."""

Renew = Callable[[], Coroutine[Any, Any, None]]


class Renewals:
    """See the module. Sessions are known by the digests of their ids."""

    def __init__(self) -> None:
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, digest: bytes, renew: Renew) -> asyncio.Task[None] | None:
        """The one renewal of a session, by ``renew`` unless it has begun; ``None`` where too many wait."""
        task = self._tasks.get(digest)
        if task is None and len(self._tasks) < MAX_RENEWALS:
            task = self._tasks[digest] = asyncio.create_task(self._by_turns(renew))
            if len(self._tasks) > MAX_AT_ONCE:
                self._waiting.add(task)
            task.add_done_callback(lambda done: self._forget(digest, done))
        return task

    async def end(self) -> None:
        """Let those that have begun come to their end, since a refresh token that was used is worth nothing.

        Those that wait have used none.
        """
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _by_turns(self, renew: Renew) -> None:
        async with self._turns:
            task = asyncio.current_task()
            assert task is not None
            self._waiting.discard(task)
            await renew()

    def _forget(self, digest: bytes, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        del self._tasks[digest]
