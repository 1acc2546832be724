from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.cel.conversions import NAMES, conversion, format_double, type_of
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.values import Duration, Timestamp, Uint


@given(st.floats())
def test_a_double_is_read_as_it_was_written(number: float) -> None:
    written = format_double(number)
    read = conversion("double")[1](written)
    assert read == number or (math.isnan(read) and math.isnan(number))
    assert math.copysign(1, read) == math.copysign(1, number) or math.isnan(number)


@rows(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (100.0, "100"),
        (123456.789, "123456.789"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-1.5e300, "-1.5e+300"),
        (12345678901234567890.0, "1.2345678901234567e+19"),
        (5e-324, "5e-324"),
        (0.30000000000000004, "0.30000000000000004"),
    ],
)
def test_a_double_has_no_more_digits_than_it_takes(number: float, text: str) -> None:
    assert format_double(number) == text


ACCEPTED = {
    "int": (1, Uint(1), 1.5, "1", Timestamp(0)),
    "uint": (1, Uint(1), 1.5, "1"),
    "double": (1, Uint(1), 1.5, "1"),
    "string": (1, Uint(1), 1.5, "1", True, b"a", Timestamp(0), Duration(0)),
    "bytes": ("a", b"a"),
    "bool": (True, "true"),
    "timestamp": (1, "2020-01-01T00:00:00Z", Timestamp(0)),
    "duration": ("1s", Duration(0)),
}
VALUES = (1, Uint(1), 1.5, "1", True, b"a", Timestamp(0), Duration(0), None, [], {}, type_of(1), "a", "true", "1s")


@rows("name", NAMES)
def test_a_conversion_takes_what_it_is_for_and_nothing_else(name: str) -> None:
    kind, convert = conversion(name)
    for value in ACCEPTED[name]:
        assert type(convert(value)) is kind
    accepted = {type(value) for value in ACCEPTED[name]}
    for value in VALUES:
        if type(value) not in accepted:
            with pytest.raises(EvaluationError, match=rf"{name}\(\) is not for"):
                convert(value)


@rows(
    ("name", "value"),
    [
        ("int", "1.5"),
        ("int", ""),
        ("int", "1_0"),
        ("int", "0x1"),
        ("int", "٣"),
        ("int", "1\0"),
        ("int", "9" * 41),
        ("int", 2.0**63),
        ("int", -(2.0**63)),
        ("int", math.nan),
        ("int", Uint(2**63)),
        ("int", 2**63),
        ("uint", -1),
        ("uint", "-0"),
        ("uint", 2.0**64),
        ("uint", -0.5),
        ("double", "1_0"),
        ("double", "0x1"),
        ("double", "1" * 401),
        ("double", "infinite"),
        ("bool", "yes"),
        ("string", b"\xff"),
        ("timestamp", 253402300800),
    ],
)
def test_what_has_no_counterpart_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(EvaluationError):
        conversion(name)[1](value)


def test_blanks_around_a_number_say_nothing() -> None:
    assert [conversion(name)[1](" 7\n") for name in ("int", "uint", "double")] == [7, 7, 7.0]


def test_the_type_of_a_number_of_json_goes_by_its_size() -> None:
    assert [type_of(value).name for value in (1, 2**63, 1.0)] == ["int", "uint", "double"]
