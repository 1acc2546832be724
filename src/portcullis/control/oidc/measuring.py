"""What ``/metrics`` shows of logins and sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from portcullis.control.oidc.relying_party import RelyingParty
    from portcullis.control.oidc.sessions import Sessions


class OidcCollector(Collector):
    """Collects from ``parties``, by realm, which change, and ``sessions``."""

    def __init__(self, parties: Mapping[str, RelyingParty], sessions: Sessions) -> None:
        self._parties = parties
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        events = CounterMetricFamily(
            "portcullis_browser_sessions_events",
            "Logins, renewals and log-outs of browsers, by what came of them.",
            labels=["identity", "event", "result"],
        )
        for party in self._parties.values():
            for (event, result), count in sorted(party.results.items()):
                events.add_metric([party.source.name, event, result], count)
        yield events
        yield GaugeMetricFamily(
            "portcullis_browser_sessions", "Sessions of browsers that are kept.", value=self._sessions.count
        )
