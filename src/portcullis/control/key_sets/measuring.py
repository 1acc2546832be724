"""What ``/metrics`` shows of key sets: so that an alert can tell of keys that grow old before callers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcullis.engine.authentication.jose.key_source import KeySource

if TYPE_CHECKING:
    from portcullis.control.key_sets.fetching import KeySetFetcher


class KeySetCollector(Collector):
    """Collects from ``fetchers``, which change; ``wall_s`` gives Unix seconds.

    Identities that fetch from one place in different ways have a source each.
    """

    def __init__(self, fetchers: Mapping[KeySource, KeySetFetcher], wall_s: Callable[[], float]) -> None:
        self._fetchers = fetchers
        self._wall_s = wall_s

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        labels = ["place", "source"]
        keys = GaugeMetricFamily("portcullis_key_set_keys", "Keys of an issuer in use.", labels=labels)
        age = GaugeMetricFamily("portcullis_key_set_age_seconds", "Since an issuer's keys were fetched.", labels=labels)
        failures = CounterMetricFamily(
            "portcullis_key_set_failures", "Fetches of an issuer's keys that failed.", labels=labels
        )
        for source, fetcher in self._fetchers.items():
            place = [source.place, source.digest[:8]]
            keys.add_metric(place, fetcher.size)
            failures.add_metric(place, fetcher.failures)
            if fetcher.latest is not None:
                age.add_metric(place, max(0.0, self._wall_s() - fetcher.latest.fetched))
        yield keys
        yield age
        yield failures
