"""What ``/metrics`` shows, read as Prometheus reads it."""

from __future__ import annotations

import math

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from portcullis.control.metrics import Metrics
from portcullis.engine.record import Record
from portcullis.engine.tally import BOUNDS_US, Tally, TallyDelta
from portcullis.stores.frames import Hello

ONE, OTHER = Hello(0, 1, 100), Hello(1, 1, 101)


def counted(*exchanges: tuple[str, int, str, int], version: str = "v1") -> TallyDelta:
    """A delta of exchanges (operation, status, code, microseconds)."""
    tally = Tally()
    for operation, status, code, us in exchanges:
        tally.add(
            Record(
                "",
                "",
                "",
                "",
                "GET",
                "/",
                "allow",
                status,
                api="shop",
                version=version,
                operation=operation,
                code=code,
                us_total=us,
                us_gateway=us // 2,
            )
        )
    return TallyDelta(tally.take())


def shown(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    [found] = [
        sample.value
        for family in shown(metrics).values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return float(found)


def test_before_anything_happened_the_totals_are_there_and_nothing() -> None:
    metrics = Metrics(lambda: 0)
    totals = ("connections_refused_total", "connections_denied_total", "records_lost_total")
    for name in ("workers", "connections", "buffered_bytes", *totals):
        assert value(metrics, f"portcullis_{name}") == 0


def test_every_family_is_explained_and_of_a_kind() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, counted(("GET /orders", 200, "", 100)))
    families = shown(metrics)
    assert {name: family.type for name, family in families.items()} == {
        "portcullis_exchanges": "counter",
        "portcullis_exchange_duration_seconds": "histogram",
        "portcullis_gateway_seconds": "counter",
        "portcullis_workers": "gauge",
        "portcullis_connections": "gauge",
        "portcullis_buffered_bytes": "gauge",
        "portcullis_connections_refused": "counter",
        "portcullis_connections_denied": "counter",
        "portcullis_http2_connections_ended": "counter",
        "portcullis_tls_handshakes_failed": "counter",
        "portcullis_records_lost": "counter",
    }
    assert all(family.documentation for family in families.values())


def test_exchanges_of_all_workers_add_up_by_what_became_of_them() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, counted(("GET /orders", 200, "", 100), ("GET /orders", 429, "limit.rate", 50)))
    metrics.merge(OTHER, counted(("GET /orders", 200, "", 100), ("GET /orders", 200, "", 100)))
    labels = {"api": "shop", "version": "v1", "operation": "GET /orders"}
    assert value(metrics, "portcullis_exchanges_total", **labels, status="200", code="") == 3
    assert value(metrics, "portcullis_exchanges_total", **labels, status="429", code="limit.rate") == 1


def test_durations_are_a_histogram_in_seconds_by_version() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, counted(("GET /orders", 200, "", 100), ("POST /orders", 200, "", 101)))
    metrics.merge(ONE, counted(("GET /orders", 200, "", 60_000_000)))
    metrics.merge(ONE, counted(("GET /orders", 200, "", 1), version="v2"))
    labels = {"api": "shop", "version": "v1"}
    name = "portcullis_exchange_duration_seconds"
    assert value(metrics, f"{name}_bucket", **labels, le="0.0001") == 1
    assert value(metrics, f"{name}_bucket", **labels, le="0.00025") == 2
    assert value(metrics, f"{name}_bucket", **labels, le="5.0") == 2
    assert value(metrics, f"{name}_bucket", **labels, le="+Inf") == 3
    assert value(metrics, f"{name}_count", **labels) == 3
    assert value(metrics, f"{name}_sum", **labels) == pytest.approx(60.000201)
    assert value(metrics, "portcullis_gateway_seconds_total", **labels) == pytest.approx(30.0001)


def test_the_buckets_of_a_histogram_rise_and_end_at_infinity() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, counted(*[("GET /orders", 200, "", us) for us in (*BOUNDS_US, 10**9)]))
    samples = shown(metrics)["portcullis_exchange_duration_seconds"].samples
    buckets = [(float(s.labels["le"]), s.value) for s in samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert [bound for bound, _ in buckets] == [*(bound / 1e6 for bound in BOUNDS_US), math.inf]
    assert [count for _, count in buckets] == list(range(1, len(BOUNDS_US) + 2))


def test_a_label_can_not_break_out_of_its_quotes() -> None:
    metrics = Metrics(lambda: 0)
    evil = 'GET /"} 1\nportcullis_fake 9\\'
    metrics.merge(ONE, counted((evil, 200, "", 1)))
    assert "portcullis_fake" not in shown(metrics)
    labels = {"api": "shop", "version": "v1", "operation": evil, "status": "200", "code": ""}
    assert value(metrics, "portcullis_exchanges_total", **labels) == 1


def test_what_workers_hold_is_what_they_said_last() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, TallyDelta([], connections=5, buffered=100))
    metrics.merge(OTHER, TallyDelta([], connections=1, buffered=10))
    metrics.merge(ONE, TallyDelta([], connections=2, buffered=0))
    assert value(metrics, "portcullis_workers") == 2
    assert value(metrics, "portcullis_connections") == 3
    assert value(metrics, "portcullis_buffered_bytes") == 10
    metrics.forget(ONE)
    metrics.forget(ONE)
    assert value(metrics, "portcullis_workers") == 1
    assert value(metrics, "portcullis_connections") == 1


def test_counts_stay_when_a_worker_goes_and_are_not_counted_twice_when_it_comes_back() -> None:
    metrics = Metrics(lambda: 0)
    metrics.merge(ONE, TallyDelta([], records_lost=2, refused=3, denied=5, handshakes={"timeout": 2}))
    metrics.merge(ONE, TallyDelta([], http2_faults={"protocol_error": 2, "enhance_your_calm": 1}))
    metrics.merge(ONE, TallyDelta([], http2_faults={"protocol_error": 1}))
    assert value(metrics, "portcullis_http2_connections_ended_total", code="protocol_error") == 3
    metrics.forget(ONE)
    metrics.merge(ONE, TallyDelta([], records_lost=1, refused=1, denied=2, handshakes={"timeout": 1, "closed": 1}))
    assert value(metrics, "portcullis_tls_handshakes_failed_total", reason="timeout") == 3
    assert value(metrics, "portcullis_tls_handshakes_failed_total", reason="closed") == 1
    assert value(metrics, "portcullis_connections_denied_total") == 7
    assert value(metrics, "portcullis_connections_refused_total") == 4
    assert value(metrics, "portcullis_records_lost_total") == 3


def test_lines_that_the_log_lost_are_lost_records() -> None:
    lost = [0]
    metrics = Metrics(lambda: lost[0])
    metrics.merge(ONE, TallyDelta([], records_lost=2))
    lost[0] = 5
    assert value(metrics, "portcullis_records_lost_total") == 7
