"""Counts of exchanges."""

from __future__ import annotations

import msgspec
import pytest
from rows import rows

from portcullis.engine.record import Record
from portcullis.engine.tally import BOUNDS_US, Series, Tally, TallyDelta


def record(us: int = 300, status: int = 200, code: str = "", operation: str = "GET /orders") -> Record:
    return Record(
        "", "", "", "", "GET", "/", "allow", status,
        api="shop", version="v1", operation=operation, code=code, us_total=us, us_gateway=us // 3,
    )  # fmt: skip


def test_exchanges_are_counted_by_operation_status_and_code() -> None:
    tally = Tally()
    for each in (record(), record(), record(status=429, code="limit.rate"), record(operation="POST /orders")):
        tally.add(each)
    assert {key: series.count for key, series in tally.take()} == {
        ("shop", "v1", "GET /orders", 200, ""): 2,
        ("shop", "v1", "GET /orders", 429, "limit.rate"): 1,
        ("shop", "v1", "POST /orders", 200, ""): 1,
    }


def test_what_was_taken_is_not_counted_again() -> None:
    tally = Tally()
    tally.add(record())
    assert len(tally.take()) == 1
    assert tally.take() == []


@rows(
    ("us", "bucket"),
    [(0, 0), (100, 0), (101, 1), (1000, 3), (1001, 4), (5_000_000, len(BOUNDS_US) - 1), (5_000_001, len(BOUNDS_US))],
)
def test_a_duration_falls_into_the_first_bucket_that_holds_it(us: int, bucket: int) -> None:
    tally = Tally()
    tally.add(record(us))
    [(_, series)] = tally.take()
    assert series.buckets == [int(number == bucket) for number in range(len(BOUNDS_US) + 1)]
    assert (series.us_total, series.us_gateway) == (us, us // 3)


def test_bounds_rise() -> None:
    assert list(BOUNDS_US) == sorted(set(BOUNDS_US))


def test_series_add_up() -> None:
    one, other = Tally(), Tally()
    one.add(record(50))
    other.add(record(50))
    other.add(record(9_000_000))
    [(_, mine)] = one.take()
    [(_, its)] = other.take()
    mine.merge(its)
    assert (mine.count, mine.us_total) == (3, 9_000_100)
    assert (mine.buckets[0], mine.buckets[-1]) == (2, 1)
    assert its.count == 2


def test_series_of_different_histograms_are_never_added() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Series().merge(Series(buckets=[1]))


def test_counts_travel_as_they_are() -> None:
    tally = Tally()
    tally.add(record())
    delta = TallyDelta(tally.take(), 1, 2, 3, 4)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(delta), type=TallyDelta) == delta


def test_a_tally_never_shares_its_buckets() -> None:
    assert Series().buckets is not Series().buckets
