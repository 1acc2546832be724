from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.times import (
    MAX_DURATION,
    MAX_SECONDS,
    MIN_SECONDS,
    OF_TIMES,
    SECOND,
    calendar_day,
    duration,
    format_duration,
    format_timestamp,
    parse_duration,
    parse_timestamp,
    timestamp,
)
from portcullis.engine.cel.values import Duration, Timestamp

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MOMENTS = st.datetimes(timezones=st.just(datetime.UTC))


@given(MOMENTS)
def test_a_time_is_read_as_it_was_written(moment: datetime.datetime) -> None:
    nanoseconds = (moment - EPOCH) // datetime.timedelta(microseconds=1) * 1000
    text = format_timestamp(Timestamp(nanoseconds))
    assert parse_timestamp(text) == nanoseconds
    assert datetime.datetime.fromisoformat(text) == moment


@given(st.integers(-MAX_DURATION, MAX_DURATION))
def test_a_length_of_time_is_read_as_it_was_written(nanoseconds: int) -> None:
    assert parse_duration(format_duration(Duration(nanoseconds))) == nanoseconds


@given(MOMENTS)
def test_the_parts_of_a_time_are_the_calendars(moment: datetime.datetime) -> None:
    seconds = (moment - EPOCH) // datetime.timedelta(seconds=1)
    parts = {name: part(seconds) for name, part in OF_TIMES.items()}
    assert parts == {
        "getFullYear": moment.year,
        "getMonth": moment.month - 1,
        "getDate": moment.day,
        "getDayOfMonth": moment.day - 1,
        "getDayOfWeek": moment.isoweekday() % 7,
        "getDayOfYear": moment.timetuple().tm_yday - 1,
        "getHours": moment.hour,
        "getMinutes": moment.minute,
        "getSeconds": moment.second,
    }


@rows(
    ("text", "seconds"),
    [
        ("2009-02-13T23:31:30Z", 1234567890),
        ("2009-02-14T00:31:30+01:00", 1234567890),
        ("2009-02-13t22:01:30-01:30", 1234567890),
        ("2009-02-13T23:31:30z", 1234567890),
        ("2016-12-31T23:59:60Z", 1483228800),
        ("0001-01-01T00:00:00Z", MIN_SECONDS),
        ("9999-12-31T23:59:59Z", MAX_SECONDS),
        ("2024-02-29T00:00:00Z", 1709164800),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, seconds: int) -> None:
    assert parse_timestamp(text) == seconds * SECOND


@rows(
    "text",
    [
        "",
        "2009-02-13",
        "2009-02-13T23:31:30",
        "2009-02-13T23:31Z",
        "2009-02-13 23:31:30Z",
        " 2009-02-13T23:31:30Z",
        "2009-02-13T23:31:30Z\n",
        "2009-2-13T23:31:30Z",
        "2009-02-30T23:31:30Z",
        "2009-00-01T23:31:30Z",
        "2009-02-13T24:00:00Z",
        "2009-02-13T23:60:00Z",
        "2009-02-13T23:31:61Z",
        "2009-02-13T23:31:30.Z",
        "2009-02-13T23:31:30+24:00",
        "2009-02-13T23:31:30+00:60",
        "2009-02-13T23:31:30+0100",
        "٢٠٠٩-02-13T23:31:30Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "2009-02-13T23:31:30." + "1" * 65 + "Z",
    ],
)
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        parse_timestamp(text)


@rows(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("1h30m", 5400 * SECOND),
        ("-1.5s", -1_500_000_000),
        ("+2ms", 2_000_000),
        (".5us", 500),
        ("5.ns", 5),
        ("0.9ns", 0),
        ("1s1s", 2 * SECOND),
        ("0.000000000000277777777h", 0),
        ("0.00000000000027777777777778h", 1),
        ("315576000000s", 315576000000 * SECOND),
    ],
)
def test_lengths_of_time_are_added_up(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@rows(
    "text",
    [
        "",
        "+",
        "s",
        "1",
        "1d",
        "1 s",
        " 1s",
        "1s ",
        "1h-1m",
        "1µs",
        "--1s",
        ".s",
        "1e3s",
        "315576000001s",
        "1" * 13 + "s",
        "1ns" * 22,
    ],
)
def test_what_is_no_length_of_time_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        parse_duration(text)


def test_what_is_worked_out_stays_in_range() -> None:
    for moment in (MIN_SECONDS * SECOND - 1, (MAX_SECONDS + 1) * SECOND):
        with pytest.raises(EvaluationError):
            timestamp(moment)
    for length in (2**63, -(2**63) - 1):
        with pytest.raises(EvaluationError):
            duration(length)
    assert type(timestamp(0)) is Timestamp
    assert type(duration(0)) is Duration


def test_days_beyond_the_calendar_are_those_of_400_years_off() -> None:
    first, last = calendar_day(MIN_SECONDS // 86400 - 1), calendar_day(MAX_SECONDS // 86400 + 1)
    assert (first[0].year + first[1], first[0].month, first[0].day) == (0, 12, 31)
    assert (last[0].year + last[1], last[0].month, last[0].day) == (10000, 1, 1)
