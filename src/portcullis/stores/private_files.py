"""Files that nobody but the gateway's user may read, written so that a reader never sees half of one."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, and its folder where it is not there: whole, or not at all.

    Raises ``OSError``.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A new file, of a name that nobody can have put there before: his would be readable to him.
    beside = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
