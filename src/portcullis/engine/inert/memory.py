"""How much of the memory for bodies one body or message can have."""

from __future__ import annotations

from portcullis.engine.config.model import Configuration


def room_for_one(configuration: Configuration) -> tuple[str, int]:
    """The key of ``process`` that bounds a single body, and the bytes that it lets it have.

    Behind a trusted proxy a client has no share of his own, so there the memory of all is the bound.
    """
    process = configuration.process
    if any(listener.trusted_proxies for listener in configuration.listeners.values()):
        return "buffer_memory", process.buffer_memory
    return "buffer_memory_per_address", process.memory_per_address
