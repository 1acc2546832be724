"""Where a configuration says ``monitor``."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import rows

from portcullis.control.monitored import MonitoredRules, Rule
from portcullis.engine.config.load import load_configuration
from portcullis.testing import FakeFiles

MAIN = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
plans: {monitor: {}}
include: apis/*.yaml
apis:
  shop:
    hosts: [monitor]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions:
      v1: {spec: shop.yaml, guard: {addresses: {mode: monitor, deny: [127.0.0.2]}}}
    authenticate: {any_of: [partners], mode: monitor}
    limit: {plan: monitor}
    validate: {request: {mode: monitor}}
    operations:
      "GET /a":
        validate: {request: {mode: enforce}}
      "GET /b":
        limit: {mode: monitor}
"""
BILLING = """\
apis:
  billing:
    hosts: [billing.example]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: billing.yaml}}
    public: true
    authorize: {scopes: {all_of: [a], mode: monitor}}
"""


@pytest.fixture
def rules() -> MonitoredRules:
    loaded = load_configuration(MAIN, "conf/p.yaml", FakeFiles({"apis/billing.yaml": BILLING}))
    return MonitoredRules(loaded, Path("conf/p.yaml"))


@rows(
    ("policy", "operation", "mode", "line"),
    [
        ("validate.request", "GET /c", "apis.shop.validate.request.mode", "conf/p.yaml:13"),
        ("validate.request", "GET /a", "", ""),
        ("limit.rate", "GET /b", 'apis.shop.operations."GET /b".limit.mode', "conf/p.yaml:18"),
        ("limit.rate", "GET /c", "", ""),
        ("authenticate.api_key", "GET /c", "apis.shop.authenticate.mode", "conf/p.yaml:11"),
        ("authenticate", "GET /c", "apis.shop.authenticate.mode", "conf/p.yaml:11"),
        ("guard.addresses", "GET /a", "apis.shop.versions.v1.guard.addresses.mode", "conf/p.yaml:10"),
        ("authorize.scopes", "GET /a", "", ""),
    ],
)
def test_the_key_that_lets_a_policy_monitor_is_found(
    rules: MonitoredRules, policy: str, operation: str, mode: str, line: str
) -> None:
    assert rules.mode_of(policy, "shop", "v1", operation) == (mode, line)


def test_what_an_included_file_says_is_found_there(rules: MonitoredRules) -> None:
    found = rules.mode_of("authorize.scopes", "billing", "v1", "GET /x")
    assert found == ("apis.billing.authorize.scopes.mode", "conf/apis/billing.yaml:7")


def test_what_the_file_has_no_more_is_monitored_by_nothing(rules: MonitoredRules) -> None:
    assert rules.mode_of("limit.rate", "gone", "v1", "GET /b") == ("", "")
    assert rules.mode_of("limit.rate", "shop", "v9", "GET /b") == ("", "")
    assert rules.knows("shop", "v1")
    assert not rules.knows("shop", "v2")


def test_what_had_nothing_to_object_is_told_with_the_calls_it_watched(rules: MonitoredRules) -> None:
    calls = {("shop", "v1", "GET /a"): 3, ("shop", "v1", "GET /b"): 4, ("gone", "v1", "GET /x"): 9, ("", "", ""): 1}
    assert set(rules.quiet(calls, {"conf/p.yaml:11"})) == {
        Rule("apis.shop.validate.request.mode", "conf/p.yaml:13", 4),
        Rule('apis.shop.operations."GET /b".limit.mode', "conf/p.yaml:18", 4),
        Rule("apis.shop.versions.v1.guard.addresses.mode", "conf/p.yaml:10", 7),
        Rule("apis.billing.authorize.scopes.mode", "conf/apis/billing.yaml:7", 0),
    }
