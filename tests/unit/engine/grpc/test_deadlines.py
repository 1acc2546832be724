from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.grpc.deadlines import read_timeout, write_timeout


@rows(("value", "seconds"), [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"99999999S", 99_999_999), (b"5m", 0.005)])
def test_units_are_read(value, seconds):
    assert read_timeout(value) == seconds


@rows("value", [b"", b"1", b"S", b"-1S", b"1.5S", b"999999999S", b"1s", b" 1S", b"1S\n"])
def test_what_is_malformed_is_not(value):
    assert read_timeout(value) is None


@given(st.floats(0.001, 10**9))
def test_what_is_written_is_read_the_same(seconds: float) -> None:
    again = read_timeout(write_timeout(seconds))
    assert again is not None
    assert abs(again - seconds) <= max(1e-6, seconds * 1e-3)


def test_what_is_longer_than_any_is_the_longest():
    assert write_timeout(1e12) == b"99999999M"
