"""What ``/metrics`` shows of passwords that were checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from portcullis.control.users.checking import PasswordChecks


class PasswordCollector(Collector):
    """Counts of ``checks`` since the control process began."""

    def __init__(self, checks: PasswordChecks) -> None:
        self._checks = checks

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        results = CounterMetricFamily(
            "portcullis_password_checks", "Passwords that workers asked about, by the answer.", labels=("result",)
        )
        for result, count in sorted(self._checks.results.items()):
            results.add_metric([result], count)
        yield results
        yield CounterMetricFamily(
            "portcullis_password_hashes", "Password hashes computed to answer them.", self._checks.hashes
        )
        yield GaugeMetricFamily(
            "portcullis_password_checks_waiting", "Questions about passwords not answered yet.", self._checks.waiting
        )
