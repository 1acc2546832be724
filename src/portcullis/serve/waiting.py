"""Waiting in a loop whose background tasks must not end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any


class BackgroundEnded(RuntimeError):  # noqa: N818 - reads well after "raise"
    """A task that runs as long as its process does has come to an end."""


async def until(background: Collection[asyncio.Task[Any]], *events: asyncio.Event) -> None:
    """Return when one of ``events`` is set.

    Raises what ended a task of ``background``, or :class:`BackgroundEnded` if it just ended: a process that goes on
    without it (without deadlines, without news of revoked keys) is worse than one that dies and is replaced.
    """
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait([*background, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    for task in done.intersection(background):
        task.result()
        raise BackgroundEnded(task.get_name())
