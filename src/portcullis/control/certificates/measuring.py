"""What ``/metrics`` shows of certificates: so that an alert can tell of those that end before clients do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcullis.control.certificates.looking import CertificateStatus


class CertificateCollector(Collector):
    """Shows what ``latest`` gives; ``wall_s``: Unix seconds."""

    def __init__(self, latest: Callable[[], Sequence[CertificateStatus]], wall_s: Callable[[], float]) -> None:
        self._latest = latest
        self._wall_s = wall_s

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        now = self._wall_s()
        left = GaugeMetricFamily(
            "portcullis_certificate_days_left", "Days until a certificate ends.", labels=["certificate"]
        )
        problems = GaugeMetricFamily(
            "portcullis_certificate_problems", "What is wrong with certificates.", labels=["certificate", "problem"]
        )
        answered = GaugeMetricFamily(
            "portcullis_certificate_revocation_answered_seconds",
            "When somebody last said whether a certificate is revoked (Unix seconds).",
            labels=["certificate"],
        )
        for status in self._latest():
            if status.revocation is not None and status.revocation.answered_at is not None:
                answered.add_metric([status.name], status.revocation.answered_at)
            if status.facts is not None:
                left.add_metric([status.name], round(status.facts.days_left(now), 3))
            for kind, count in Counter(each.kind for each in status.problems).items():
                problems.add_metric([status.name, kind], count)
        yield left
        yield problems
        yield answered
