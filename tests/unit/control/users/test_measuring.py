from __future__ import annotations

from collections import Counter
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from portcullis.control.users.measuring import PasswordCollector


class Checks:
    results = Counter({"proven": 3, "wrong": 2})
    hashes = 4
    waiting = 1


def test_what_was_asked_and_what_it_cost_is_shown() -> None:
    checks: Any = Checks()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PasswordCollector(checks))
    shown = generate_latest(registry).decode()
    for line in (
        'portcullis_password_checks_total{result="proven"} 3.0',
        'portcullis_password_checks_total{result="wrong"} 2.0',
        "portcullis_password_hashes_total 4.0",
        "portcullis_password_checks_waiting 1.0",
    ):
        assert line in shown
