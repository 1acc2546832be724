"""Time zones: how far local time is from UTC at a point in time.

Zones have names of the IANA database (``Europe/Berlin``), which Python's ``zoneinfo`` reads when a rule is compiled, or
are a fixed distance (``+02:00``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.times import CYCLE_DAYS, DAY

Offset: TypeAlias = Callable[[int], int]
"""Seconds that local time is ahead of UTC, at some seconds since 1970."""

_FIXED: Final = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})")
_WHOLE_MINUTES: Final = 63_072_000
"""Since 1972, when Liberia was the last to do so, all zones are whole minutes apart."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE: Final = CYCLE_DAYS * DAY
_EARLY: Final = int((datetime(2, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_LATE: Final = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())


def offset_of(zone: str) -> Offset:
    """How far local time in ``zone`` is ahead of UTC. Raises :class:`EvaluationError` if there is no such zone."""
    if zone in ("", "UTC"):
        return lambda _seconds: 0
    if fixed := _FIXED.fullmatch(zone):
        hours, minutes = int(fixed[2]), int(fixed[3])
        if hours > 23 or minutes > 59:
            raise EvaluationError("there is no such time zone")
        offset = (hours * 60 + minutes) * 60 * (-1 if fixed[1] == "-" else 1)
        return lambda _seconds: offset
    try:
        return _named(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise EvaluationError("there is no such time zone") from None


def _named(zone: ZoneInfo) -> Offset:
    known_minute, known_offset = -1, 0

    def look_up(seconds: int) -> int:
        # Beyond Python's calendar the rules are those of 400 years before or after: weekdays repeat with the dates.
        seconds += _CYCLE if seconds < _EARLY else -_CYCLE if seconds >= _LATE else 0
        offset = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone).utcoffset()
        return int((offset or timedelta()).total_seconds())

    def offset_at(seconds: int) -> int:
        nonlocal known_minute, known_offset
        if seconds < _WHOLE_MINUTES:
            return look_up(seconds)
        minute = seconds // 60
        if minute != known_minute:
            known_offset = look_up(seconds)
            known_minute = minute
        return known_offset

    return offset_at
