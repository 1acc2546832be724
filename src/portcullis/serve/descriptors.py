"""How many connections a process may have: the system's limit of open files, raised as far as it lets us."""

from __future__ import annotations

import contextlib
import resource

from portcullis.engine.config.model import Configuration
from portcullis.serve.listening import ADMIN

RESERVE = 100
"""Descriptors of a worker that are no connections."""


def raise_limit() -> int:
    """Raise the soft limit of this process and its children-to-be to the hard one; gives what holds then.

    Shells and service managers start with 1,024 for the sake of programs that use ``select(2)``, which ours don't.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def shortage(configuration: Configuration, limit: int) -> str:
    """What to say where the file asks for more connections than ``limit`` lets a worker have; ``""`` if it does not.

    A cap that the file leaves to its default asks for nothing.
    """
    asked = sum(
        listener.max_connections
        for name, listener in configuration.listeners.items()
        if name != ADMIN and "max_connections" in listener.model_fields_set
    )
    if limit < 0 or asked + RESERVE <= limit:
        return ""
    return f"a worker may have {limit} open files, but {asked} connections are allowed: raise the limit (ulimit -n)"
