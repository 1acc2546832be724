"""GCRA: rate with burst in one number a counter.

The Generic Cell Rate Algorithm (ITU-T I.371, ATM Forum TM 4.1) keeps one *theoretical arrival time*, TAT: the moment
at which the caller will owe nothing. Each request adds one ``interval`` of debt, and time pays it back; a request
conforms while the debt, itself included, is at most ``burst`` intervals. That is a token bucket of ``burst`` tokens,
one every ``interval``, told by its emptiness: ``tokens = burst - (TAT - now) / interval``.

All arithmetic is on integers of nanoseconds, so every worker and every store decides alike and nothing drifts. A TAT
in the past means the same as no TAT at all: what has no debt needs no memory.
"""

from __future__ import annotations

from portcullis.engine.ports import Taken

NANOSECONDS = 1_000_000_000


def interval_ns(requests: int, seconds: int) -> int:
    """Nanoseconds between two requests of the rate ``requests`` per ``seconds``.

    Rounded up, so that what is let through is never more than the rate says.
    """
    return -(-seconds * NANOSECONDS // requests)


def take(tat_ns: int, interval_ns: int, burst: int, now_ns: int) -> tuple[int, Taken]:
    """Take one request: the new TAT, and the answer. A refused request leaves the TAT as it is.

    ``tat_ns`` is the TAT before, or anything not after ``now_ns`` for a counter without debt; ``interval_ns`` and
    ``burst`` are at least 1.
    """
    debt = tat_ns - now_ns if tat_ns > now_ns else 0
    room = burst * interval_ns - debt
    if room >= interval_ns:
        debt += interval_ns
        return now_ns + debt, Taken(True, room // interval_ns - 1, 0, debt)
    # Debt beyond the burst is no error: another worker's reading of the clock may be ahead of this one.
    return tat_ns, Taken(False, 0, interval_ns - room, debt)
