"""What ``/metrics`` shows of revocation lists: so that an alert comes before they run out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from portcullis.control.revocation_lists.keeping import ListKeeper
    from portcullis.control.revocation_lists.responders import Responders


class RevocationListCollector(Collector):
    """Collects from ``keepers`` and ``responders``, which change, by their listeners; ``wall_s`` gives Unix seconds."""

    def __init__(
        self, keepers: Mapping[str, ListKeeper], responders: Mapping[str, Responders], wall_s: Callable[[], float]
    ) -> None:
        self._keepers = keepers
        self._responders = responders
        self._wall_s = wall_s

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        left = GaugeMetricFamily(
            "portcullis_revocation_lists_left_seconds",
            "Until the first revocation list of a listener runs out; 0 where it has, or was never had.",
            labels=["listener"],
        )
        failures = CounterMetricFamily(
            "portcullis_revocation_list_failures", "Revocation lists that could not be used.", labels=["listener"]
        )
        for listener, keeper in self._keepers.items():
            left.add_metric([listener], max(0.0, keeper.oldest() - self._wall_s()))
            failures.add_metric([listener], keeper.failures)
        yield left
        yield failures
        asked = CounterMetricFamily(
            "portcullis_certificates_asked_about",
            "Client certificates that their authorities were asked about (OCSP), by what came of it.",
            labels=["listener", "result"],
        )
        for listener, responders in self._responders.items():
            for result, count in responders.results.items():
                asked.add_metric([listener, result], count)
        yield asked
