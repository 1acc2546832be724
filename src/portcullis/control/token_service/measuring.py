"""What ``/metrics`` shows of the token service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from portcullis.control.token_service.answering import TokenEndpoints
    from portcullis.control.token_service.refreshing import RefreshTokens
    from portcullis.control.token_service.revoking import RevocationList


class TokenCollector(Collector):
    """Counts since the control process began."""

    def __init__(self, endpoints: TokenEndpoints, refresh_tokens: RefreshTokens, revoked: RevocationList) -> None:
        self._endpoints = endpoints
        self._refresh_tokens = refresh_tokens
        self._revoked = revoked

    def collect(self) -> Iterator[Metric]:
        """What the Prometheus client turns into text."""
        requests = CounterMetricFamily(
            "portcullis_token_requests",
            "Requests to the token service, by endpoint and outcome (an error of RFC 6749, or ok).",
            labels=("endpoint", "outcome"),
        )
        for (endpoint, outcome), count in sorted(self._endpoints.answers.items()):
            requests.add_metric([endpoint, outcome], count)
        yield requests
        yield CounterMetricFamily(
            "portcullis_refresh_tokens_reused",
            "Families of refresh tokens that were ended because one was used again.",
            self._refresh_tokens.reused,
        )
        yield GaugeMetricFamily(
            "portcullis_token_revocations", "Revocations that every worker knows.", len(self._revoked)
        )
