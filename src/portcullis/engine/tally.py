"""Counts of exchanges for the metrics, kept beside the records so that lost records never make them wrong."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec

from portcullis.engine.record import Record

BOUNDS_US: Final = (
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
)
"""Upper bounds of the duration histogram's buckets, in microseconds; one more bucket is for what is longer."""

Key = tuple[str, str, str, int, str]


class Series(msgspec.Struct):
    """Exchanges of one kind: how many, their microseconds in all and in the gateway, and the histogram."""

    count: int = 0
    us_total: int = 0
    us_gateway: int = 0
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS_US) + 1))

    def merge(self, other: Series) -> None:
        """Add the counts of ``other``."""
        self.count += other.count
        self.us_total += other.us_total
        self.us_gateway += other.us_gateway
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]


class TallyDelta(msgspec.Struct):
    """What a worker counted since it last said so, and what it holds right now.

    ``series`` by (api, version, operation, status, code); ``records_lost`` and ``refused``: records dropped, and
    connections refused by the caps, since the last time; ``connections`` and ``buffered``: clients connected and bytes
    of bodies held now; ``denied``: connections closed because of their address, since the last time; ``handshakes``:
    TLS handshakes that failed since the last time, by why; ``http2_faults``: HTTP/2 connections that were ended for a
    fault of their clients since then, by the code they were told.
    """

    series: list[tuple[Key, Series]]
    records_lost: int = 0
    connections: int = 0
    buffered: int = 0
    refused: int = 0
    denied: int = 0
    handshakes: dict[str, int] = {}
    http2_faults: dict[str, int] = {}


class Tally:
    """Counts exchanges by (api, version, operation, status, code)."""

    __slots__ = ("_series",)

    def __init__(self) -> None:
        self._series: dict[Key, Series] = {}

    def add(self, record: Record) -> None:
        """Count one exchange. The end of a session is one of its own only if something was refused."""
        if record.session == "end" and not record.code:
            return
        key = (record.api, record.version, record.operation, record.status, record.code)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series()
        total = record.us_total
        series.count += 1
        series.us_total += total
        series.us_gateway += record.us_gateway
        series.buckets[bisect_left(BOUNDS_US, total)] += 1

    def take(self) -> list[tuple[Key, Series]]:
        """What was counted since the last time."""
        taken, self._series = self._series, {}
        return list(taken.items())
