"""How many workers serve, and how many connections they may have together."""

from __future__ import annotations

import os

from portcullis.engine.config.model import Configuration
from portcullis.serve.generations import MAX_WORKERS
from portcullis.serve.listening import ADMIN


def worker_count(configuration: Configuration, forced: int | None) -> int:
    """Workers of one generation: ``forced``, or what the file says; ``auto`` is one for each CPU we may use."""
    wanted = forced or configuration.process.workers
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) if wanted == "auto" else wanted)


def max_connections(configuration: Configuration, workers: int) -> int:
    """Connections that ``workers`` workers may have on all listeners that serve APIs."""
    listeners = [listener for name, listener in configuration.listeners.items() if name != ADMIN]
    return workers * sum(listener.max_connections for listener in listeners)
