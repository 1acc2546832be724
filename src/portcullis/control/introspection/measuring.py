"""What ``/metrics`` shows of introspection: so that an alert can tell of an issuer that is away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from portcullis.control.introspection.asking import Endpoint


class IntrospectionCollector(Collector):
    """Collects from ``endpoints``, by digest of their source, which change."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        questions = CounterMetricFamily(
            "portcullis_introspections",
            "Questions to issuers about tokens, by what came of them.",
            labels=["endpoint", "source", "result"],
        )
        for digest, endpoint in self._endpoints.items():
            for result, count in sorted(endpoint.results.items()):
                questions.add_metric([endpoint.source.endpoint, digest[:8], result], count)
        yield questions
