"""Access logs that the contenders write: their lines are counted, and they are kept small."""

from __future__ import annotations

import os
import time
from pathlib import Path


def take_lines(log: Path, settle: float = 1.2) -> int:
    """Count the lines of an access log, and empty it so that the disk does not fill.

    Args:
        log: the file; its writer appends to it.
        settle: seconds for the writer to flush its last buffer.

    """
    time.sleep(settle)
    if not log.exists():
        return 0
    with log.open("rb") as lines:
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    empty(log)
    return count


def empty(log: Path) -> None:
    """Empty an access log; whoever writes it goes on at its beginning, since it appends."""
    if log.exists():
        os.truncate(log, 0)
