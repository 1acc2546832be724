"""What ``/metrics`` shows: the workers' counts added up, in the Prometheus exposition format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcullis.engine.tally import BOUNDS_US, Key, Series, TallyDelta
from portcullis.stores.frames import Hello

_LABELS = ("api", "version", "operation", "status", "code")


class Metrics(Collector):
    """Counts since the control process began. ``log_lost`` tells how many log lines were dropped."""

    def __init__(self, log_lost: Callable[[], int]) -> None:
        self._log_lost = log_lost
        self._series: dict[Key, Series] = {}
        self._workers: dict[int, TallyDelta] = {}
        self._records_lost = 0
        self._refused = 0
        self._denied = 0
        self._handshakes: Counter[str] = Counter()
        self._http2_faults: Counter[str] = Counter()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def add(self, collector: Collector) -> None:
        """Show what ``collector`` knows as well."""
        self._registry.register(collector)

    def merge(self, hello: Hello, delta: TallyDelta) -> None:
        """Add what a worker counted."""
        for key, series in delta.series:
            mine = self._series.get(key)
            if mine is None:
                self._series[key] = series
            else:
                mine.merge(series)
        self._records_lost += delta.records_lost
        self._refused += delta.refused
        self._denied += delta.denied
        self._handshakes.update(delta.handshakes)
        self._http2_faults.update(delta.http2_faults)
        self._workers[hello.pid] = delta

    def forget(self, hello: Hello) -> None:
        """A worker is gone: what it held it holds no more."""
        self._workers.pop(hello.pid, None)

    def exposition(self) -> bytes:
        """The text of ``/metrics``."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        exchanges = CounterMetricFamily("portcullis_exchanges", "Exchanges, by what became of them.", labels=_LABELS)
        duration = HistogramMetricFamily(
            "portcullis_exchange_duration_seconds", "From the head's arrival to the answer's end.", labels=_LABELS[:2]
        )
        gateway = CounterMetricFamily(
            "portcullis_gateway_seconds", "Time spent in the gateway itself.", labels=_LABELS[:2]
        )
        by_version: dict[tuple[str, str], Series] = {}
        for (api, version, operation, status, code), series in self._series.items():
            exchanges.add_metric([api, version, operation, str(status), code], series.count)
            by_version.setdefault((api, version), Series()).merge(series)
        for (api, version), series in by_version.items():
            duration.add_metric([api, version], _cumulative(series), series.us_total / 1e6)
            gateway.add_metric([api, version], series.us_gateway / 1e6)
        yield exchanges
        yield duration
        yield gateway
        workers = self._workers.values()
        for name, text, value in (
            ("portcullis_workers", "Workers that serve.", len(workers)),
            ("portcullis_connections", "Clients connected.", sum(w.connections for w in workers)),
            ("portcullis_buffered_bytes", "Bytes of bodies held.", sum(w.buffered for w in workers)),
        ):
            yield GaugeMetricFamily(name, text, value)
        yield CounterMetricFamily(
            "portcullis_connections_refused", "Connections refused by the caps on connections.", self._refused
        )
        yield CounterMetricFamily(
            "portcullis_connections_denied", "Connections closed because of the address they came from.", self._denied
        )
        handshakes = CounterMetricFamily(
            "portcullis_tls_handshakes_failed", "TLS handshakes with clients that failed.", labels=("reason",)
        )
        for reason, count in self._handshakes.items():
            handshakes.add_metric([reason], count)
        yield handshakes
        faults = CounterMetricFamily(
            "portcullis_http2_connections_ended",
            "HTTP/2 connections that were ended for a fault of their clients.",
            labels=("code",),
        )
        for code, count in self._http2_faults.items():
            faults.add_metric([code], count)
        yield faults
        yield CounterMetricFamily(
            "portcullis_records_lost",
            "Records dropped, because the disk or the control process was too slow.",
            self._records_lost + self._log_lost(),
        )


def _cumulative(series: Series) -> list[tuple[str, float]]:
    total = 0
    buckets = []
    for bound, count in zip((*BOUNDS_US, None), series.buckets, strict=True):
        total += count
        buckets.append(("+Inf" if bound is None else str(bound / 1e6), float(total)))
    return buckets
