"""Limits that survive a restart: the counters with debt, written at the end and read at the next start.

What is written holds TATs of the monotonic clock, which begins anew with every boot of the machine: what was written
in another boot is not read, nor is what is damaged or of another version. Then every counter begins without debt.
A clock that runs behind the one that wrote (containers may have their own) gives the file away as foreign too.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MAGIC: Final = b"portcullis counters 1\n\0\0"
_HEADER: Final = struct.Struct("=24s36s16sq")
_DEBT: Final = struct.Struct("=Qq")


class Saved(msgspec.Struct, frozen=True):
    """``secret``: the key of the hash that the tags were made with; ``debts``: tag and TAT of each counter."""

    secret: bytes
    debts: Iterable[tuple[int, int]]


def write(path: Path, secret: bytes, debts: Iterable[tuple[int, int]], now_ns: int) -> None:
    """Write the file, whole or not at all. Raises ``OSError``."""
    boot = _boot_id()
    if not boot:
        return
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "wb", opener=_private) as file:
            file.write(_HEADER.pack(_MAGIC, boot, secret, now_ns))
            file.writelines(_DEBT.pack(tag, tat) for tag, tat in debts)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, now_ns: int) -> Saved | None:
    """What was written in this boot of the machine, or ``None``."""
    with contextlib.suppress(OSError, struct.error):
        content = memoryview(path.read_bytes())
        magic, boot, secret, saved_ns = _HEADER.unpack_from(content)
        if magic == _MAGIC and boot == _boot_id() and saved_ns <= now_ns:
            return Saved(secret, _DEBT.iter_unpack(content[_HEADER.size :]))
    return None


def _boot_id() -> bytes:
    try:
        return _BOOT_ID.read_bytes().strip()
    except OSError:
        return b""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL | os.O_NOFOLLOW, 0o600)
