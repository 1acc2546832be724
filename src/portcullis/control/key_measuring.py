"""What ``/metrics`` shows of API keys: so that an alert can tell of those that soon expire before callers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portcullis.stores.database.keys import KeyReminders


class KeyCollector(Collector):
    """Shows what ``latest`` gives; nothing where that is ``None``."""

    def __init__(self, latest: Callable[[], KeyReminders | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        keys = GaugeMetricFamily(
            "portcullis_api_keys",
            "API keys without a successor: live ones, and which of them need care.",
            labels=["state"],
        )
        if (latest := self._latest()) is not None:
            for state, count in (("live", latest.live), ("expiring", latest.expiring), ("rotation_due", latest.due)):
                keys.add_metric([state], count)
        yield keys
