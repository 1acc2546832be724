"""Forking a child process that is its own from its first instruction, and telling how one ended."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

from portcullis.serve.link import Link

_OURS: Final = frozenset({signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP})
_FOR_THE_PARENT_ALONE: Final = (signal.SIGINT, signal.SIGHUP)
"""A terminal sends these to every process of the group; what follows from them is decided in one place."""


def fork(name: str, body: Callable[[], object]) -> int:
    """Run ``body`` in a child process, which ends with it; gives the child's process id.

    Its exit status is 0, or that of ``SystemExit``, or 1 for any other exception, which is told on standard error
    under ``name``. Raises ``OSError`` if there can be no further process.

    Signals wait until the child has its own handlers: one that came earlier would be taken for the parent's, whose
    handlers and wake-up descriptor a new child still has, and be lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        process = os.fork()
        if process == 0:
            _become_child(name, body, before)
        return process
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fork_with_link(name: str, body: Callable[[Link], object]) -> tuple[int, Link]:
    """As :func:`fork`, with a line between the two: ``body`` gets the child's end, the other is given back.

    Raises ``OSError``.
    """
    ours, theirs = Link.pair()

    def in_child() -> None:
        ours.close()
        body(theirs)

    try:
        return fork(name, in_child), ours
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()


def _become_child(name: str, body: Callable[[], object], mask: set[signal.Signals | int]) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _OURS:
            signal.signal(number, signal.SIG_IGN if number in _FOR_THE_PARENT_ALONE else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        body()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - a child must never return into its parent's code
        print(f"portcullis: {name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        if os.environ.get("PORTCULLIS_TRACEBACK"):
            traceback.print_exc()
    finally:
        os._exit(status)


def how_it_ended(status: int) -> str:
    """The status that ``waitpid`` gave, in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-code}"


def ended_children() -> list[tuple[int, int]]:
    """Process id and status of every child that has ended since the last time."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        ended.append((process, status))
