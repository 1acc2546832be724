"""Signals as ordinary events of a selector loop, for the processes that fork and so run no asyncio loop."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Iterable
from types import FrameType
from typing import IO


class EventLoop:
    """Waits for signals and for readable descriptors, on one thread and without asyncio.

    A process that forks must own nothing that a child would inherit half-used; this owns a pipe and a selector. A
    process has one at a time: it takes the handlers of ``signals`` and the wake-up descriptor.
    """

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._selector = selectors.DefaultSelector()
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._read, selectors.EVENT_READ)
        for number in signals:
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def watch(self, descriptor: int | IO[bytes]) -> None:
        """Report when ``descriptor`` becomes readable. One that was closed while watched may come again."""
        self.unwatch(descriptor)
        self._selector.register(descriptor, selectors.EVENT_READ)

    def unwatch(self, descriptor: int | IO[bytes]) -> None:
        """Do so no more. Harmless if it was not watched."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    def wait(self, timeout: float | None) -> tuple[set[signal.Signals], list[int]]:
        """Signals that came and descriptors that are readable; both may be empty when ``timeout`` seconds are over."""
        came: set[signal.Signals] = set()
        readable: list[int] = []
        for key, _ in self._selector.select(timeout):
            if key.fd == self._read:
                came.update(signal.Signals(number) for number in os.read(self._read, 4096))
            else:
                readable.append(key.fd)
        return came, readable

    def close_in_child(self) -> None:
        """Forget everything, in a child: its signals are its own."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        os.close(self._read)
        os.close(self._write)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The number was written to the wake-up descriptor; there is nothing more to do here."""
