"""Points and lengths of time: read, written, counted in hours or by the calendar.

Days are counted by the Gregorian calendar, also before it was there, as RFC 3339 does. Its 400 years always have the
same number of days, and of weeks: what Python's own calendar (the years 1 to 9999) has not is looked up 400 years off.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.values import MAX_INT, MIN_INT, Duration, Timestamp

SECOND: Final = 10**9
MIN_SECONDS: Final = -62_135_596_800
"""0001-01-01T00:00:00Z."""
MAX_SECONDS: Final = 253_402_300_799
"""9999-12-31T23:59:59Z."""
MAX_DURATION: Final = 315_576_000_000 * SECOND + SECOND - 1
"""10,000 years, as protobuf's ``Duration`` has it."""

DAY: Final = 86_400
CYCLE_DAYS: Final = 146_097
"""400 years."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = 1 - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH

_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,64}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_PART: Final = re.compile(r"(?:([0-9]{1,12})(?:\.([0-9]{0,64}))?|\.([0-9]{1,64}))(h|ms|m|s|us|ns)")
_UNITS: Final = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}
_LONGEST: Final = 64
"""Characters of a length of time."""
_DIGITS: Final = 32
"""Digits after the point that can still make a nanosecond of an hour."""
_POWERS: Final = tuple(int(10**digits) for digits in range(_DIGITS + 1))


def timestamp(nanoseconds: int) -> Timestamp:
    """The point in time so long after 1970. Raises :class:`EvaluationError` before the year 1 and after 9999."""
    if MIN_SECONDS * SECOND <= nanoseconds < (MAX_SECONDS + 1) * SECOND:
        return Timestamp(nanoseconds)
    raise EvaluationError("a time is out of range")


def duration(nanoseconds: int) -> Duration:
    """The length of time that was worked out; it has 64 bits. Raises :class:`EvaluationError`."""
    if MIN_INT <= nanoseconds <= MAX_INT:
        return Duration(nanoseconds)
    raise EvaluationError("a length of time is out of range")


def parse_timestamp(text: str) -> Timestamp:
    """The point in time that ``text`` says by RFC 3339. Raises :class:`EvaluationError`."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise EvaluationError("a text is no time as in RFC 3339")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    sign, offset_hours, offset_minutes = match[8], int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hours > 23 or offset_minutes > 59:
        raise EvaluationError("a text is no time as in RFC 3339")
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise EvaluationError("a time is out of range") from None
    offset = (offset_hours * 60 + offset_minutes) * 60
    seconds = days * DAY + hour * 3600 + minute * 60 + second - (-offset if sign == "-" else offset)
    return timestamp(seconds * SECOND + int((match[7] or "").ljust(9, "0")[:9]))


def format_timestamp(moment: Timestamp) -> str:
    """``moment`` by RFC 3339, in UTC, with no more digits after the point than it takes, in groups of three."""
    seconds, nanoseconds = divmod(moment, SECOND)
    days, rest = divmod(seconds, DAY)
    day = date.fromordinal(days + _EPOCH)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{day.isoformat()}T{clock}{_fraction(nanoseconds)}Z"


def parse_duration(text: str) -> Duration:
    """The length of time that ``text`` says: ``1h30m``, ``-1.5s``, ``0``. Raises :class:`EvaluationError`."""
    if len(text) > _LONGEST:
        raise EvaluationError("a text is too long for a length of time")
    at = 1 if text[:1] in ("+", "-") else 0
    total = 0
    if text[at:] != "0":
        while True:
            part = _PART.match(text, at)
            if part is None:
                raise EvaluationError("a text is no length of time, such as 1h30m")
            total += _nanoseconds(part)
            at = part.end()
            if at == len(text):
                break
    if total > MAX_DURATION:
        raise EvaluationError("a length of time is out of range")
    return Duration(-total if text.startswith("-") else total)


def _nanoseconds(part: re.Match[str]) -> int:
    unit = _UNITS[part[4]]
    digits = (part[2] or part[3] or "")[:_DIGITS]
    whole, fraction = int(part[1] or 0), int(digits or 0)
    return whole * unit + fraction * unit // _POWERS[len(digits)]


def format_duration(length: Duration) -> str:
    """``length`` in seconds, as protobuf writes it in JSON: ``1.500s``."""
    seconds, nanoseconds = divmod(abs(length), SECOND)
    return f"{'-' if length < 0 else ''}{seconds}{_fraction(nanoseconds)}s"


def _fraction(nanoseconds: int) -> str:
    if not nanoseconds:
        return ""
    digits = f"{nanoseconds:09}"
    return "." + (digits[:3] if digits.endswith("000000") else digits[:6] if digits.endswith("000") else digits)


def _truncated(unit: int) -> Callable[[Duration], int]:
    def count(length: Duration) -> int:
        whole: int = abs(length) // unit
        return -whole if length < 0 else whole

    return count


OF_DURATIONS: Final[dict[str, Callable[[Duration], int]]] = {
    "getHours": _truncated(3600 * SECOND),
    "getMinutes": _truncated(60 * SECOND),
    "getSeconds": _truncated(SECOND),
    "getMilliseconds": lambda length: abs(length) // 10**6 % 1000 * (-1 if length < 0 else 1),
}
"""The parts of a length of time: all of it in hours, minutes or seconds, and the milliseconds that are over."""


def calendar_day(days: int) -> tuple[date, int]:
    """The day that is so many days after 1970-01-01, and how many years are to be added to that of the date."""
    if _FIRST_DAY <= days <= _LAST_DAY:
        return date.fromordinal(days + _EPOCH), 0
    if days < _FIRST_DAY:
        return date.fromordinal(days + CYCLE_DAYS + _EPOCH), -400
    return date.fromordinal(days - CYCLE_DAYS + _EPOCH), 400


def _year(days: int) -> int:
    day, years = calendar_day(days)
    return day.year + years


def _day_of_year(days: int) -> int:
    day, _ = calendar_day(days)
    return day.toordinal() - date(day.year, 1, 1).toordinal()


_OF_DAYS: Final[dict[str, Callable[[int], int]]] = {
    "getFullYear": _year,
    "getMonth": lambda days: calendar_day(days)[0].month - 1,
    "getDate": lambda days: calendar_day(days)[0].day,
    "getDayOfMonth": lambda days: calendar_day(days)[0].day - 1,
    "getDayOfWeek": lambda days: (days + 4) % 7,
    "getDayOfYear": _day_of_year,
}
_OF_SECONDS: Final[dict[str, Callable[[int], int]]] = {
    "getHours": lambda seconds: seconds // 3600 % 24,
    "getMinutes": lambda seconds: seconds // 60 % 60,
    "getSeconds": lambda seconds: seconds % 60,
}


def _of_local(name: str) -> Callable[[int], int]:
    if name in _OF_SECONDS:
        return _OF_SECONDS[name]
    of_days = _OF_DAYS[name]
    return lambda seconds: of_days(seconds // DAY)


OF_TIMES: Final[dict[str, Callable[[int], int]]] = {name: _of_local(name) for name in (*_OF_DAYS, *_OF_SECONDS)}
"""The parts of a point in time, from its seconds since 1970 in local time. Months, days and the week (Sunday) begin
with 0, but ``getDate`` with 1."""
