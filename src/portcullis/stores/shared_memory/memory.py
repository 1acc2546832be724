"""What the processes of one gateway share: made once by the supervisor, inherited by every worker it forks."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from portcullis.stores.shared_memory import saved
from portcullis.stores.shared_memory.connections import SharedConnectionCounts
from portcullis.stores.shared_memory.counters import SharedCounters

_FILE: Final = "counters"
_SECRET_BYTES: Final = 16


class SharedMemory:
    """The shared counters. ``counters``: of rates; ``connections``: of open connections by client address.

    It must be made before the first fork, and nothing has to be done after one: what is not in the shared memory
    (which slot a key was last seen in) is a cache, empty at first and right whatever other processes do.

    ``restored``: how many counters with debt were taken over from the last run.
    """

    def __init__(
        self, directory: Path | None, *, counter_slots: int, connections: int, workers: int, now_ns: int
    ) -> None:
        """Make it, with what :meth:`save` left in ``directory`` (the state directory, of mode 0700).

        ``counter_slots``: how many counters can be in use at a time; ``connections``: how many connections there can
        be at a time in all workers; ``workers``: how many worker indices are used, counting those of a generation
        that drains while the next one works; ``now_ns``: the time, of the clock that the workers will use.
        """
        self._path = None if directory is None else directory / _FILE
        before = saved.read(self._path, now_ns) if self._path is not None else None
        self._secret = before.secret if before is not None else secrets.token_bytes(_SECRET_BYTES)
        self.counters = SharedCounters(counter_slots, self._secret)
        self.restored = self.counters.restore(before.debts, now_ns) if before is not None else 0
        self.connections = SharedConnectionCounts(2 * connections, workers, self._secret)

    def save(self, now_ns: int) -> None:
        """Write the counters with debt to the directory, for the next start. When no worker runs any more.

        Raises ``OSError``; nothing is written where there is no directory.
        """
        if self._path is not None:
            saved.write(self._path, self._secret, self.counters.debts(now_ns), now_ns)
