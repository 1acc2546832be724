"""Counters in the shared memory of one machine: exact across workers, without a server, safe from ``kill -9``."""

from portcullis.stores.shared_memory.connections import SharedConnectionCounts
from portcullis.stores.shared_memory.counters import SharedCounters
from portcullis.stores.shared_memory.memory import SharedMemory

__all__ = ["SharedConnectionCounts", "SharedCounters", "SharedMemory"]
