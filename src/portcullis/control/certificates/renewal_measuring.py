"""What ``/metrics`` shows of renewals: so that an alert can tell of the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcullis.control.certificates.renewing import Renewer


class RenewalCollector(Collector):
    """Shows what ``renewer`` has counted; nothing where there is none."""

    def __init__(self, renewer: Callable[[], Renewer | None]) -> None:
        self._renewer = renewer

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        renewals = CounterMetricFamily(
            "portcullis_certificate_renewals", "Attempts to get a certificate.", labels=["certificate", "result"]
        )
        failing = GaugeMetricFamily(
            "portcullis_certificate_renewal_failures",
            "Failed attempts in a row.",
            labels=["certificate"],
        )
        due = GaugeMetricFamily(
            "portcullis_certificate_renewal_due_seconds", "When the next attempt is due.", labels=["certificate"]
        )
        renewer = self._renewer()
        if renewer is not None:
            for (name, result), count in renewer.renewals.items():
                renewals.add_metric([name, result], count)
            for name, state in renewer.states.items():
                failing.add_metric([name], state.failures)
            for name, at in renewer.next_at.items():
                due.add_metric([name], at)
        yield from (renewals, failing, due)
