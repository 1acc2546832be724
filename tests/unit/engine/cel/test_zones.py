from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.zones import offset_of

BERLIN = offset_of("Europe/Berlin")
SUMMER = 1_711_846_800
"""2024-03-31T01:00:00Z, when summer time begins."""


@given(st.integers(-5_000_000_000, 16_000_000_000))
def test_an_offset_is_that_of_the_time_zone_database(seconds: int) -> None:
    at = datetime.datetime.fromtimestamp(seconds, ZoneInfo("Europe/Berlin"))
    expected = at.utcoffset()
    assert expected is not None
    assert BERLIN(seconds) == expected.total_seconds()


def test_an_offset_changes_with_the_second() -> None:
    assert [BERLIN(SUMMER + seconds) for seconds in (-61, -1, 0, 59, -1)] == [3600, 3600, 7200, 7200, 3600]


@rows(("zone", "offset"), [("", 0), ("UTC", 0), ("+02:00", 7200), ("-09:30", -34200), ("02:00", 7200), ("5:45", 20700)])
def test_a_zone_may_be_a_fixed_distance(zone: str, offset: int) -> None:
    assert offset_of(zone)(0) == offset


@rows(
    "zone",
    [
        "Mars/Olympus",
        "Europe",
        "europe/berlin?",
        "../../etc/passwd",
        "/etc/passwd",
        "+24:00",
        "+02:60",
        "+0200",
        "+2",
        "Z\0",
    ],
)
def test_what_is_no_zone_is_an_error(zone: str) -> None:
    with pytest.raises(EvaluationError):
        offset_of(zone)


def test_beyond_pythons_calendar_the_rules_go_on() -> None:
    new_year_in_year_1, new_year_in_year_10000 = -62_135_596_800, 253_402_300_800
    assert offset_of("America/New_York")(new_year_in_year_1) == -17762
    assert offset_of("America/New_York")(new_year_in_year_10000 - 1) == -18000
