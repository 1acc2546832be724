from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from portcullis.control.certificates.renewal_measuring import RenewalCollector
from portcullis.engine.certificates.renewal import RenewalState


def exposition(renewer: Any) -> str:
    registry = CollectorRegistry()
    registry.register(RenewalCollector(lambda: renewer))
    return generate_latest(registry).decode()


def test_renewals_and_failures_are_shown() -> None:
    renewer = SimpleNamespace(
        renewals={("shop", "failed"): 2}, states={"shop": RenewalState(failures=2)}, next_at={"shop": 1_800_000_000.0}
    )
    text = exposition(renewer)
    assert 'portcullis_certificate_renewals_total{certificate="shop",result="failed"} 2.0' in text
    assert 'portcullis_certificate_renewal_failures{certificate="shop"} 2.0' in text
    assert 'portcullis_certificate_renewal_due_seconds{certificate="shop"} 1.8e+09' in text


def test_nothing_is_shown_where_nothing_is_managed() -> None:
    assert 'certificate="' not in exposition(None)
